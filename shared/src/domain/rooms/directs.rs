//! Direct rooms: exactly one for two users, one for a single user, none across a block. A room appears in the list of the user who opened it, and in
//! the other's with its first message. A closed room reappears with the next message or when it is opened.

use crate::caller::Caller;
use crate::domain::auth::sessions::ENDED;
use crate::domain::people::contact_limits;
use crate::domain::people::presence;
use crate::domain::rooms::changes::{RoomChanges, push_to_users};
use crate::domain::rooms::{self, NEW_ROOM};
use crate::error::{Error, Result};
use crate::id::{Rev, RoomId, RoomRef, UserId, UserPair};
use crate::protocol::frames::Frame;
use crate::protocol::rooms::{Role, Room};
use crate::push::Push;
use crate::store::membership_changes::NewMember;
use crate::store::{
    Db, Tx, blocks, directs as store, members, membership_changes, private_state, rooms as room_rows, transaction, users,
};

/// Opens the direct room with a user. Returns whether it is new.
pub async fn open(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<(Room, bool)> {
    if find(db, caller, user).await?.is_none() {
        contact_limits::charge(db, push, caller, &[user], 0).await?;
    }
    let opened = transaction!(db, |tx| find_or_create(tx, caller, user).await)?;
    if opened.became_visible {
        let mut changes = RoomChanges::at(opened.room, NEW_ROOM);
        changes.add_joined(caller.user);
        changes.set_private_rev(opened.private_rev);
        changes.push(db, push, caller.now).await?;
    }
    let mut view = rooms::find(db, caller, &RoomRef::Id(opened.room)).await?;
    presence::fill_rooms(db, push, caller.user, std::slice::from_mut(&mut view), caller.now).await?;
    Ok((view, opened.new))
}

/// Hides the direct room from the caller's list until a newer message arrives. Only the caller's devices get a frame. Idempotent.
pub async fn close(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    let absent = || Error::NotFound("room_not_found");
    let (room_id, last_seq, private_rev) = transaction!(db, |tx| {
        let private_rev = private_state::raise(tx, caller.user).await?;
        let room = store::find(tx, UserPair::new(caller.user, user)).await?.ok_or_else(absent)?;
        let readable = rooms::require_readable(members::lock(tx, &RoomRef::Id(room), caller.user).await?)?;
        // A room that the other user opened without writing is not visible to the caller.
        let known = store::close(tx, rooms::require_member(&readable)?, readable.last_seq, caller.now).await?;
        if known { Ok((room, readable.last_seq, private_rev)) } else { Err(absent()) }
    })?;
    push_to_users(db, push, &[caller.user], &Frame::RoomClosed { room_id, last_seq, private_rev }, caller.now).await?;
    Ok(())
}

/// Finds the direct room with a user.
pub async fn find(db: &Db, caller: &Caller, user: UserId) -> Result<Option<RoomId>> {
    store::find(&mut *db.acquire().await?, UserPair::new(caller.user, user)).await
}

/// Result of opening a direct room.
struct Opened {
    room: RoomId,
    new: bool,
    /// Whether it was absent from the caller's list before.
    became_visible: bool,
    /// The caller's private rev of reopening the room.
    private_rev: Option<Rev>,
}

async fn find_or_create(tx: &mut Tx<'_>, caller: &Caller, user: UserId) -> Result<Opened> {
    let locked = users::lock_active(tx, &[caller.user, user]).await?;
    if !locked.contains(&user) {
        return Err(Error::NotFound("user_not_found"));
    }
    if !locked.contains(&caller.user) {
        return Err(Error::Unauthenticated(ENDED));
    }
    if blocks::exists_between(tx, caller.user, user).await? {
        return Err(Error::Forbidden("blocked"));
    }
    let pair = UserPair::new(caller.user, user);
    let made = match store::find(tx, pair).await? {
        Some(room) => return reopen(tx, caller, room).await,
        None => store::insert(tx, pair, caller.user, caller.now).await?,
    };
    let Some(room) = made else {
        let room = store::find(tx, pair).await?.ok_or(Error::NotFound("room_not_found"))?;
        return reopen(tx, caller, room).await;
    };
    let mut people = vec![NewMember { user: caller.user, role: Role::Member }, NewMember { user, role: Role::Member }];
    people.dedup();
    membership_changes::insert(tx, room, NEW_ROOM, &people, caller.now).await?;
    if user != caller.user {
        store::hide_until_message(tx, room, user).await?;
    }
    room_rows::changed(tx, room, NEW_ROOM.rev, i32::try_from(people.len()).unwrap_or(i32::MAX), caller.now).await?;
    Ok(Opened { room, new: true, became_visible: true, private_rev: None })
}

async fn reopen(tx: &mut Tx<'_>, caller: &Caller, room: RoomId) -> Result<Opened> {
    if !store::is_closed(tx, room, caller.user).await? {
        return Ok(Opened { room, new: false, became_visible: false, private_rev: None });
    }
    // As all private changes: the user's row is locked before that of the membership.
    let private_rev = private_state::raise(tx, caller.user).await?;
    let became_visible = store::reopen(tx, room, caller.user, caller.now).await?;
    Ok(Opened { room, new: false, became_visible, private_rev: became_visible.then_some(private_rev) })
}
