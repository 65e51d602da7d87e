//! The rules of rooms: who sees which, who joins, who may leave. A room that the caller may not see does not exist for them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::caller::Caller;
use crate::error::{Error, Result, Violation};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::{Changed, Frame};
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use crate::protocol::rooms::{Member, NewRoom, Role, Room, RoomKind, Scope};
use crate::push::Push;
use crate::store::members::{self, Readable, Standing};
use crate::store::rooms::{self as store, Place};
use crate::store::{Db, Tx, users};
use crate::time::Timestamp;

/// People that a new room may have from the start.
const MAX_FIRST_MEMBERS: usize = 100;
/// A change may commit a little after the time that it carries, and clocks differ: `ping` looks so much further back.
const CLOCK_SLACK_MS: i64 = 10_000;

/// A page of rooms, newest activity first.
pub async fn list(db: &Db, caller: &Caller, scope: Scope, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<Room>> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let after = cursor.map_or(Ok(Place::START), place)?;
    let mut rows = store::list(&mut *db.acquire().await?, caller.user, scope, after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|(_, place)| cursor_of(*place));
    Ok(Page { items: rows.into_iter().map(|(room, _)| room).collect(), next })
}

/// One room.
pub async fn find(db: &Db, caller: &Caller, room: &RoomRef) -> Result<Room> {
    let mut connection = db.acquire().await?;
    let readable = readable(members::standing(&mut connection, room, caller.user).await?)?;
    store::view(&mut connection, &readable).await?.ok_or(Error::NotFound("room_not_found"))
}

/// Makes a group or a public room; its maker owns it.
pub async fn create(db: &Db, push: &Push, caller: &Caller, kind: RoomKind, new: &NewRoom) -> Result<Room> {
    let (name, topic) = checked(kind, new)?;
    let mut people: Vec<(UserId, Role)> = vec![(caller.user, Role::Owner)];
    for user in &new.member_ids {
        if !people.iter().any(|(known, _)| known == user) {
            people.push((*user, Role::Member));
        }
    }
    let room = db
        .retrying(|| async {
            let mut tx = db.begin().await?;
            let outcome = store_room(&mut tx, caller, kind, (name, topic), &people).await;
            tx.finish(outcome).await
        })
        .await?;
    let mut mine = None;
    for (user, _) in &people {
        let view = {
            let mut connection = db.acquire().await?;
            let standing = members::standing(&mut connection, &RoomRef::Id(room), *user).await?;
            store::view(&mut connection, &readable(standing)?).await?.ok_or(Error::NotFound("room_not_found"))?
        };
        push.to_users(&[*user], &Frame::RoomJoined { room: Box::new(view.clone()) }, caller.now).await;
        if *user == caller.user {
            mine = Some(view);
        }
    }
    mine.ok_or(Error::NotFound("room_not_found"))
}

