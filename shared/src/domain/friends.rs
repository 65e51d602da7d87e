//! The rules of friends: one asks, the other agrees; two who ask each other are friends. Nobody asks across a block, and both hear the same of it.

use crate::caller::Caller;
use crate::domain::paging::{after, clamped, cursor_of, page, place_in};
use crate::domain::{presence, reach};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::frames::Frame;
use crate::protocol::friends::{Direction, FriendState, Friendship, NewFriend};
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::push::Push;
use crate::store::friendships::{self as store, Place, Tie};
use crate::store::{Db, Tx, blocks, recipients, transaction, users};

/// Friends of one person at most: all of them are told when the person comes or leaves.
pub const MOST_FRIENDS: i64 = 1000;
/// Requests of one person that may wait for answers: whoever asks the whole town is not asking.
pub const MOST_OPEN: i64 = 200;
/// So long nobody asks a person again who said no.
const DECLINED_SECONDS: i64 = 24 * 3600;
/// And so long nobody asks again whom they have just asked and then not.
const WITHDRAWN_SECONDS: i64 = 600;

/// A page of the caller's friends by ascending id, with their presence.
pub async fn list(
    db: &Db,
    push: &Push,
    caller: &Caller,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<Friendship>> {
    let limit = clamped(limit);
    let after = after(cursor, 0)?;
    let found = store::friends(&mut *db.acquire().await?, caller.user, after, limit + 1).await?;
    let mut page = page(found, limit, |last| last.user.user.id.to_string());
    let people = page.items.iter().map(|item| item.user.user.clone()).collect();
    for (item, person) in page.items.iter_mut().zip(presence::of(db, push, caller, people).await?) {
        item.user = person;
    }
    Ok(page)
}

/// A page of the requests that the caller made, or was asked by, newest first.
pub async fn requests(
    db: &Db,
    caller: &Caller,
    direction: Direction,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<Friendship>> {
    let limit = clamped(limit);
    let before = cursor.map_or(Ok(Place::START), |cursor| place_in(cursor, place))?;
    let found = store::requests(&mut *db.acquire().await?, caller.user, direction, before, limit + 1).await?;
    Ok(page(found, limit, |last| cursor_of(&format!("{}.{}", last.requested_at.0, last.user.user.id))))
}

/// Asks a person to be friends; one who has asked already is a friend from now on. Gives what stands between the two, and whether the caller's
/// request is new.
pub async fn ask(db: &Db, push: &Push, caller: &Caller, new: &NewFriend) -> Result<(Friendship, bool)> {
    let (me, other) = two(db, caller, new).await?;
    reach::spend(db, push, caller, &[other.id], 0).await?;
    let (tie, outcome) = transaction!(db, |tx| request(tx, caller, other.id).await)?;
    match outcome {
        Outcome::AsItWas => {}
        Outcome::Asked => {
            let both = recipients::of(&mut *db.acquire().await?, &[me.id, other.id]).await?;
            for (to, whom) in [(&me, &other), (&other, &me)] {
                push.to_users(&both.only(to.id), &told(tie, whom.clone(), to.id), caller.now).await;
            }
        }
        Outcome::Agreed => tell_of_friends(db, push, caller, tie, (&me, &other)).await?,
    }
    Ok((shown(db, push, caller, tie, other).await?, outcome == Outcome::Asked))
}

/// Agrees to a request. Doing so again changes nothing.
pub async fn accept(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<Friendship> {
    let named = NewFriend { user_id: Some(user), username: None };
    let (me, other) = two(db, caller, &named).await.map_err(|error| match error {
        Error::NotFound(_) | Error::Conflict(_) => Error::NotFound("request_not_found"),
        other => other,
    })?;
    let (tie, agreed) = transaction!(db, |tx| agree(tx, caller, user).await)?;
    if agreed {
        tell_of_friends(db, push, caller, tie, (&me, &other)).await?;
    }
    shown(db, push, caller, tie, other).await
}

/// Declines a request.
pub async fn reject(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    end(db, push, caller, user, (|tie| tie.accepted_at.is_none() && tie.by == user, "request_not_found")).await
}

/// Withdraws a request.
pub async fn cancel(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    end(db, push, caller, user, (|tie| tie.accepted_at.is_none() && tie.by == caller.user, "request_not_found")).await
}

/// Ends a friendship.
pub async fn remove(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    end(db, push, caller, user, (|tie| tie.accepted_at.is_some(), "friend_not_found")).await
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Asked,
    Agreed,
    AsItWas,
}

/// The caller and the person who is meant, as others see them.
async fn two(db: &Db, caller: &Caller, new: &NewFriend) -> Result<(User, User)> {
    let found = {
        let mut connection = db.acquire().await?;
        match (new.user_id, new.username.as_deref()) {
            (Some(user), None) => users::named(&mut connection, &[caller.user, user], &[]).await?,
            (None, Some(name)) => users::named(&mut connection, &[caller.user], &[name]).await?,
            _ => return Err(Error::invalid("user_id", "invalid", "must name one person, here or in username")),
        }
    };
    let (mut me, mut other) = (None, None);
    for user in found {
        if user.id == caller.user { me = Some(user) } else { other = Some(user) }
    }
    let me = me.ok_or(Error::Unauthenticated("session_ended"))?;
    let myself = new.user_id == Some(me.id) || new.username.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&me.username));
    if myself {
        return Err(Error::Conflict("self_friend"));
    }
    Ok((me, other.ok_or(Error::NotFound("user_not_found"))?))
}

async fn request(tx: &mut Tx<'_>, caller: &Caller, user: UserId) -> Result<(Tie, Outcome)> {
    let two = (caller.user, user);
    let found = store::lock(tx, two).await?;
    if found.is_none() {
        let asking = store::asking(tx, two, caller.now).await?;
        if let Some(until) = asking.paused_until {
            if blocks::between(tx, caller.user, user).await? {
                return Err(Error::Forbidden("blocked"));
            }
            let retry_after = u32::try_from(until.since(caller.now) / 1000 + 1).unwrap_or(u32::MAX);
            return Err(Error::TooMany { retry_after, policy: None });
        }
        if asking.open >= MOST_OPEN {
            return Err(Error::Conflict("too_many_open_requests"));
        }
    }
    let (tie, new) = match found {
        Some(tie) => (tie, false),
        None if store::insert(tx, two, caller.now).await? => {
            (Tie { by: caller.user, requested_at: caller.now, accepted_at: None }, true)
        }
        // The other one was quicker, and what they did may be undone again by now.
        None => (store::lock(tx, two).await?.ok_or_else(|| Error::unavailable("a request came and went"))?, false),
    };
    // The row is ours: whoever blocks takes it away after us, or is seen here.
    if blocks::lock_between(tx, caller.user, user).await? {
        return Err(Error::Forbidden("blocked"));
    }
    match tie {
        _ if new => Ok((tie, Outcome::Asked)),
        Tie { by, accepted_at: None, .. } if by == user => Ok((befriend(tx, caller, tie, user).await?, Outcome::Agreed)),
        _ => Ok((tie, Outcome::AsItWas)),
    }
}

async fn agree(tx: &mut Tx<'_>, caller: &Caller, user: UserId) -> Result<(Tie, bool)> {
    match store::lock(tx, (caller.user, user)).await? {
        Some(tie) if tie.accepted_at.is_some() => Ok((tie, false)),
        Some(tie) if tie.by == user => Ok((befriend(tx, caller, tie, user).await?, true)),
        _ => Err(Error::NotFound("request_not_found")),
    }
}

async fn befriend(tx: &mut Tx<'_>, caller: &Caller, tie: Tie, user: UserId) -> Result<Tie> {
    let two = (caller.user, user);
    if store::count_friends(tx, two).await? >= MOST_FRIENDS {
        return Err(Error::Conflict("too_many_friends"));
    }
    store::accept(tx, two, caller.now).await?;
    Ok(Tie { accepted_at: Some(caller.now), ..tie })
}

/// Takes away what stands between the two, if it is `what` is meant.
async fn end(
    db: &Db,
    push: &Push,
    caller: &Caller,
    user: UserId,
    (what, missing): (impl Fn(&Tie) -> bool, &'static str),
) -> Result<()> {
    let two = (caller.user, user);
    let tie = transaction!(db, |tx| {
        let tie = store::lock(tx, two).await?.filter(&what).ok_or(Error::NotFound(missing))?;
        store::delete(tx, two).await?;
        rest(tx, caller, tie, user).await?;
        Ok(tie)
    })?;
    tell_of_end(db, push, caller, user).await?;
    if tie.accepted_at.is_some() {
        presence::agree(db, push, two, caller.now).await?;
    }
    Ok(())
}

/// After a request that came to nothing whoever asked asks nobody again for a while: whom they asked, for a day; whom they thought better of, for
/// some minutes. So nobody is asked and asked again.
pub(super) async fn rest(tx: &mut Tx<'_>, caller: &Caller, tie: Tie, user: UserId) -> Result<()> {
    if tie.accepted_at.is_some() {
        return Ok(());
    }
    let mine = tie.by == caller.user;
    let (of, seconds) = if mine { (user, WITHDRAWN_SECONDS) } else { (caller.user, DECLINED_SECONDS) };
    store::pause(tx, (tie.by, of), caller.now.plus_seconds(seconds)).await
}

async fn tell_of_friends(db: &Db, push: &Push, caller: &Caller, tie: Tie, (me, other): (&User, &User)) -> Result<()> {
    let both = recipients::of(&mut *db.acquire().await?, &[me.id, other.id]).await?;
    for (to, whom) in [(me, other), (other, me)] {
        push.to_users(&both.only(to.id), &told(tie, whom.clone(), to.id), caller.now).await;
    }
    presence::agree(db, push, (me.id, other.id), caller.now).await
}

/// Tells both that nothing stands between them any longer, and neither why.
pub(super) async fn tell_of_end(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    let both = recipients::of(&mut *db.acquire().await?, &[caller.user, user]).await?;
    for (to, user_id) in [(caller.user, user), (user, caller.user)] {
        push.to_users(&both.only(to), &Frame::FriendRemoved { user_id }, caller.now).await;
    }
    Ok(())
}

/// What stands between two people, as one of them is told it.
pub(super) fn told(tie: Tie, other: User, to: UserId) -> Frame {
    let friendship = Box::new(tie.with(other, to));
    if tie.accepted_at.is_some() { Frame::FriendAccepted(friendship) } else { Frame::FriendRequest(friendship) }
}

/// What stands between the two as the caller sees it: of a friend with their presence.
async fn shown(db: &Db, push: &Push, caller: &Caller, tie: Tie, other: User) -> Result<Friendship> {
    let mut friendship = tie.with(other.clone(), caller.user);
    if friendship.state == FriendState::Accepted {
        friendship.user = presence::of_one(db, push, caller, other).await?;
    }
    Ok(friendship)
}

fn place(text: &str) -> Option<Place> {
    let (requested_at, user) = text.split_once('.')?;
    Some(Place { requested_at: requested_at.parse().ok()?, user: user.parse().ok()? })
}
