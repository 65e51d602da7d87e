//! Blocks between users. The blocked user is not notified; users cannot block themselves.

use crate::caller::Caller;
use crate::domain::paging::{PageRequest, page};
use crate::domain::people::friends;
use crate::domain::people::presence;
use crate::domain::rooms;
use crate::domain::rooms::changes::push_to_users;
use crate::error::{Error, Result};
use crate::id::{Rev, RoomId, RoomRef, UserId, UserPair};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::push::Push;
use crate::store::invitations::{self, EndedInvitation};
use crate::store::{Db, Tx, blocks as store, directs, friendships, private_state, transaction, users};

/// Blocks a user, in both directions (see [`contact_limits`](crate::domain::people::contact_limits)). Pending requests, friendship and invitations between the
/// two end as if withdrawn. Idempotent.
pub async fn add(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    if user == caller.user {
        return Err(Error::Conflict("self_block"));
    }
    let pair = UserPair::new(caller.user, user);
    let views = presence::views_between(db, caller.user, user).await?;
    let (parted, tie, direct, ended, private_rev) = transaction!(db, |tx| {
        users::find(tx, user).await?.ok_or(Error::NotFound("user_not_found"))?;
        let parted = store::exists_between(tx, caller.user, user).await?;
        let new = store::insert(tx, caller.user, user, caller.now).await?;
        let tie = friendships::lock(tx, pair).await?;
        if let Some(tie) = tie {
            friendships::delete(tx, pair).await?;
            friends::start_pause(tx, caller, tie, user).await?;
        }
        let (direct, ended) = (directs::find(tx, pair).await?, invitations::end_between(tx, pair).await?);
        let private_rev = if new { Some(raise(tx, caller, direct).await?) } else { None };
        Ok((parted, tie, direct, ended, private_rev))
    })?;
    if let Some(private_rev) = private_rev {
        push_block(db, push, caller, Frame::UserBlocked { user_id: user, blocked: true, private_rev }).await?;
    }
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
    let removed = transaction!(db, |tx| {
        if !store::delete(tx, caller.user, user).await? {
            return Ok(None);
        }
        let direct = directs::find(tx, pair).await?;
        Ok(Some((direct, raise(tx, caller, direct).await?)))
    })?;
    let Some((direct, private_rev)) = removed else { return Ok(()) };
    push_block(db, push, caller, Frame::UserBlocked { user_id: user, blocked: false, private_rev }).await?;
    if store::exists_between(&mut *db.acquire().await?, caller.user, user).await? {
        // The other user's block remains: nothing else changes.
        return Ok(());
    }
    push_direct_room(db, push, caller, direct).await?;
    presence::reveal(db, push, &presence::views_between(db, caller.user, user).await?, caller.now).await
}

/// Takes the caller's next private rev for a changed list, and notes the direct room as changed for the caller.
async fn raise(tx: &mut Tx<'_>, caller: &Caller, direct: Option<RoomId>) -> Result<Rev> {
    // As all private changes: the user's row is locked before that of the membership.
    let private_rev = private_state::raise_for_blocks(tx, caller.user).await?;
    if let Some(room) = direct {
        private_state::touch_room(tx, caller.user, room, caller.now).await?;
    }
    Ok(private_rev)
}

/// Pushes a changed block to the caller's devices only.
async fn push_block(db: &Db, push: &Push, caller: &Caller, frame: Frame) -> Result<()> {
    push_to_users(db, push, &[caller.user], &frame, caller.now).await
}

/// Updates the direct room on the caller's devices only, so that the block is not revealed.
async fn push_direct_room(db: &Db, push: &Push, caller: &Caller, direct: Option<RoomId>) -> Result<()> {
    let Some(room) = direct else { return Ok(()) };
    let room = rooms::find(db, caller, &RoomRef::Id(room)).await?;
    if !room.closed {
        let frame = Frame::RoomSeen { room_id: room.id, rev: room.rev, room: Box::new(room), private_rev: None };
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
