//! Rooms: visibility, creating, joining, leaving. A room that the caller may not see is not found.

pub mod audience;
pub(crate) mod changes;
pub mod directs;
pub mod invitations;
pub mod invite_codes;
pub mod members;
pub mod settings;

use self::changes::{RoomChanges, member_added_frame};
use crate::caller::Caller;
use crate::domain::auth::sessions::ENDED;
use crate::domain::idempotency::{self, KeyClaim};
use crate::domain::paging::{PageRequest, encode_cursor, page};
use crate::domain::people::contact_limits::{self, ContactKind, ContactPolicy, NOT_REACHABLE};
use crate::error::{Error, Limit, Result, Violation};
use crate::id::{Head, Rev, RoomId, RoomRef, Seq, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::protocol::rooms::{AllowedRole, NewRoom, Role, Room, RoomKind, Scope};
use crate::push::Push;
use crate::store::members::{self as member_rows, Access, JoinTarget, Membership, Readable};
use crate::store::membership_changes::NewMember;
use crate::store::rooms::{self as store, NewRoomRow, RecentChanges, RoomListCursor};
use crate::store::{
    Db, Tx, invitations as invitation_rows, invite_codes as invite_rows, membership_changes, private_state, recipients,
    transaction, users,
};
use crate::text::line;
use crate::text::visible::{is_control, is_invisible};
use crate::time::Timestamp;

/// Maximum number of members named at creation.
const MAX_FIRST_MEMBERS: usize = 100;
/// Contact budget of creating a public room, in strangers.
const PUBLIC_COST: u32 = 10;
/// Slack of `ping`: a change may commit after the time it carries, and clocks differ.
const CLOCK_SLACK_MS: i64 = 10_000;

/// The head of a room without messages.
const NEW_ROOM: Head = Head { seq: Seq(0), rev: Rev(1) };

/// Lists rooms: the caller's by latest activity, public ones by number of members.
pub async fn list(db: &Db, caller: &Caller, scope: Scope, paging: PageRequest<'_>) -> Result<Page<Room>> {
    let limit = paging.limit()?;
    let after = paging.decode(RoomListCursor::START, |text| parse_position(text, scope))?;
    let rows = store::list(&mut *db.acquire().await?, caller.user, scope, after, limit + 1).await?;
    let Page { items, next } = page(rows, limit, |(_, last)| {
        let RoomListCursor { active_at, members, room } = last;
        encode_cursor(&if scope == Scope::Public { format!("members.{members}.{room}") } else { format!("{active_at}.{room}") })
    });
    Ok(Page { items: items.into_iter().map(|(room, _)| room).collect(), next })
}

pub async fn find(db: &Db, caller: &Caller, room: &RoomRef) -> Result<Room> {
    let mut connection = db.acquire().await?;
    let readable = require_readable(member_rows::find_access(&mut connection, room, caller.user).await?)?;
    store::view(&mut connection, &readable).await?.ok_or(Error::NotFound("room_not_found"))
}

/// A room to create.
#[derive(Clone, Copy, Debug)]
pub struct RoomRequest<'a> {
    pub kind: RoomKind,
    pub new: &'a NewRoom,
}

/// Creates a group or a public room, owned by the caller.
pub async fn create(db: &Db, push: &Push, caller: &Caller, kind: RoomKind, new: &NewRoom) -> Result<Room> {
    let draft = prepare(db, push, caller, RoomRequest { kind, new }).await?;
    let (room, changes) = transaction!(db, |tx| store_room(tx, caller, &draft).await)?;
    changes.push(db, push, caller.now).await?;
    find(db, caller, &RoomRef::Id(room)).await
}

/// The same with an idempotency key. Returns whether the room existed.
pub async fn create_once(
    db: &Db,
    push: &Push,
    caller: &Caller,
    request: RoomRequest<'_>,
    key: &idempotency::KeyDigest,
) -> Result<(Room, bool)> {
    for _ in 0..2 {
        if let Some(room) = idempotency::find_created(db, caller, key).await? {
            return Ok((find(db, caller, &RoomRef::Id(RoomId(room))).await?, true));
        }
        let draft = prepare(db, push, caller, request).await?;
        let (claim, room, changes) = transaction!(db, |tx| {
            let (room, changes) = store_room(tx, caller, &draft).await?;
            Ok((idempotency::claim(tx, caller, key, room.0).await?, room, changes))
        })?;
        if claim == KeyClaim::First {
            changes.push(db, push, caller.now).await?;
            return Ok((find(db, caller, &RoomRef::Id(room)).await?, false));
        }
    }
    Err(Error::unavailable("an idempotency key was created and deleted concurrently"))
}

