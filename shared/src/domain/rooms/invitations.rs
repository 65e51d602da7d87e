//! Invitations of a user to a room. A user who left the room, or does not accept being added, is invited instead. After a decline the room cannot
//! invite again for a day. (For invitations by code see [`invite`](crate::domain::rooms::invite_codes).)

use crate::caller::Caller;
use crate::domain::paging::{PageRequest, encode_cursor, page};
use crate::domain::rooms;
use crate::domain::rooms::changes::push_to_users;
use crate::domain::rooms::members::{MemberRef, lock_managed, require_may_add};
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::invitations::{Invitation, Invited};
use crate::protocol::page::Page;
use crate::protocol::rooms::Role;
use crate::push::Push;
use crate::store::invitations::{self as store, InvitationCursor};
use crate::store::{Db, Handle, members, transaction};
use crate::time::Timestamp;

/// Maximum number of a user's pending invitations, void ones not counted,
pub(crate) const MAX_PENDING: i64 = 100;
/// and of those from one inviter, so that one alone cannot make a person unreachable.
pub(crate) const MAX_PENDING_OF_INVITER: i64 = 20;
/// Seconds before a room may invite again after a decline.
const DECLINED_PAUSE_SECONDS: i64 = 24 * 3600;
/// Seconds before a room may invite again after a withdrawal.
const WITHDRAWN_PAUSE_SECONDS: i64 = 600;

/// Lists the caller's pending invitations, newest first.
pub async fn list(db: &Db, caller: &Caller, paging: PageRequest<'_>) -> Result<Page<Invitation>> {
    let limit = paging.limit()?;
    let before = paging.decode(InvitationCursor::START, parse_position)?;
    let found = store::list(&mut *db.acquire().await?, caller.user, None, before, limit + 1).await?;
    Ok(page(found, limit, |last| encode_cursor(&format!("{}.{}", last.invited_at.0, last.room.id))))
}

/// Lists a room's pending invitations by ascending user id. Requires the right to add members.
pub async fn of_room(db: &Db, caller: &Caller, room: &RoomRef, paging: PageRequest<'_>) -> Result<Page<Invited>> {
    let limit = paging.limit()?;
    let after = paging.position(0)?;
    let mut connection = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    let items = store::of_room(&mut connection, require_may_add(&readable)?, after, limit + 1).await?;
    Ok(page(items, limit, |last| last.user.id.to_string()))
}

pub async fn decline(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<()> {
    let until = caller.now.plus_seconds(DECLINED_PAUSE_SECONDS);
    let ended = transaction!(db, |tx| store::close_until(tx, room, caller.user, until).await)?;
    let room_id = ended.ok_or(Error::NotFound(NOT_FOUND))?;
    push_to_users(db, push, &[caller.user], &Frame::RoomUninvited { room_id }, caller.now).await?;
    Ok(())
}

/// Withdraws an invitation: the caller's own, or any as an admin.
pub async fn withdraw(db: &Db, push: &Push, caller: &Caller, target: MemberRef<'_>) -> Result<()> {
    let MemberRef { room, user } = target;
    let room_id = transaction!(db, |tx| {
        let readable = lock_managed(tx, caller, room).await?;
        let member = rooms::require_member(&readable)?;
        let here = readable.room();
        let pending = store::states(tx, here, &[user]).await?.pop().filter(|pending| pending.quiet_until.is_none());
        let by = pending.ok_or(Error::NotFound(NOT_FOUND))?.by;
        if member.role == Role::Member && by != caller.user {
            return Err(Error::Forbidden("not_allowed"));
        }
        store::close_until(tx, &RoomRef::Id(here), user, caller.now.plus_seconds(WITHDRAWN_PAUSE_SECONDS)).await?;
        Ok(here)
    })?;
    push_to_users(db, push, &[user], &Frame::RoomUninvited { room_id }, caller.now).await?;
    Ok(())
}

const NOT_FOUND: &str = "invitation_not_found";

/// Returns whether a valid invitation exists. The transaction holds the room's lock.
pub(crate) async fn is_invited(tx: &mut Handle, room: RoomId, user: UserId) -> Result<bool> {
    Ok(find(tx, room, user).await?.is_some())
}

/// Finds a valid invitation.
pub(crate) async fn find(connection: &mut Handle, room: RoomId, user: UserId) -> Result<Option<Invitation>> {
    Ok(store::list(connection, user, Some(room), InvitationCursor::START, 1).await?.pop())
}

/// Pushes their invitation to each of the users.
pub(crate) async fn push_invitations(db: &Db, push: &Push, room: RoomId, users: &[UserId], now: Timestamp) -> Result<()> {
    for user in users {
        let found = find(&mut *db.acquire().await?, room, *user).await?;
        if let Some(invitation) = found {
            push_to_users(db, push, &[*user], &Frame::RoomInvited(Box::new(invitation)), now).await?;
        }
    }
    Ok(())
}

fn parse_position(text: &str) -> Option<InvitationCursor> {
    let (invited_at, room) = text.split_once('.')?;
    Some(InvitationCursor { invited_at: invited_at.parse().ok()?, room: room.parse().ok()? })
}