/// Joins a public room; joining twice changes nothing.
pub async fn join(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<Room> {
    let added = db
        .retrying(|| async {
            let mut tx = db.begin().await?;
            let outcome = async {
                let readable = match members::lock(&mut tx, room, caller.user).await? {
                    Some(Standing::Banned) => return Err(Error::Forbidden("banned")),
                    standing => readable(standing)?,
                };
                match readable.member() {
                    Some(_) => Ok(None),
                    None if readable.archived => Err(Error::Conflict("room_archived")),
                    None => admit(&mut tx, caller, &readable).await.map(Some),
                }
            }
            .await;
            tx.finish(outcome).await
        })
        .await?;
    let view = find(db, caller, room).await?;
    if let Some(frame) = added {
        let mut audience = members::audience(&mut *db.acquire().await?, view.id).await?;
        audience.retain(|user| *user != caller.user);
        push.to_users(&audience, &frame, caller.now).await;
        push.to_users(&[caller.user], &Frame::RoomJoined { room: Box::new(view.clone()) }, caller.now).await;
    }
    Ok(view)
}

/// Opens a socket onto a room: whoever may read it may do so, and joins it if it is public.
pub async fn enter(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<()> {
    let readable = readable(members::standing(&mut *db.acquire().await?, room, caller.user).await?)?;
    if readable.member().is_none() && !readable.archived {
        join(db, push, caller, room).await?;
    }
    Ok(())
}

/// Leaves a room. The last owner cannot leave others behind without an owner.
pub async fn leave(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<RoomId> {
    let (room, rev) = db
        .retrying(|| async {
            let mut tx = db.begin().await?;
            let outcome = async {
                let readable = readable(members::lock(&mut tx, room, caller.user).await?)?;
                let member = readable.member().ok_or(Error::Forbidden("not_a_member"))?;
                if member.role == Role::Owner {
                    let (owners, others) = members::others(&mut tx, member).await?;
                    if owners == 0 && others > 0 {
                        return Err(Error::Conflict("last_owner"));
                    }
                }
                let rev = readable.rev + 1;
                members::leave(&mut tx, member, rev).await?;
                store::changed(&mut tx, readable.room(), rev, -1, caller.now).await?;
                Ok((readable.room(), rev))
            }
            .await;
            tx.finish(outcome).await
        })
        .await?;
    push.to_users(&[caller.user], &Frame::RoomLeft { room_id: room }, caller.now).await;
    let audience = members::audience(&mut *db.acquire().await?, room).await?;
    push.to_users(&audience, &Frame::MemberRemoved { room_id: room, rev, user_id: caller.user }, caller.now).await;
    Ok(room)
}

/// A page of a room's members.
pub async fn list_members(
    db: &Db,
    caller: &Caller,
    room: &RoomRef,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<Member>> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let after = match cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| bad_cursor())?,
    };
    let mut connection = db.acquire().await?;
    let readable = readable(members::standing(&mut connection, room, caller.user).await?)?;
    let mut items = members::list(&mut connection, &readable, after, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|member| member.user.id.to_string());
    Ok(Page { items, next })
}

/// The caller's rooms that changed since a moment that the server named.
pub async fn changed_since(db: &Db, caller: &Caller, since: Timestamp) -> Result<Vec<Changed>> {
    let since = Timestamp(since.0.saturating_sub(CLOCK_SLACK_MS));
    store::changed_since(&mut *db.acquire().await?, caller.user, since).await
}

/// What may be read; a room that is hidden, or that banned the caller, is as good as absent.
pub(super) fn readable(standing: Option<Standing>) -> Result<Readable> {
    match standing {
        Some(Standing::Readable(readable)) => Ok(readable),
        Some(Standing::Banned | Standing::Hidden) | None => Err(Error::NotFound("room_not_found")),
    }
}

/// Makes the caller a member of a public room whose row the transaction holds. Gives the frame that tells the others.
pub(super) async fn admit(tx: &mut Tx<'_>, caller: &Caller, room: &Readable) -> Result<Frame> {
    let rev = room.rev + 1;
    members::insert(tx, (room.room(), rev, room.last_seq), &[(caller.user, Role::Member)], caller.now).await?;
    store::changed(tx, room.room(), rev, 1, caller.now).await?;
    let user = users::find(tx, caller.user).await?.ok_or(Error::NotFound("user_not_found"))?;
    Ok(Frame::member_added(room.room(), rev, user, Role::Member, caller.now))
}

async fn store_room(
    tx: &mut Tx<'_>,
    caller: &Caller,
    kind: RoomKind,
    texts: (&str, &str),
    people: &[(UserId, Role)],
) -> Result<RoomId> {
    let ids: Vec<_> = people.iter().map(|(user, _)| *user).collect();
    let known = users::existing(tx, &ids).await?;
    let absent: Vec<_> = people.iter().skip(1).filter(|(user, _)| !known.contains(user)).collect();
    if !absent.is_empty() {
        return Err(Error::Invalid(
            absent
                .into_iter()
                .map(|(user, _)| Violation {
                    field: "member_ids".into(),
                    code: "user_not_found",
                    detail: format!("there is no person {user}"),
                })
                .collect(),
        ));
    }
    let room = store::insert(tx, kind, texts, caller.user, caller.now).await?;
    let added = members::insert(tx, (room, 1, 0), people, caller.now).await?;
    store::changed(tx, room, 1, i32::try_from(added).unwrap_or(i32::MAX), caller.now).await?;
    Ok(room)
}

fn checked(kind: RoomKind, new: &NewRoom) -> Result<(&str, &str)> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: &str| wrong.push(Violation { field: field.into(), code, detail: detail.into() });
    let name = new.name.trim();
    let topic = new.topic.as_deref().unwrap_or_default().trim();
    if kind == RoomKind::Direct {
        refuse("kind", "invalid", "must be \"group\" or \"public\"; a direct room is made by PUT /api/rooms/direct/{user_id}");
    }
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        refuse("name", "invalid", "must have 1 to 100 visible characters");
    }
    if topic.chars().count() > 500 || topic.contains('\0') {
        refuse("topic", "too_long", "must have at most 500 characters");
    }
    if new.member_ids.len() > MAX_FIRST_MEMBERS {
        refuse("member_ids", "too_many", "must name at most 100 people");
    }
    if wrong.is_empty() { Ok((name, topic)) } else { Err(Error::Invalid(wrong)) }
}

fn cursor_of(place: Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", place.active_at, place.room))
}

fn place(cursor: &str) -> Result<Place> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| {
            let (active_at, room) = text.split_once('.')?;
            Some(Place { active_at: active_at.parse().ok()?, room: room.parse().ok()? })
        })
        .ok_or_else(bad_cursor)
}

fn bad_cursor() -> Error {
    Error::invalid("cursor", "invalid", "must be the `next` of an earlier page")
}
