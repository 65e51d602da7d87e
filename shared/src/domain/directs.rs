//! The rules of direct rooms: one for two people whatever races, one for oneself, none across a block.

use crate::caller::Caller;
use crate::domain::news::News;
use crate::domain::sessions::ENDED;
use crate::domain::{presence, rooms};
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::rooms::{Role, Room};
use crate::push::Push;
use crate::store::{Db, Tx, blocks, directs as store, membership, rooms as room_rows, transaction, users};

/// The direct room with this person, and whether it is new.
pub async fn open(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<(Room, bool)> {
    let (room, people) = transaction!(db, |tx| find_or_make(tx, caller, user).await)?;
    if !people.is_empty() {
        let mut news = News::at(room, (0, 1));
        for user in &people {
            news.came(*user);
        }
        news.push(db, push, caller.now).await?;
    }
    let mut view = rooms::find(db, caller, &RoomRef::Id(room)).await?;
    presence::in_rooms(db, push, caller.user, std::slice::from_mut(&mut view), caller.now).await?;
    Ok((view, !people.is_empty()))
}

/// The direct room with this person, if they two have one.
pub async fn known(db: &Db, caller: &Caller, user: UserId) -> Result<Option<RoomId>> {
    store::find(&mut *db.acquire().await?, (caller.user, user)).await
}

/// The room, and who became a member of it just now.
async fn find_or_make(tx: &mut Tx<'_>, caller: &Caller, user: UserId) -> Result<(RoomId, Vec<UserId>)> {
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
    if let Some(room) = store::find(tx, two).await? {
        return Ok((room, Vec::new()));
    }
    let Some(room) = store::insert(tx, two, caller.now).await? else {
        let made = store::find(tx, two).await?.ok_or(Error::NotFound("room_not_found"))?;
        return Ok((made, Vec::new()));
    };
    let mut people = vec![(caller.user, Role::Member), (user, Role::Member)];
    people.dedup();
    membership::insert(tx, (room, 1, 0), &people, caller.now).await?;
    room_rows::changed(tx, room, 1, i32::try_from(people.len()).unwrap_or(i32::MAX), caller.now).await?;
    Ok((room, people.into_iter().map(|(user, _)| user).collect()))
}
