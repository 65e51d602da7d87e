//! Friends: one user requests, the other accepts; mutual requests accept each other. No requests across a block.

use crate::caller::Caller;
use crate::domain::paging::{PageRequest, encode_cursor, page};
use crate::domain::people::contact_limits;
use crate::domain::people::handles::username_of;
use crate::domain::people::presence;
use crate::error::{Error, Result};
use crate::id::{UserId, UserPair};
use crate::protocol::frames::Frame;
use crate::protocol::friends::{Direction, FriendState, Friendship, NewFriend};
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::push::Push;
use crate::store::friendships::{self as store, FriendRequest, Relationship, RequestCursor};
use crate::store::{Db, Tx, blocks, recipients, transaction, users};

/// Maximum number of friends; all of them get the user's presence.
pub const MAX_FRIENDS: i64 = 1000;
/// Maximum number of a user's open requests.
pub const MAX_OPEN_REQUESTS: i64 = 200;
/// Seconds before a user may request again after a rejection.
const REJECTED_PAUSE_SECONDS: i64 = 24 * 3600;
/// Seconds before a user may request again after a withdrawal.
const WITHDRAWN_PAUSE_SECONDS: i64 = 600;

/// Lists the caller's friends by ascending id, with presence.
pub async fn list(db: &Db, push: &Push, caller: &Caller, paging: PageRequest<'_>) -> Result<Page<Friendship>> {
    let limit = paging.limit()?;
    let after = paging.position(0)?;
    let found = store::friends(&mut *db.acquire().await?, caller.user, after, limit + 1).await?;
    let mut page = page(found, limit, |last| last.user.user.id.to_string());
    let people = page.items.iter().map(|item| item.user.user.clone()).collect();
    for (item, person) in page.items.iter_mut().zip(presence::of_users(db, push, caller, people).await?) {
        item.user = person;
    }
    Ok(page)
}

/// Lists the caller's open requests in one direction, newest first.
pub async fn requests(db: &Db, caller: &Caller, direction: Direction, paging: PageRequest<'_>) -> Result<Page<Friendship>> {
    let limit = paging.limit()?;
    let before = paging.decode(RequestCursor::START, parse_position)?;
    let found = store::requests(&mut *db.acquire().await?, caller.user, direction, before, limit + 1).await?;
    Ok(page(found, limit, |last| encode_cursor(&format!("{}.{}", last.requested_at.0, last.user.user.id))))
}

/// Requests a friendship, or accepts the other user's request. Returns the friendship and whether the request is new.
pub async fn send_request(db: &Db, push: &Push, caller: &Caller, new: &NewFriend) -> Result<(Friendship, bool)> {
    let pair = load_pair(db, caller, new).await?;
    contact_limits::charge(db, push, caller, &[pair.other.id], 0).await?;
    let (tie, outcome) = transaction!(db, |tx| store_request(tx, caller, pair.other.id).await)?;
    match outcome {
        RequestOutcome::Unchanged => {}
        RequestOutcome::Requested => push_friendship(db, push, caller, tie, &pair).await?,
        RequestOutcome::Accepted => push_accepted(db, push, caller, tie, &pair).await?,
    }
    Ok((friendship_view(db, push, caller, tie, pair.other).await?, outcome == RequestOutcome::Requested))
}

