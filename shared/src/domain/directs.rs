//! The rules of direct rooms: one for two people whatever races, one for oneself, none across a block. It is in the list of whoever opened it, in
//! the other one's from its first message on; who closes it has it back with the next message, or by opening it.

use crate::caller::Caller;
use crate::domain::news::{News, tell_people};
use crate::domain::sessions::ENDED;
use crate::domain::{presence, reach, rooms};
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::rooms::{Role, Room};
use crate::push::Push;
use crate::store::{Db, Tx, blocks, directs as store, members, membership, rooms as room_rows, transaction, users};

/// The direct room with this person, and whether it is new.
pub async fn open(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<(Room, bool)> {
    if known(db, caller, user).await?.is_none() {
        reach::spend(db, push, caller, &[user], 0).await?;
    }
    let opened = transaction!(db, |tx| find_or_make(tx, caller, user).await)?;
    if opened.shows {
        let mut news = News::at(opened.room, (0, 1));
        news.came(caller.user);
        news.push(db, push, caller.now).await?;
    }
    let mut view = rooms::find(db, caller, &RoomRef::Id(opened.room)).await?;
    presence::in_rooms(db, push, caller.user, std::slice::from_mut(&mut view), caller.now).await?;
    Ok((view, opened.new))
}

/// Takes the direct room with this person out of the caller's list until there is a newer message. Nobody else is told; doing so again changes
/// nothing.
pub async fn close(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    let absent = || Error::NotFound("room_not_found");
    let (room_id, last_seq) = transaction!(db, |tx| {
        let room = store::find(tx, (caller.user, user)).await?.ok_or_else(absent)?;
        let readable = rooms::readable(members::lock(tx, &RoomRef::Id(room), caller.user).await?)?;
        // One that the other has opened and not written in is not known to be there.
        let known = store::close(tx, rooms::member(&readable)?, readable.last_seq, caller.now).await?;
        if known { Ok((room, readable.last_seq)) } else { Err(absent()) }
    })?;
    tell_people(db, push, &[caller.user], &Frame::RoomClosed { room_id, last_seq }, caller.now).await?;
    Ok(())
}

/// The direct room with this person, if they two have one.
pub async fn known(db: &Db, caller: &Caller, user: UserId) -> Result<Option<RoomId>> {
    store::find(&mut *db.acquire().await?, (caller.user, user)).await
}

/// What opening a direct room found.
struct Opened {
    room: RoomId,
    /// Whether it was made just now.
    new: bool,
    /// Whether it was not in the caller's list before.
    shows: bool,
}

async fn find_or_make(tx: &mut Tx<'_>, caller: &Caller, user: UserId) -> Result<Opened> {
    let held = users::hold(tx, &[caller.user, user]).await?;
    if !held.contains(&user) {
        return Err(Error::NotFound("user_not_found"));
    }
    if !held.contains(&caller.user) {
        return Err(Error::Unauthenticated(ENDED));
    }
    if blocks::between(tx, caller.user, user).await? {
        return Err(Error::Forbidden("blocked"));
    }
    let two = (caller.user, user);
    let made = match store::find(tx, two).await? {
        Some(room) => return known_to(tx, caller, room).await,
        None => store::insert(tx, two, caller.now).await?,
    };
    let Some(room) = made else {
        let room = store::find(tx, two).await?.ok_or(Error::NotFound("room_not_found"))?;
        return known_to(tx, caller, room).await;
    };
    let mut people = vec![(caller.user, Role::Member), (user, Role::Member)];
    people.dedup();
    membership::insert(tx, (room, 1, 0), &people, caller.now).await?;
    if user != caller.user {
        store::keep_back(tx, room, user).await?;
    }
    room_rows::changed(tx, room, 1, i32::try_from(people.len()).unwrap_or(i32::MAX), caller.now).await?;
    Ok(Opened { room, new: true, shows: true })
}

async fn known_to(tx: &mut Tx<'_>, caller: &Caller, room: RoomId) -> Result<Opened> {
    let shows = store::reopen(tx, room, caller.user, caller.now).await?;
    Ok(Opened { room, new: false, shows })
}