/// A valid room to create, and its first members: the caller as owner, then the named ones.
struct RoomDraft {
    kind: RoomKind,
    name: String,
    topic: String,
    people: Vec<NewMember>,
}

/// Validates a room and charges the contact budget for it.
async fn prepare(db: &Db, push: &Push, caller: &Caller, request: RoomRequest<'_>) -> Result<RoomDraft> {
    let RoomRequest { kind, new } = request;
    let (name, topic) = validate(kind, new)?;
    let mut people = vec![NewMember { user: caller.user, role: Role::Owner }];
    for user in &new.member_ids {
        if !people.iter().any(|known| known.user == *user) {
            people.push(NewMember { user: *user, role: Role::Member });
        }
    }
    let more = if kind == RoomKind::Public { PUBLIC_COST } else { 0 };
    contact_limits::charge(db, push, caller, &new.member_ids, more).await?;
    Ok(RoomDraft { kind, name, topic, people })
}

/// Joins a public room, or one with an invitation for the caller. Idempotent.
pub async fn join(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<Room> {
    let changes = transaction!(db, |tx| {
        let (door, refusal) = match member_rows::lock(tx, room, caller.user).await? {
            Some(Access::Banned(_, RoomKind::Public)) => return Err(Error::Forbidden("banned")),
            Some(Access::Readable(room)) if room.member().is_some() => return Ok(RoomChanges::of_member(&room, caller.user)),
            Some(Access::Readable(room)) if room.kind == RoomKind::Public => return join_public(tx, caller, &room).await,
            Some(Access::Readable(room)) => {
                (room.join_target(), Error::Forbidden(if room.removed { "removed" } else { "invite_needed" }))
            }
            Some(Access::Hidden(door)) => (door, Error::NotFound("room_not_found")),
            Some(Access::Banned(..)) | None => return Err(Error::NotFound("room_not_found")),
        };
        if invitations::is_invited(tx, door.room, caller.user).await? { add_caller(tx, caller, door).await } else { Err(refusal) }
    })?;
    changes.push(db, push, caller.now).await?;
    find(db, caller, room).await
}

/// Requires read access to a room, and joins it if it is public.
pub async fn join_if_public(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<()> {
    let readable = require_readable(member_rows::find_access(&mut *db.acquire().await?, room, caller.user).await?)?;
    if readable.kind == RoomKind::Public && readable.member().is_none() && !readable.settings.archived {
        join(db, push, caller, room).await?;
    }
    Ok(())
}

/// Leaves a room. The last owner of a room with other members must name a new owner.
pub async fn leave(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, owner: Option<UserId>) -> Result<RoomId> {
    let (room, changes) = transaction!(db, |tx| store_leave(tx, caller, room, owner).await)?;
    changes.push(db, push, caller.now).await?;
    Ok(room)
}

/// Mutes a room for the caller until a time. A past time unmutes it.
pub async fn mute(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, until: Option<Timestamp>) -> Result<Room> {
    let until = until.filter(|until| *until > caller.now);
    let (view, private_rev) = transaction!(db, |tx| {
        let private_rev = private_state::raise(tx, caller.user).await?;
        let readable = require_readable(member_rows::find_access(tx, room, caller.user).await?)?;
        membership_changes::mute(tx, require_member(&readable)?, until, caller.now).await?;
        let view = store::view(tx, &readable).await?.ok_or(Error::NotFound("room_not_found"))?;
        Ok((view, private_rev))
    })?;
    let room = Box::new(view.clone());
    let frame = Frame::RoomSeen { room_id: view.id, rev: view.rev, room, private_rev: Some(private_rev) };
    let own = recipients::for_users(&mut *db.acquire().await?, &[caller.user]).await?;
    push.to_users(&own, &frame, caller.now).await;
    Ok(view)
}

/// Lists the caller's rooms that changed since a server time, with the caller's private rev.
pub async fn changed_since(db: &Db, caller: &Caller, since: Timestamp) -> Result<RecentChanges> {
    let since = Timestamp(since.0.saturating_sub(CLOCK_SLACK_MS));
    store::changed_since(&mut *db.acquire().await?, caller.user, since).await
}

/// Requires read access. A hidden room, or one that banned the caller, is not found.
pub(super) fn require_readable(access: Option<Access>) -> Result<Readable> {
    match access {
        Some(Access::Readable(readable)) => Ok(readable),
        Some(Access::Banned(..) | Access::Hidden(_)) | None => Err(Error::NotFound("room_not_found")),
    }
}

/// Requires membership.
pub(super) fn require_member(room: &Readable) -> Result<&Membership> {
    room.member().ok_or(Error::Forbidden("not_a_member"))
}

/// Requires a room that is neither archived nor a direct room across a block.
pub(super) fn may_change(room: &Readable) -> Result<()> {
    if room.settings.archived {
        return Err(Error::Conflict("room_archived"));
    }
    if room.blocked { Err(Error::Forbidden("blocked")) } else { Ok(()) }
}

/// Requires that a member may write now. Slow mode does not apply to admins and owners.
pub(super) fn may_write(room: &Readable, member: &Membership, now: Timestamp) -> Result<()> {
    may_change(room)?;
    if member.role > Role::Member {
        return Ok(());
    }
    if room.settings.who_writes == AllowedRole::Admins {
        return Err(Error::Forbidden("not_allowed"));
    }
    let last_sent = member.allowance.filled_at;
    let wait_ms = i64::from(room.settings.slow_mode_seconds) * 1000 - now.since(last_sent).max(0);
    if wait_ms > 0 {
        let policy = Some(Limit { quota: 1, window: room.settings.slow_mode_seconds });
        return Err(Error::TooMany { retry_after: u32::try_from((wait_ms + 999) / 1000).unwrap_or(u32::MAX), policy });
    }
    Ok(())
}

/// Adds the caller to a public room. The transaction holds the room's lock.
pub(super) async fn join_public(tx: &mut Tx<'_>, caller: &Caller, room: &Readable) -> Result<RoomChanges> {
    if room.kind != RoomKind::Public {
        return Err(Error::Forbidden("not_a_member"));
    }
    add_caller(tx, caller, room.join_target()).await
}

/// Adds the caller to a room that admits them. The transaction holds the room's lock.
pub(super) async fn add_caller(tx: &mut Tx<'_>, caller: &Caller, door: JoinTarget) -> Result<RoomChanges> {
    if door.archived {
        return Err(Error::Conflict("room_archived"));
    }
    let entrance = membership_changes::lock_for_join(tx, door.room, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
    let mut changes = RoomChanges::at(door.room, door.head);
    let rev = changes.next_rev();
    // The first to join an abandoned room owns it, except the default room.
    let role = if entrance.abandoned { Role::Owner } else { Role::Member };
    membership_changes::insert(
        tx,
        door.room,
        Head { seq: changes.next_seq(), rev },
        &[NewMember { user: caller.user, role }],
        caller.now,
    )
    .await?;
    invitation_rows::delete(tx, door.room, caller.user).await?;
    let joined = require_readable(member_rows::find_access(tx, &RoomRef::Id(door.room), caller.user).await?)?;
    changes.add_frame(member_added_frame(tx, &joined, caller.user, rev).await?);
    changes.add_joined(caller.user);
    changes.add_system_message(tx, caller, "member.joined", &format!("{} joined", caller.username)).await?;
    changes.write(tx, caller.now).await?;
    Ok(changes)
}

async fn store_leave(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, owner: Option<UserId>) -> Result<(RoomId, RoomChanges)> {
    let room = require_readable(member_rows::lock(tx, room, caller.user).await?)?;
    let member = require_member(&room)?;
    if room.kind == RoomKind::Direct {
        return Err(Error::Conflict("direct_room"));
    }
    let mut changes = RoomChanges::of(&room);
    if let Some(owner) = owner {
        if member.role != Role::Owner {
            return Err(Error::Forbidden("not_allowed"));
        }
        if owner == caller.user {
            return Err(Error::invalid("owner", "invalid", "must be another member"));
        }
        let rev = changes.next_rev();
        membership_changes::set_role(tx, member, owner, Role::Owner, rev).await?;
        let successor = member_rows::find(tx, &room, owner).await?.ok_or(Error::NotFound("member_not_found"))?;
        changes.add_frame(Frame::member_updated(room.room(), rev, successor));
    } else if member.role == Role::Owner {
        let others = membership_changes::count_others(tx, member, caller.user).await?;
        if others.owners == 0 && others.all > 0 {
            return Err(Error::Conflict("last_owner"));
        }
        if others.all == 0 {
            // A code would give a newcomer the whole history of a room without members.
            invite_rows::revoke_all(tx, member, caller.now).await?;
        }
    }
    let rev = changes.next_rev();
    membership_changes::end(tx, member, caller.user, Head { seq: room.last_seq, rev }, caller.now).await?;
    changes.add_left(caller.user);
    changes.add_uninvited(invitation_rows::end_of_member(tx, room.room(), caller.user).await?);
    changes.add_system_message(tx, caller, "member.left", &format!("{} left", caller.username)).await?;
    changes.write(tx, caller.now).await?;
    Ok((room.room(), changes))
}

async fn store_room(tx: &mut Tx<'_>, caller: &Caller, draft: &RoomDraft) -> Result<(RoomId, RoomChanges)> {
    let RoomDraft { kind, name, topic, people } = draft;
    let ids: Vec<_> = people.iter().map(|new| new.user).collect();
    let known = users::lock_active(tx, &ids).await?;
    if !known.contains(&caller.user) {
        return Err(Error::Unauthenticated(ENDED));
    }
    let relations = ContactPolicy::of(tx, caller, &known).await?;
    // The caller is always added.
    let contact = |user: UserId| if user == caller.user { ContactKind::Added } else { relations.kind_for(user, false) };
    let wrong = people.iter().skip(1).filter_map(|new| {
        let (code, detail) = match new.user {
            user if !known.contains(&user) => ("user_not_found", format!("there is no user {user}")),
            user if contact(user) == ContactKind::Refused => (NOT_REACHABLE, format!("user {user} cannot be added")),
            _ => return None,
        };
        Some(Violation { field: "member_ids".into(), code, detail })
    });
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let room = store::insert(tx, NewRoomRow { kind: *kind, name, topic }, caller.user, caller.now).await?;
    let (members, invited): (Vec<_>, Vec<_>) = people.iter().copied().partition(|new| contact(new.user) == ContactKind::Added);
    membership_changes::insert(tx, room, NEW_ROOM, &members, caller.now).await?;
    store::changed(tx, room, NEW_ROOM.rev, i32::try_from(members.len()).unwrap_or(i32::MAX), caller.now).await?;
    let mut changes = RoomChanges::at(room, NEW_ROOM);
    for new in &members {
        changes.add_joined(new.user);
    }
    for NewMember { user, .. } in invited {
        invitation_rows::upsert(tx, room, user, caller.user, caller.now).await?;
        changes.add_invited(user);
    }
    Ok((room, changes))
}

fn validate(kind: RoomKind, new: &NewRoom) -> Result<(String, String)> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: &str| wrong.push(Violation { field: field.into(), code, detail: detail.into() });
    let name = line::cleaned(&new.name);
    let topic = line::cleaned(new.topic.as_deref().unwrap_or_default());
    if kind == RoomKind::Direct {
        refuse("kind", "invalid", "must be \"group\" or \"public\"; a direct room is made by PUT /api/rooms/direct/{user_id}");
    }
    if new.member_ids.len() > MAX_FIRST_MEMBERS {
        refuse("member_ids", "too_many", "must name at most 100 users");
    }
    wrong.extend(name_violation(&name).into_iter().chain(topic_violation(&topic)));
    if wrong.is_empty() { Ok((name, topic)) } else { Err(Error::Invalid(wrong)) }
}

/// Validates a name as [`line::cleaned`] returns it.
pub(super) fn name_violation(name: &str) -> Option<Violation> {
    let detail = "must have 1 to 100 visible characters".to_owned();
    let code = if name.chars().count() > 100 || name.contains(|c| is_control(c, false)) {
        "invalid"
    } else if is_invisible(name) {
        "required"
    } else {
        return None;
    };
    Some(Violation { field: "name".into(), code, detail })
}

pub(super) fn topic_violation(topic: &str) -> Option<Violation> {
    let violation = |code, detail: &str| Some(Violation { field: "topic".into(), code, detail: detail.into() });
    if topic.chars().count() > 500 {
        violation("too_long", "must have at most 500 characters")
    } else if topic.contains(|c| is_control(c, true)) {
        violation("invalid", "must not hold control characters")
    } else {
        None
    }
}

fn parse_position(text: &str, scope: Scope) -> Option<RoomListCursor> {
    let (of_public, text) = text.strip_prefix("members.").map_or((false, text), |text| (true, text));
    let (order, room) = text.split_once('.')?;
    let room = room.parse().ok()?;
    match scope {
        Scope::Public if of_public => Some(RoomListCursor { members: order.parse().ok()?, room, ..RoomListCursor::START }),
        Scope::All | Scope::Joined if !of_public => {
            Some(RoomListCursor { active_at: order.parse().ok()?, room, ..RoomListCursor::START })
        }
        // The cursor belongs to another order.
        _ => None,
    }
}
