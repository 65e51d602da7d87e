//! The rules of invitations of one person to one room: whoever is to be added and left by themselves, or lets not everybody add them, is asked. Who
//! says no is left in peace for a day. (An invitation by code, which whoever has it may use, is an [`invite`](super::invites).)

use crate::caller::Caller;
use crate::domain::members::{may_add, ruled};
use crate::domain::news::tell_people;
use crate::domain::paging::{after, clamped, cursor_of, page, place_in};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::invitations::{Invitation, Invited};
use crate::protocol::page::Page;
use crate::protocol::rooms::Role;
use crate::push::Push;
use crate::store::invitations::{self as store, Place};
use crate::store::{Db, Handle, members, transaction};
use crate::time::Timestamp;

/// Invitations that may wait for one person's answer.
pub(super) const MOST_PENDING: i64 = 100;
/// So long a room asks nobody again who said no.
const DECLINED_SECONDS: i64 = 24 * 3600;
/// And nobody whom it does not want to ask any more.
const WITHDRAWN_SECONDS: i64 = 600;

/// A page of what waits for the caller's answer, newest first.
pub async fn list(db: &Db, caller: &Caller, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<Invitation>> {
    let limit = clamped(limit);
    let before = cursor.map_or(Ok(Place::START), |cursor| place_in(cursor, place))?;
    let found = store::list(&mut *db.acquire().await?, caller.user, None, before, limit + 1).await?;
    Ok(page(found, limit, |last| cursor_of(&format!("{}.{}", last.invited_at.0, last.room.id))))
}

/// A page of what a room has asked and was not answered, by ascending person, for those who may add people.
pub async fn of_room(
    db: &Db,
    caller: &Caller,
    room: &RoomRef,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<Invited>> {
    let limit = clamped(limit);
    let after = after(cursor, 0)?;
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let items = store::of_room(&mut connection, may_add(&readable)?, after, limit + 1).await?;
    Ok(page(items, limit, |last| last.user.id.to_string()))
}

/// Says no. The room does not ask again for a day.
pub async fn decline(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<()> {
    let until = caller.now.plus_seconds(DECLINED_SECONDS);
    let ended = transaction!(db, |tx| store::quieten(tx, room, caller.user, until).await)?;
    let room_id = ended.ok_or(Error::NotFound(ABSENT))?;
    tell_people(db, push, &[caller.user], &Frame::RoomUninvited { room_id }, caller.now).await?;
    Ok(())
}

/// Takes an invitation back: one's own, or any as an admin.
pub async fn withdraw(db: &Db, push: &Push, caller: &Caller, (room, user): (&RoomRef, UserId)) -> Result<()> {
    let room_id = transaction!(db, |tx| {
        let readable = ruled(tx, caller, room).await?;
        let member = rooms::member(&readable)?;
        let here = readable.room();
        let asked = store::asked(tx, here, &[user]).await?.pop().filter(|asked| asked.quiet_until.is_none());
        let by = asked.ok_or(Error::NotFound(ABSENT))?.by;
        if member.role == Role::Member && by != caller.user {
            return Err(Error::Forbidden("not_allowed"));
        }
        store::quieten(tx, &RoomRef::Id(here), user, caller.now.plus_seconds(WITHDRAWN_SECONDS)).await?;
        Ok(here)
    })?;
    tell_people(db, push, &[user], &Frame::RoomUninvited { room_id }, caller.now).await?;
    Ok(())
}

const ABSENT: &str = "invitation_not_found";

/// Whether a room, whose row the transaction holds, asks a person and still may.
pub(super) async fn holds(tx: &mut Handle, room: RoomId, user: UserId) -> Result<bool> {
    Ok(find(tx, room, user).await?.is_some())
}

/// What a room asks a person, while it may.
pub(super) async fn find(connection: &mut Handle, room: RoomId, user: UserId) -> Result<Option<Invitation>> {
    Ok(store::list(connection, user, Some(room), Place::START, 1).await?.pop())
}

/// Tells people that a room asks them.
pub(super) async fn tell(db: &Db, push: &Push, room: RoomId, users: &[UserId], now: Timestamp) -> Result<()> {
    for user in users {
        let found = find(&mut *db.acquire().await?, room, *user).await?;
        if let Some(invitation) = found {
            tell_people(db, push, &[*user], &Frame::RoomInvited(Box::new(invitation)), now).await?;
        }
    }
    Ok(())
}

fn place(text: &str) -> Option<Place> {
    let (invited_at, room) = text.split_once('.')?;
    Some(Place { invited_at: invited_at.parse().ok()?, room: room.parse().ok()? })
}
