//! Blocks between users. The blocked user is not notified; users cannot block themselves.

use crate::caller::Caller;
use crate::domain::paging::{PageRequest, page};
use crate::domain::people::friends;
use crate::domain::people::presence;
use crate::domain::rooms;
use crate::domain::rooms::changes::push_to_users;
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, UserId, UserPair};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::push::Push;
use crate::store::invitations::{self, EndedInvitation};
use crate::store::{Db, blocks as store, directs, friendships, transaction, users};

/// Blocks a user, in both directions (see [`contact_limits`](crate::domain::people::contact_limits)). Pending requests, friendship and invitations between the
/// two end as if withdrawn. Idempotent.
pub async fn add(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    if user == caller.user {
        return Err(Error::Conflict("self_block"));
    }
    let pair = UserPair::new(caller.user, user);
    let views = presence::views_between(db, caller.user, user).await?;
    let (parted, tie, direct, ended) = transaction!(db, |tx| {
        users::find(tx, user).await?.ok_or(Error::NotFound("user_not_found"))?;
        let parted = store::exists_between(tx, caller.user, user).await?;
        store::insert(tx, caller.user, user, caller.now).await?;
        let tie = friendships::lock(tx, pair).await?;
        if let Some(tie) = tie {
            friendships::delete(tx, pair).await?;
            friends::start_pause(tx, caller, tie, user).await?;
        }
        Ok((parted, tie, directs::find(tx, pair).await?, invitations::end_between(tx, pair).await?))
    })?;
    for EndedInvitation { room, user } in ended {
        push_to_users(db, push, &[user], &Frame::RoomUninvited { room_id: room }, caller.now).await?;
    }
    if tie.is_some() {
        friends::push_removed(db, push, caller, user).await?;
    }
    if parted {
        // The other user's block exists already: nothing changes.
        return Ok(());
    }
    push_direct_room(db, push, caller, direct).await?;
    // Users who did not see each other's presence get no frame.
    presence::hide(push, &views, caller.now).await;
    Ok(())
}

/// Removes a block. Idempotent.
pub async fn remove(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    let pair = UserPair::new(caller.user, user);
    let direct = {
        let mut connection = db.acquire().await?;
        if !store::delete(&mut connection, caller.user, user).await?
            || store::exists_between(&mut connection, caller.user, user).await?
        {
            // The other user's block remains: nothing changes.
            return Ok(());
        }
        directs::find(&mut connection, pair).await?
    };
    push_direct_room(db, push, caller, direct).await?;
    presence::reveal(db, push, &presence::views_between(db, caller.user, user).await?, caller.now).await
}

/// Updates the direct room on the caller's devices only, so that the block is not revealed.
async fn push_direct_room(db: &Db, push: &Push, caller: &Caller, direct: Option<RoomId>) -> Result<()> {
    let Some(room) = direct else { return Ok(()) };
    let room = rooms::find(db, caller, &RoomRef::Id(room)).await?;
    if !room.closed {
        let frame = Frame::RoomSeen { room_id: room.id, rev: room.rev, room: Box::new(room) };
        push_to_users(db, push, &[caller.user], &frame, caller.now).await?;
    }
    Ok(())
}

/// Lists the users that the caller blocked.
pub async fn list(db: &Db, caller: &Caller, paging: PageRequest<'_>) -> Result<Page<User>> {
    let limit = paging.limit()?;
    let after = paging.position(0)?;
    let items = store::list(&mut *db.acquire().await?, caller.user, after, limit + 1).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}
