//! The rules of presence: who is there is told to friends and to the others of direct rooms, as far as the person lets them and never across a
//! block. What is read and what was told agree; in the grace after a socket closed its person is still there for everyone.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::caller::Caller;
use crate::domain::endings;
use crate::error::Result;
use crate::id::UserId;
use crate::protocol::frames::Frame;
use crate::protocol::people::{Person, Presence, User, Visibility};
use crate::protocol::rooms::Room;
use crate::push::Push;
use crate::push::attendance::Attendance;
use crate::push::presence::Look;
use crate::store::recipients::{self, Recipients};
use crate::store::{Db, presence as store};
use crate::time::Timestamp;

/// People whose presence `welcome` tells at most, friends first; of others one hears when they come or leave.
const MOST_WATCHED: u32 = 500;

/// These people, and whether they are there as far as the caller may know: one statement and one look into the registry.
pub async fn of(db: &Db, push: &Push, caller: &Caller, users: Vec<User>) -> Result<Vec<Person>> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let found = seen_by(db, push, caller.user, &ids, caller.now).await?;
    Ok(users.into_iter().map(|user| Person { presence: Some(presence_of(&found, user.id)), user }).collect())
}

/// The same for one person.
pub async fn of_one(db: &Db, push: &Push, caller: &Caller, user: User) -> Result<Person> {
    let found = seen_by(db, push, caller.user, &[user.id], caller.now).await?;
    Ok(Person { presence: Some(presence_of(&found, user.id)), user })
}

/// Fills in whether the others of direct rooms are there; without direct rooms nothing is asked.
pub async fn in_rooms(db: &Db, push: &Push, viewer: UserId, rooms: &mut [Room], now: Timestamp) -> Result<()> {
    let ids: Vec<_> = rooms.iter().filter_map(|room| Some(room.direct_user.as_ref()?.id)).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let found = seen_by(db, push, viewer, &ids, now).await?;
    for other in rooms.iter_mut().filter_map(|room| room.direct_user.as_mut()) {
        other.presence = Some(presence_of(&found, other.id));
    }
    Ok(())
}

/// Those whose presence the caller hears of and who are online; none when the registry does not answer.
pub async fn online(db: &Db, push: &Push, caller: &Caller) -> Result<Option<Vec<UserId>>> {
    let watched = store::watched(&mut *db.acquire().await?, caller.user, MOST_WATCHED).await?;
    if watched.is_empty() {
        return Ok(Some(watched));
    }
    let Ok(found) = push.attend(&watched, caller.now).await else { return Ok(None) };
    let mut online: Vec<_> = found.iter().filter(|found| found.is_online(caller.now)).map(|found| found.user).collect();
    online.sort_unstable();
    Ok(Some(online))
}

/// Tells who came, or who is still away when the grace is over; closes what should be closed. Told again after a failure it tells no more than is true then.
pub async fn serve(db: &Db, push: &Push, look: Look, grace: Duration, now: Timestamp) -> Result<()> {
    let grace_ms = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
    match look {
        Look::Came { user_id } => came(db, push, UserId(user_id), now).await,
        Look::Left { until, part } => {
            let due = Timestamp(until.saturating_add(grace_ms));
            // A window is short: a wait beyond the grace and a little would be the wait for a wrong clock.
            let wait = due.since(now).clamp(0, grace_ms.saturating_mul(2).max(5000));
            tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
            let mut outcome = Ok(());
            for user in push.leavers(until, part).await? {
                let left = leave(db, push, user, grace_ms, now.max(due)).await;
                outcome = outcome.and(left);
            }
            outcome
        }
        Look::Ended { user_id } => {
            let user = UserId(user_id);
            if !endings::insist(db, push, user).await? {
                tracing::warn!(user.id = user.0, "sockets of an ended session are left to the clock");
                return Ok(());
            }
            // `$disconnect` finds nothing to forget, so this is told of by nobody else.
            tokio::time::sleep(grace).await;
            leave(db, push, user, grace_ms, Timestamp::now()).await
        }
    }
}

async fn came(db: &Db, push: &Push, user: UserId, now: Timestamp) -> Result<()> {
    let found = push.attend(&[user], now).await?;
    if !found.first().is_some_and(|found| found.is_online(now)) {
        return Ok(());
    }
    let audience = store::audience(&mut *db.acquire().await?, user, None).await?;
    tell(push, user, &audience, Presence { online: Some(true), last_seen: None }, now).await;
    Ok(())
}

/// What can fail comes before the person is taken to be away, so that a second try still has something to do.
async fn leave(db: &Db, push: &Push, user: UserId, grace_ms: i64, now: Timestamp) -> Result<()> {
    let found = push.attend(&[user], now).await?;
    let Some(found) = found.first().filter(|found| found.is_leaving(grace_ms, now)) else { return Ok(()) };
    let last_seen = found.last_seen().unwrap_or(now);
    let audience = {
        let mut connection = db.acquire().await?;
        store::left(&mut connection, user, last_seen).await?;
        store::audience(&mut connection, user, None).await?
    };
    if push.settle(found).await? {
        tell(push, user, &audience, Presence { online: Some(false), last_seen: Some(last_seen) }, now).await;
    }
    Ok(())
}

