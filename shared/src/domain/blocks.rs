//! The rules of blocks: whom one wants to hear nothing of. Nobody is told, and nobody blocks themselves.

use crate::caller::Caller;
use crate::domain::news::tell_people;
use crate::domain::paging::{after, clamped, page};
use crate::domain::{friends, presence, rooms};
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::push::Push;
use crate::store::invitations::{self, Ended};
use crate::store::{Db, blocks as store, directs, friendships, transaction, users};

/// Blocks a person: from then on neither of the two reaches the other (see [`reach`](super::reach)). What stood between them ends as if it had been taken back. Doing so again changes nothing.
pub async fn add(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    if user == caller.user {
        return Err(Error::Conflict("self_block"));
    }
    let two = (caller.user, user);
    let heard = presence::between(db, two).await?;
    let (parted, tie, direct, ended) = transaction!(db, |tx| {
        users::find(tx, user).await?.ok_or(Error::NotFound("user_not_found"))?;
        let parted = store::between(tx, caller.user, user).await?;
        store::insert(tx, caller.user, user, caller.now).await?;
        let tie = friendships::lock(tx, two).await?;
        if let Some(tie) = tie {
            friendships::delete(tx, two).await?;
            friends::rest(tx, caller, tie, user).await?;
        }
        Ok((parted, tie, directs::find(tx, two).await?, invitations::end_between(tx, two).await?))
    })?;
    for Ended { room, user } in ended {
        tell_people(db, push, &[user], &Frame::RoomUninvited { room_id: room }, caller.now).await?;
    }
    if tie.is_some() {
        friends::tell_of_end(db, push, caller, user).await?;
    }
    if parted {
        // Nothing is different between the two.
        return Ok(());
    }
    show(db, push, caller, direct).await?;
    // Those who never heard of each other hear nothing now, either.
    presence::part(push, &heard, caller.now).await;
    Ok(())
}

/// Takes a block back. Doing so again changes nothing.
pub async fn remove(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    let two = (caller.user, user);
    let direct = {
        let mut connection = db.acquire().await?;
        if !store::delete(&mut connection, caller.user, user).await? || store::between(&mut connection, caller.user, user).await?
        {
            // Nothing is different between the two.
            return Ok(());
        }
        directs::find(&mut connection, two).await?
    };
    show(db, push, caller, direct).await?;
    presence::join(db, push, &presence::between(db, two).await?, caller.now).await
}

/// The caller's devices see at once whether something can be written in the direct room; the other one finds out.
async fn show(db: &Db, push: &Push, caller: &Caller, direct: Option<RoomId>) -> Result<()> {
    let Some(room) = direct else { return Ok(()) };
    let room = rooms::find(db, caller, &RoomRef::Id(room)).await?;
    if !room.closed {
        let frame = Frame::RoomSeen { room_id: room.id, rev: room.rev, room: Box::new(room) };
        tell_people(db, push, &[caller.user], &frame, caller.now).await?;
    }
    Ok(())
}

/// A page of those whom the caller blocked.
pub async fn list(db: &Db, caller: &Caller, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<User>> {
    let limit = clamped(limit);
    let after = after(cursor, 0)?;
    let items = store::list(&mut *db.acquire().await?, caller.user, after, limit + 1).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}
