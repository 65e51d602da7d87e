//! Presence: friends and partners of direct rooms see whether a user is online, within the user's settings and not across a block. Reads and
//! frames agree; a user stays online during a grace period after the last socket closes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::caller::Caller;
use crate::domain::auth::session_closings;
use crate::error::Result;
use crate::id::UserId;
use crate::protocol::frames::Frame;
use crate::protocol::people::{Person, Presence, User, Visibility};
use crate::protocol::rooms::Room;
use crate::push::Push;
use crate::push::presence_checks::PresenceCheck;
use crate::push::presence_record::PresenceRecord;
use crate::store::recipients::{self, Recipients};
use crate::store::{Db, presence_visibility as store};
use crate::time::Timestamp;

/// Maximum number of users whose presence `welcome` contains, friends first. Others arrive as frames when they change.
const MAX_WATCHED: u32 = 500;
/// Users announced as offline concurrently.
const CONCURRENCY: usize = 8;

/// Adds to users the presence that the caller may see, with one statement and one registry read.
pub async fn of_users(db: &Db, push: &Push, caller: &Caller, users: Vec<User>) -> Result<Vec<Person>> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let found = visible_to(db, push, caller.user, &ids, caller.now).await?;
    Ok(users.into_iter().map(|user| Person { presence: Some(presence_in(&found, user.id)), user }).collect())
}

/// The same for one user.
pub async fn of_user(db: &Db, push: &Push, caller: &Caller, user: User) -> Result<Person> {
    let found = visible_to(db, push, caller.user, &[user.id], caller.now).await?;
    Ok(Person { presence: Some(presence_in(&found, user.id)), user })
}

/// Fills in the presence of the partners in direct rooms.
pub async fn fill_rooms(db: &Db, push: &Push, viewer: UserId, rooms: &mut [Room], now: Timestamp) -> Result<()> {
    let ids: Vec<_> = rooms.iter().filter_map(|room| Some(room.direct_user.as_ref()?.id)).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let found = visible_to(db, push, viewer, &ids, now).await?;
    for other in rooms.iter_mut().filter_map(|room| room.direct_user.as_mut()) {
        other.presence = Some(presence_in(&found, other.id));
    }
    Ok(())
}

/// Lists the online users whose presence the caller sees; `None` when the registry does not answer.
pub async fn online(db: &Db, push: &Push, caller: &Caller) -> Result<Option<Vec<UserId>>> {
    let watched = store::watched_by(&mut *db.acquire().await?, caller.user, MAX_WATCHED).await?;
    if watched.is_empty() {
        return Ok(Some(watched));
    }
    let Ok(found) = push.presence_of(&watched, caller.now).await else { return Ok(None) };
    let mut online: Vec<_> = found.iter().filter(|found| found.is_online(caller.now)).map(|found| found.user).collect();
    online.sort_unstable();
    Ok(Some(online))
}

/// Handles a presence check: pushes that a user came online, or is still offline after the grace period, and closes sockets of ended sessions. A
/// repeated check pushes only what is true then.
pub async fn serve(db: &Db, push: &Push, check: PresenceCheck, grace: Duration, now: Timestamp) -> Result<()> {
    match check {
        PresenceCheck::CameOnline { user_id } => announce_online(db, push, UserId(user_id), now).await,
        PresenceCheck::Left { until, part } => {
            let grace_ms = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
            let due = Timestamp(until.saturating_add(grace_ms));
            let early = u64::try_from(due.since(now)).unwrap_or_default();
            if early > 0 {
                return push.schedule_check(check, Duration::from_millis(early), now).await;
            }
            let users = push.departed_users(until, part).await?;
            // Boxed: there are many futures.
            let announcing = users.into_iter().map(|user| Box::pin(announce_offline(db, push, user, grace_ms, now)));
            let outcomes: Vec<_> = stream::iter(announcing).buffer_unordered(CONCURRENCY).collect().await;
            outcomes.into_iter().collect()
        }
        PresenceCheck::Ended { user_id, attempt } => {
            session_closings::close_or_retry(db, push, UserId(user_id), attempt, now).await
        }
    }
}

async fn announce_online(db: &Db, push: &Push, user: UserId, now: Timestamp) -> Result<()> {
    let found = push.presence_of(&[user], now).await?;
    if !found.first().is_some_and(|found| found.is_online(now)) {
        return Ok(());
    }
    let audience = store::audience(&mut *db.acquire().await?, user, None).await?;
    push_presence(push, user, &audience, Presence { online: Some(true), last_seen: None }, now).await;
    Ok(())
}

/// Everything that can fail comes before `mark_offline`, so that a retry still finds the user online.
async fn announce_offline(db: &Db, push: &Push, user: UserId, grace_ms: i64, now: Timestamp) -> Result<()> {
    let found = push.presence_of(&[user], now).await?;
    let Some(found) = found.first().filter(|found| found.should_announce_offline(grace_ms, now)) else { return Ok(()) };
    let last_seen = found.last_seen().unwrap_or(now);
    let audience = {
        let mut connection = db.acquire().await?;
        store::set_last_seen(&mut connection, user, last_seen).await?;
        store::audience(&mut connection, user, None).await?
    };
    if push.mark_offline(found).await? {
        push_presence(push, user, &audience, Presence { online: Some(false), last_seen: Some(last_seen) }, now).await;
    }
    Ok(())
}