/// After what stands between two people changed, each is told what they may know of the other from now on.
pub(super) async fn agree(db: &Db, push: &Push, (one, other): (UserId, UserId), now: Timestamp) -> Result<()> {
    for (subject, viewer) in [(one, other), (other, one)] {
        let hearers = store::audience(&mut *db.acquire().await?, subject, None).await?.only(viewer);
        if hearers.is_empty() {
            let viewer = recipients::of(&mut *db.acquire().await?, &[viewer]).await?;
            tell(push, subject, &viewer, Presence::default(), now).await;
        } else {
            let presence = presence_of(&seen_by(db, push, viewer, &[subject], now).await?, subject);
            tell(push, subject, &hearers, presence, now).await;
        }
    }
    Ok(())
}

/// That somebody hears of somebody else's presence.
#[derive(Clone, Debug)]
pub(super) struct Hears {
    viewer: UserId,
    subject: UserId,
    /// The viewer, as somebody who can be told.
    recipient: Recipients,
}

/// Which of two people hears of the other.
pub(super) async fn between(db: &Db, (one, other): (UserId, UserId)) -> Result<Vec<Hears>> {
    let mut connection = db.acquire().await?;
    let mut between = Vec::new();
    for (subject, viewer) in [(one, other), (other, one)] {
        let recipient = store::audience(&mut connection, subject, None).await?.only(viewer);
        if !recipient.is_empty() {
            between.push(Hears { viewer, subject, recipient });
        }
    }
    Ok(between)
}

/// Tells those who hear of one another no longer to forget what they know.
pub(super) async fn part(push: &Push, heard: &[Hears], now: Timestamp) {
    for Hears { subject, recipient, .. } in heard {
        tell(push, *subject, recipient, Presence::default(), now).await;
    }
}

/// Tells those who hear of one another from now on how it stands.
pub(super) async fn join(db: &Db, push: &Push, hear: &[Hears], now: Timestamp) -> Result<()> {
    for Hears { viewer, subject, recipient } in hear {
        let presence = presence_of(&seen_by(db, push, *viewer, &[*subject], now).await?, *subject);
        tell(push, *subject, recipient, presence, now).await;
    }
    Ok(())
}

/// After the caller let others see more or less than `before`: who may no longer know forgets it, who may now is told.
pub async fn visibility_changed(db: &Db, push: &Push, caller: &Caller, before: Visibility) -> Result<()> {
    let (heard, hear) = {
        let mut connection = db.acquire().await?;
        let heard = store::audience(&mut connection, caller.user, Some(before)).await?;
        (heard, store::audience(&mut connection, caller.user, None).await?)
    };
    let lost = heard.those(|user| !hear.contains(user));
    tell(push, caller.user, &lost, Presence::default(), caller.now).await;
    let gained = hear.those(|user| !heard.contains(user));
    if !gained.is_empty() {
        let presence = presence_of(&seen_by(db, push, caller.user, &[caller.user], caller.now).await?, caller.user);
        tell(push, caller.user, &gained, presence, caller.now).await;
    }
    Ok(())
}

/// What `viewer` may know of these people; nothing of anyone when the registry does not answer.
async fn seen_by(db: &Db, push: &Push, viewer: UserId, users: &[UserId], now: Timestamp) -> Result<BTreeMap<UserId, Presence>> {
    if users.is_empty() {
        return Ok(BTreeMap::new());
    }
    let visible = store::visible(&mut *db.acquire().await?, viewer, users).await?;
    let ids: Vec<_> = visible.iter().map(|(user, _)| *user).collect();
    let Ok(found) = push.attend(&ids, now).await else { return Ok(BTreeMap::new()) };
    let mut seen = BTreeMap::new();
    for (user, stored) in visible {
        let found = found.iter().find(|found| found.user == user);
        let online = found.is_some_and(|found| found.is_online(now));
        let last_seen = found.and_then(Attendance::last_seen).max(stored).filter(|_| !online);
        if found.is_some_and(|found| found.is_overdue(now)) {
            push.look_after(user, now).await;
        }
        seen.insert(user, Presence { online: Some(online), last_seen });
    }
    Ok(seen)
}

fn presence_of(found: &BTreeMap<UserId, Presence>, user: UserId) -> Presence {
    found.get(&user).copied().unwrap_or_default()
}

async fn tell(push: &Push, user: UserId, audience: &Recipients, presence: Presence, now: Timestamp) {
    if !audience.is_empty() {
        push.to_users(audience, &Frame::Presence { user_id: user, presence, ts: now.0 }, now).await;
    }
}