/// Accepts a request. Idempotent.
pub async fn accept(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<Friendship> {
    let named = NewFriend { user_id: Some(user), username: None };
    let pair = load_pair(db, caller, &named).await.map_err(|error| match error {
        Error::NotFound(_) | Error::Conflict(_) => Error::NotFound("request_not_found"),
        other => other,
    })?;
    let (tie, agreed) = transaction!(db, |tx| store_acceptance(tx, caller, user).await)?;
    if agreed {
        push_accepted(db, push, caller, tie, &pair).await?;
    }
    friendship_view(db, push, caller, tie, pair.other).await
}

pub async fn reject(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    end_relation(db, push, caller, user, RelationEnd::Rejected).await
}

/// Withdraws a request.
pub async fn cancel(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    end_relation(db, push, caller, user, RelationEnd::Withdrawn).await
}

/// Ends a friendship.
pub async fn remove(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    end_relation(db, push, caller, user, RelationEnd::Unfriended).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestOutcome {
    Requested,
    Accepted,
    Unchanged,
}

/// How a user ends a request or a friendship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RelationEnd {
    Rejected,
    Withdrawn,
    Unfriended,
}

impl RelationEnd {
    /// Whether the user can end this relation so.
    fn applies_to(self, tie: &Relationship, by: UserId) -> bool {
        match self {
            Self::Rejected => tie.accepted_at.is_none() && tie.by != by,
            Self::Withdrawn => tie.accepted_at.is_none() && tie.by == by,
            Self::Unfriended => tie.accepted_at.is_some(),
        }
    }

    fn missing(self) -> Error {
        Error::NotFound(if self == Self::Unfriended { "friend_not_found" } else { "request_not_found" })
    }
}

/// The caller and another user.
struct FriendPair {
    me: User,
    other: User,
}

/// Loads the caller and the named user.
async fn load_pair(db: &Db, caller: &Caller, new: &NewFriend) -> Result<FriendPair> {
    let found = {
        let mut connection = db.acquire().await?;
        match (new.user_id, new.username.as_deref()) {
            (Some(user), None) => users::find_many(&mut connection, &[caller.user, user], &[]).await?,
            (None, Some(name)) => users::find_many(&mut connection, &[caller.user], &[username_of(name)]).await?,
            _ => return Err(Error::invalid("user_id", "invalid", "must name one user, here or in username")),
        }
    };
    let (mut me, mut other) = (None, None);
    for user in found {
        if user.id == caller.user { me = Some(user) } else { other = Some(user) }
    }
    let me = me.ok_or(Error::Unauthenticated("session_ended"))?;
    let myself = new.user_id == Some(me.id)
        || new.username.as_ref().is_some_and(|name| username_of(name).eq_ignore_ascii_case(&me.username));
    if myself {
        return Err(Error::Conflict("self_friend"));
    }
    Ok(FriendPair { me, other: other.ok_or(Error::NotFound("user_not_found"))? })
}

async fn store_request(tx: &mut Tx<'_>, caller: &Caller, user: UserId) -> Result<(Relationship, RequestOutcome)> {
    let request = FriendRequest { from: caller.user, to: user };
    let pair = request.pair();
    let found = store::lock(tx, pair).await?;
    if found.is_none() {
        let limits = store::request_limits(tx, request, caller.now).await?;
        if let Some(until) = limits.paused_until {
            if blocks::exists_between(tx, caller.user, user).await? {
                return Err(Error::Forbidden("blocked"));
            }
            let retry_after = u32::try_from(until.since(caller.now) / 1000 + 1).unwrap_or(u32::MAX);
            return Err(Error::TooMany { retry_after, policy: None });
        }
        if limits.open >= MAX_OPEN_REQUESTS {
            return Err(Error::Conflict("too_many_open_requests"));
        }
    }
    let (tie, new) = match found {
        Some(tie) => (tie, false),
        None if store::insert(tx, request, caller.now).await? => {
            (Relationship { by: caller.user, requested_at: caller.now, accepted_at: None }, true)
        }
        // A concurrent request was stored first, and may be gone again.
        None => (
            store::lock(tx, pair)
                .await?
                .ok_or_else(|| Error::unavailable("a friend request was created and deleted concurrently"))?,
            false,
        ),
    };
    // This transaction holds the row: a concurrent block deletes it afterwards or is visible here.
    if blocks::lock_between(tx, caller.user, user).await? {
        return Err(Error::Forbidden("blocked"));
    }
    match tie {
        _ if new => Ok((tie, RequestOutcome::Requested)),
        Relationship { by, accepted_at: None, .. } if by == user => {
            Ok((befriend(tx, caller, tie, user).await?, RequestOutcome::Accepted))
        }
        _ => Ok((tie, RequestOutcome::Unchanged)),
    }
}

async fn store_acceptance(tx: &mut Tx<'_>, caller: &Caller, user: UserId) -> Result<(Relationship, bool)> {
    match store::lock(tx, UserPair::new(caller.user, user)).await? {
        Some(tie) if tie.accepted_at.is_some() => Ok((tie, false)),
        Some(tie) if tie.by == user => Ok((befriend(tx, caller, tie, user).await?, true)),
        _ => Err(Error::NotFound("request_not_found")),
    }
}

async fn befriend(tx: &mut Tx<'_>, caller: &Caller, tie: Relationship, user: UserId) -> Result<Relationship> {
    let pair = UserPair::new(caller.user, user);
    if store::count_friends(tx, pair).await? >= MAX_FRIENDS {
        return Err(Error::Conflict("too_many_friends"));
    }
    store::accept(tx, pair, caller.now).await?;
    Ok(Relationship { accepted_at: Some(caller.now), ..tie })
}

/// Deletes the friendship or request.
async fn end_relation(db: &Db, push: &Push, caller: &Caller, user: UserId, end: RelationEnd) -> Result<()> {
    let pair = UserPair::new(caller.user, user);
    let tie = transaction!(db, |tx| {
        let tie = store::lock(tx, pair).await?.filter(|tie| end.applies_to(tie, caller.user));
        let tie = tie.ok_or_else(|| end.missing())?;
        store::delete(tx, pair).await?;
        start_pause(tx, caller, tie, user).await?;
        Ok(tie)
    })?;
    push_removed(db, push, caller, user).await?;
    if tie.accepted_at.is_some() {
        presence::push_mutual(db, push, caller.user, user, caller.now).await?;
    }
    Ok(())
}

/// Starts the pause before the requester may request the same user again: a day after a rejection, minutes after a withdrawal.
pub(crate) async fn start_pause(tx: &mut Tx<'_>, caller: &Caller, tie: Relationship, user: UserId) -> Result<()> {
    if tie.accepted_at.is_some() {
        return Ok(());
    }
    let withdrawn = tie.by == caller.user;
    let (to, seconds) = if withdrawn { (user, WITHDRAWN_PAUSE_SECONDS) } else { (caller.user, REJECTED_PAUSE_SECONDS) };
    store::pause(tx, FriendRequest { from: tie.by, to }, caller.now.plus_seconds(seconds)).await
}

async fn push_accepted(db: &Db, push: &Push, caller: &Caller, tie: Relationship, pair: &FriendPair) -> Result<()> {
    push_friendship(db, push, caller, tie, pair).await?;
    presence::push_mutual(db, push, pair.me.id, pair.other.id, caller.now).await
}

/// Pushes the friendship or request to both users, as each sees it.
async fn push_friendship(db: &Db, push: &Push, caller: &Caller, tie: Relationship, pair: &FriendPair) -> Result<()> {
    let FriendPair { me, other } = pair;
    let both = recipients::for_users(&mut *db.acquire().await?, &[me.id, other.id]).await?;
    for (to, peer) in [(me, other), (other, me)] {
        push.to_users(&both.only(to.id), &friendship_frame(tie, peer.clone(), to.id), caller.now).await;
    }
    Ok(())
}

/// Tells both users that the friendship or request is gone, without the reason.
pub(crate) async fn push_removed(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    let both = recipients::for_users(&mut *db.acquire().await?, &[caller.user, user]).await?;
    for (to, user_id) in [(caller.user, user), (user, caller.user)] {
        push.to_users(&both.only(to), &Frame::FriendRemoved { user_id }, caller.now).await;
    }
    Ok(())
}

/// Builds the frame of a friendship as one of the two users sees it.
pub(crate) fn friendship_frame(tie: Relationship, other: User, to: UserId) -> Frame {
    let friendship = Box::new(tie.with(other, to));
    if tie.accepted_at.is_some() { Frame::FriendAccepted(friendship) } else { Frame::FriendRequest(friendship) }
}

/// Returns the friendship as the caller sees it, with presence if accepted.
async fn friendship_view(db: &Db, push: &Push, caller: &Caller, tie: Relationship, other: User) -> Result<Friendship> {
    let mut friendship = tie.with(other.clone(), caller.user);
    if friendship.state == FriendState::Accepted {
        friendship.user = presence::of_user(db, push, caller, other).await?;
    }
    Ok(friendship)
}

fn parse_position(text: &str) -> Option<RequestCursor> {
    let (requested_at, user) = text.split_once('.')?;
    Some(RequestCursor { requested_at: requested_at.parse().ok()?, user: user.parse().ok()? })
}