/// Pushes to each of two users what they may see of the other, after their relation changed.
pub(crate) async fn push_mutual(db: &Db, push: &Push, one: UserId, other: UserId, now: Timestamp) -> Result<()> {
    for (subject, viewer) in [(one, other), (other, one)] {
        let audience = store::audience(&mut *db.acquire().await?, subject, None).await?.only(viewer);
        if audience.is_empty() {
            let viewer = recipients::for_users(&mut *db.acquire().await?, &[viewer]).await?;
            push_presence(push, subject, &viewer, Presence::default(), now).await;
        } else {
            let presence = presence_in(&visible_to(db, push, viewer, &[subject], now).await?, subject);
            push_presence(push, subject, &audience, presence, now).await;
        }
    }
    Ok(())
}

/// A viewer who sees a subject's presence.
#[derive(Clone, Debug)]
pub(crate) struct PresenceView {
    viewer: UserId,
    subject: UserId,
    /// The viewer as a recipient of frames.
    recipient: Recipients,
}

/// Returns who of two users sees the other.
pub(crate) async fn views_between(db: &Db, one: UserId, other: UserId) -> Result<Vec<PresenceView>> {
    let mut connection = db.acquire().await?;
    let mut views = Vec::new();
    for (subject, viewer) in [(one, other), (other, one)] {
        let recipient = store::audience(&mut connection, subject, None).await?.only(viewer);
        if !recipient.is_empty() {
            views.push(PresenceView { viewer, subject, recipient });
        }
    }
    Ok(views)
}

/// Hides the presence from viewers who may no longer see it.
pub(crate) async fn hide(push: &Push, views: &[PresenceView], now: Timestamp) {
    for PresenceView { subject, recipient, .. } in views {
        push_presence(push, *subject, recipient, Presence::default(), now).await;
    }
}

/// Pushes the current presence to new viewers.
pub(crate) async fn reveal(db: &Db, push: &Push, views: &[PresenceView], now: Timestamp) -> Result<()> {
    for PresenceView { viewer, subject, recipient } in views {
        let presence = presence_in(&visible_to(db, push, *viewer, &[*subject], now).await?, *subject);
        push_presence(push, *subject, recipient, presence, now).await;
    }
    Ok(())
}

/// Pushes the effect of a changed visibility setting: users who lost access forget the presence, users who gained it get it.
pub async fn visibility_changed(db: &Db, push: &Push, caller: &Caller, before: Visibility) -> Result<()> {
    let (audience_before, audience_after) = {
        let mut connection = db.acquire().await?;
        let audience_before = store::audience(&mut connection, caller.user, Some(before)).await?;
        (audience_before, store::audience(&mut connection, caller.user, None).await?)
    };
    let lost = audience_before.matching(|user| !audience_after.contains(user));
    push_presence(push, caller.user, &lost, Presence::default(), caller.now).await;
    let gained = audience_after.matching(|user| !audience_before.contains(user));
    if !gained.is_empty() {
        let presence = presence_in(&visible_to(db, push, caller.user, &[caller.user], caller.now).await?, caller.user);
        push_presence(push, caller.user, &gained, presence, caller.now).await;
    }
    Ok(())
}

/// Returns the presence that `viewer` may see; empty when the registry does not answer.
async fn visible_to(
    db: &Db,
    push: &Push,
    viewer: UserId,
    users: &[UserId],
    now: Timestamp,
) -> Result<BTreeMap<UserId, Presence>> {
    if users.is_empty() {
        return Ok(BTreeMap::new());
    }
    let visible = store::visible_to(&mut *db.acquire().await?, viewer, users).await?;
    let ids: Vec<_> = visible.iter().map(|(user, _)| *user).collect();
    let Ok(found) = push.presence_of(&ids, now).await else { return Ok(BTreeMap::new()) };
    let mut seen = BTreeMap::new();
    for (user, stored) in visible {
        let found = found.iter().find(|found| found.user == user);
        let online = found.is_some_and(|found| found.is_online(now));
        let last_seen = found.and_then(PresenceRecord::last_seen).max(stored).filter(|_| !online);
        if found.is_some_and(|found| found.is_overdue(now)) {
            push.schedule_offline_check(user, now).await;
        }
        seen.insert(user, Presence { online: Some(online), last_seen });
    }
    Ok(seen)
}

fn presence_in(found: &BTreeMap<UserId, Presence>, user: UserId) -> Presence {
    found.get(&user).copied().unwrap_or_default()
}

async fn push_presence(push: &Push, user: UserId, audience: &Recipients, presence: Presence, now: Timestamp) {
    if !audience.is_empty() {
        push.to_users(audience, &Frame::Presence { user_id: user, presence, ts: now.0 }, now).await;
    }
}
