//! The rules of rooms: who sees which, who joins, who may leave. A room that the caller may not see does not exist for them.

use crate::caller::Caller;
use crate::domain::news::{News, member_added};
use crate::domain::paging::{clamped, cursor_of, page, place_in};
use crate::domain::reach::{self, NOT_REACHABLE, Reach, Way};
use crate::domain::sessions::ENDED;
use crate::domain::visible::{misuses, shows_nothing};
use crate::domain::{idempotency, invitations};
use crate::error::{Error, Limit, Result, Violation};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::{Changed, Frame};
use crate::protocol::page::Page;
use crate::protocol::rooms::{NewRoom, Role, Room, RoomKind, Scope, Whoever};
use crate::push::Push;
use crate::store::members::{self, Door, Member, Readable, Standing};
use crate::store::rooms::{self as store, Place};
use crate::store::{Db, Tx, invitations as invitation_rows, invites, membership, recipients, transaction, users};
use crate::time::Timestamp;

/// People that a new room may have from the start.
const MAX_FIRST_MEMBERS: usize = 100;
/// A public room reaches everyone, and counts as so many strangers.
const PUBLIC_COST: u32 = 10;
/// A change may commit a little after the time that it carries, and clocks differ: `ping` looks so much further back.
const CLOCK_SLACK_MS: i64 = 10_000;

/// Never leaves this file.
const MADE_MEANWHILE: &str = "made_meanwhile";

/// A page of rooms: one's own by their newest activity, the public ones by how many members they have.
pub async fn list(db: &Db, caller: &Caller, scope: Scope, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<Room>> {
    let limit = clamped(limit);
    let after = cursor.map_or(Ok(Place::START), |cursor| place_in(cursor, |text| place(text, scope)))?;
    let rows = store::list(&mut *db.acquire().await?, caller.user, scope, after, limit + 1).await?;
    let Page { items, next } = page(rows, limit, |(_, last)| {
        let Place { active_at, members, room } = last;
        cursor_of(&if scope == Scope::Public { format!("members.{members}.{room}") } else { format!("{active_at}.{room}") })
    });
    Ok(Page { items: items.into_iter().map(|(room, _)| room).collect(), next })
}

/// One room.
pub async fn find(db: &Db, caller: &Caller, room: &RoomRef) -> Result<Room> {
    let mut connection = db.acquire().await?;
    let readable = readable(members::standing(&mut connection, room, caller.user).await?)?;
    store::view(&mut connection, &readable).await?.ok_or(Error::NotFound("room_not_found"))
}

/// Makes a group or a public room; its maker owns it.
pub async fn create(db: &Db, push: &Push, caller: &Caller, kind: RoomKind, new: &NewRoom) -> Result<Room> {
    let room = made(db, push, caller, (kind, new), None).await?;
    find(db, caller, &RoomRef::Id(room)).await
}

/// The same for a request that may come again. Whether the room was there.
pub async fn create_once(
    db: &Db,
    push: &Push,
    caller: &Caller,
    what: (RoomKind, &NewRoom),
    key: &idempotency::Key,
) -> Result<(Room, bool)> {
    for _ in 0..2 {
        if let Some(room) = idempotency::made_before(db, caller, key).await? {
            return Ok((find(db, caller, &RoomRef::Id(RoomId(room))).await?, true));
        }
        match made(db, push, caller, what, Some(key)).await {
            Err(Error::Conflict(MADE_MEANWHILE)) => {}
            room => return Ok((find(db, caller, &RoomRef::Id(room?)).await?, false)),
        }
    }
    Err(Error::unavailable("the key of a request came and went"))
}

/// The new room, told to its members; with a key, a conflict when the same request made it meanwhile.
async fn made(
    db: &Db,
    push: &Push,
    caller: &Caller,
    (kind, new): (RoomKind, &NewRoom),
    key: Option<&idempotency::Key>,
) -> Result<RoomId> {
    let (name, topic) = checked(kind, new)?;
    let mut people: Vec<(UserId, Role)> = vec![(caller.user, Role::Owner)];
    for user in &new.member_ids {
        if !people.iter().any(|(known, _)| known == user) {
            people.push((*user, Role::Member));
        }
    }
    let more = if kind == RoomKind::Public { PUBLIC_COST } else { 0 };
    reach::spend(db, push, caller, &new.member_ids, more).await?;
    let (room, news) = transaction!(db, |tx| {
        let (room, news) = store_room(tx, caller, kind, (name, topic), &people).await?;
        match key {
            // Whoever waited for the first one's commit takes back what it made itself.
            Some(key) if !idempotency::keep(tx, caller, key, room.0).await? => Err(Error::Conflict(MADE_MEANWHILE)),
            _ => Ok((room, news)),
        }
    })?;
    news.push(db, push, caller.now).await?;
    Ok(room)
}

/// Joins a public room, or one that asks the caller in; joining twice changes nothing.
pub async fn join(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<Room> {
    let news = transaction!(db, |tx| {
        let (door, refusal) = match members::lock(tx, room, caller.user).await? {
            Some(Standing::Banned(_, RoomKind::Public)) => return Err(Error::Forbidden("banned")),
            Some(Standing::Readable(room)) if room.member().is_some() => return Ok(None),
            Some(Standing::Readable(room)) if room.kind == RoomKind::Public => return admit(tx, caller, &room).await.map(Some),
            Some(Standing::Readable(room)) => {
                (room.door(), Error::Forbidden(if room.removed { "removed" } else { "invite_needed" }))
            }
            Some(Standing::Hidden(door)) => (door, Error::NotFound("room_not_found")),
            Some(Standing::Banned(..)) | None => return Err(Error::NotFound("room_not_found")),
        };
        if invitations::holds(tx, door.room, caller.user).await? {
            welcome(tx, caller, door).await.map(Some)
        } else {
            Err(refusal)
        }
    })?;
    if let Some(news) = news {
        news.push(db, push, caller.now).await?;
    }
    find(db, caller, room).await
}

/// Opens a socket onto a room: whoever may read it may do so, and joins it if it is public.
pub async fn enter(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<()> {
    let readable = readable(members::standing(&mut *db.acquire().await?, room, caller.user).await?)?;
    if readable.kind == RoomKind::Public && readable.member().is_none() && !readable.settings.archived {
        join(db, push, caller, room).await?;
    }
    Ok(())
}

/// Leaves a room. The last owner cannot leave others behind without an owner.
pub async fn leave(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, owner: Option<UserId>) -> Result<RoomId> {
    let (room, news) = transaction!(db, |tx| depart(tx, caller, room, owner).await)?;
    news.push(db, push, caller.now).await?;
    Ok(room)
}

/// Until when the caller wants to hear nothing of a room; a moment that has passed ends it.
pub async fn mute(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, until: Option<Timestamp>) -> Result<Room> {
    let until = until.filter(|until| *until > caller.now);
    let view = {
        let mut connection = db.acquire().await?;
        let readable = readable(members::standing(&mut connection, room, caller.user).await?)?;
        membership::mute(&mut connection, member(&readable)?, until).await?;
        store::view(&mut connection, &readable).await?.ok_or(Error::NotFound("room_not_found"))?
    };
    let frame = Frame::RoomSeen { room_id: view.id, rev: view.rev, room: Box::new(view.clone()) };
    let own = recipients::of(&mut *db.acquire().await?, &[caller.user]).await?;
    push.to_users(&own, &frame, caller.now).await;
    Ok(view)
}

/// The caller's rooms that changed since a moment that the server named.
pub async fn changed_since(db: &Db, caller: &Caller, since: Timestamp) -> Result<(Vec<Changed>, bool)> {
    let since = Timestamp(since.0.saturating_sub(CLOCK_SLACK_MS));
    store::changed_since(&mut *db.acquire().await?, caller.user, since).await
}

/// What may be read; a room that is hidden, or that banned the caller, is as good as absent.
pub(super) fn readable(standing: Option<Standing>) -> Result<Readable> {
    match standing {
        Some(Standing::Readable(readable)) => Ok(readable),
        Some(Standing::Banned(..) | Standing::Hidden(_)) | None => Err(Error::NotFound("room_not_found")),
    }
}

/// The reader's membership, where only members may do something.
pub(super) fn member(room: &Readable) -> Result<&Member> {
    room.member().ok_or(Error::Forbidden("not_a_member"))
}

/// Whether anything of the room may still change: not once it is archived, nor in a direct room across a block.
pub(super) fn may_change(room: &Readable) -> Result<()> {
    if room.settings.archived {
        return Err(Error::Conflict("room_archived"));
    }
    if room.blocked { Err(Error::Forbidden("blocked")) } else { Ok(()) }
}

/// Whether a member may write now, by the room's rules. Admins and owners are exempt from slow mode.
pub(super) fn may_write(room: &Readable, member: &Member, now: Timestamp) -> Result<()> {
    may_change(room)?;
    if member.role > Role::Member {
        return Ok(());
    }
    if room.settings.who_writes == Whoever::Admins {
        return Err(Error::Forbidden("not_allowed"));
    }
    let (_, last_sent) = member.allowance;
    let wait_ms = i64::from(room.settings.slow_mode_seconds) * 1000 - now.since(last_sent).max(0);
    if wait_ms > 0 {
        let policy = Some(Limit { quota: 1, window: room.settings.slow_mode_seconds });
        return Err(Error::TooMany { retry_after: u32::try_from((wait_ms + 999) / 1000).unwrap_or(u32::MAX), policy });
    }
    Ok(())
}

/// Makes the caller a member of a public room whose row the transaction holds.
pub(super) async fn admit(tx: &mut Tx<'_>, caller: &Caller, room: &Readable) -> Result<News> {
    if room.kind != RoomKind::Public {
        return Err(Error::Forbidden("not_a_member"));
    }
    welcome(tx, caller, room.door()).await
}

/// Makes the caller a member of a room that they were let into, and whose row the transaction holds.
pub(super) async fn welcome(tx: &mut Tx<'_>, caller: &Caller, door: Door) -> Result<News> {
    if door.archived {
        return Err(Error::Conflict("room_archived"));
    }
    let entrance = membership::entrance(tx, door.room, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
    let mut news = News::at(door.room, door.place);
    let rev = news.next_rev();
    // A room whose people have all left belongs to whoever comes first; General belongs to nobody.
    let role = if entrance.abandoned { Role::Owner } else { Role::Member };
    membership::insert(tx, (door.room, rev, news.next_seq()), &[(caller.user, role)], caller.now).await?;
    invitation_rows::remove(tx, door.room, caller.user).await?;
    let joined = readable(members::standing(tx, &RoomRef::Id(door.room), caller.user).await?)?;
    news.tell(member_added(tx, &joined, caller.user, rev).await?);
    news.came(caller.user);
    news.event(tx, caller, ("member.joined", &format!("{} joined", caller.username))).await?;
    news.write(tx, caller.now).await?;
    Ok(news)
}

async fn depart(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, owner: Option<UserId>) -> Result<(RoomId, News)> {
    let room = readable(members::lock(tx, room, caller.user).await?)?;
    let member = member(&room)?;
    if room.kind == RoomKind::Direct {
        return Err(Error::Conflict("direct_room"));
    }
    let mut news = News::of(&room);
    if let Some(owner) = owner {
        if member.role != Role::Owner {
            return Err(Error::Forbidden("not_allowed"));
        }
        if owner == caller.user {
            return Err(Error::invalid("owner", "invalid", "must be another member"));
        }
        let rev = news.next_rev();
        membership::set_role(tx, member, owner, Role::Owner, rev).await?;
        let heir = members::find(tx, &room, owner).await?.ok_or(Error::NotFound("member_not_found"))?;
        news.tell(Frame::member_updated(room.room(), rev, heir));
    } else if member.role == Role::Owner {
        let (owners, others) = membership::others(tx, member, caller.user).await?;
        if owners == 0 && others > 0 {
            return Err(Error::Conflict("last_owner"));
        }
        if others == 0 {
            // An invitation would let somebody into a room that nobody knows of any more, and show them all of it.
            invites::revoke_all(tx, member, caller.now).await?;
        }
    }
    let rev = news.next_rev();
    membership::end(tx, member, caller.user, (room.last_seq, rev), caller.now).await?;
    news.went(caller.user);
    news.uninvited(invitation_rows::end_of_member(tx, room.room(), caller.user).await?);
    news.event(tx, caller, ("member.left", &format!("{} left", caller.username))).await?;
    news.write(tx, caller.now).await?;
    Ok((room.room(), news))
}

async fn store_room(
    tx: &mut Tx<'_>,
    caller: &Caller,
    kind: RoomKind,
    texts: (&str, &str),
    people: &[(UserId, Role)],
) -> Result<(RoomId, News)> {
    let ids: Vec<_> = people.iter().map(|(user, _)| *user).collect();
    let known = users::hold(tx, &ids).await?;
    if !known.contains(&caller.user) {
        return Err(Error::Unauthenticated(ENDED));
    }
    let relations = Reach::of(tx, caller, &known).await?;
    // Oneself is first, and in it whatever one has chosen.
    let way = |user: UserId| if user == caller.user { Way::Added } else { relations.way(user, false) };
    let wrong = people.iter().skip(1).filter_map(|(user, _)| {
        let (code, detail) = match user {
            user if !known.contains(user) => ("user_not_found", format!("there is no person {user}")),
            user if way(*user) == Way::Refused => (NOT_REACHABLE, format!("person {user} cannot be added")),
            _ => return None,
        };
        Some(Violation { field: "member_ids".into(), code, detail })
    });
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let room = store::insert(tx, kind, texts, caller.user, caller.now).await?;
    let (members, asked): (Vec<_>, Vec<_>) = people.iter().copied().partition(|(user, _)| way(*user) == Way::Added);
    membership::insert(tx, (room, 1, 0), &members, caller.now).await?;
    store::changed(tx, room, 1, i32::try_from(members.len()).unwrap_or(i32::MAX), caller.now).await?;
    let mut news = News::at(room, (0, 1));
    for (user, _) in &members {
        news.came(*user);
    }
    for (user, _) in asked {
        invitation_rows::put(tx, room, user, caller.user, caller.now).await?;
        news.invited(user);
    }
    Ok((room, news))
}

fn checked(kind: RoomKind, new: &NewRoom) -> Result<(&str, &str)> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: &str| wrong.push(Violation { field: field.into(), code, detail: detail.into() });
    let name = new.name.trim();
    let topic = new.topic.as_deref().unwrap_or_default().trim();
    if kind == RoomKind::Direct {
        refuse("kind", "invalid", "must be \"group\" or \"public\"; a direct room is made by PUT /api/rooms/direct/{user_id}");
    }
    if new.member_ids.len() > MAX_FIRST_MEMBERS {
        refuse("member_ids", "too_many", "must name at most 100 people");
    }
    wrong.extend(wrong_name(name).into_iter().chain(wrong_topic(topic)));
    if wrong.is_empty() { Ok((name, topic)) } else { Err(Error::Invalid(wrong)) }
}

/// What is wrong with what a room is to be called.
pub(super) fn wrong_name(name: &str) -> Option<Violation> {
    let fits = !shows_nothing(name) && name.chars().count() <= 100 && !misuses(name, false);
    let detail = "must have 1 to 100 visible characters".to_owned();
    (!fits).then(|| Violation { field: "name".into(), code: "invalid", detail })
}

/// What is wrong with what a room is to be about.
pub(super) fn wrong_topic(topic: &str) -> Option<Violation> {
    let violation = |code, detail: &str| Some(Violation { field: "topic".into(), code, detail: detail.into() });
    if topic.chars().count() > 500 {
        violation("too_long", "must have at most 500 characters")
    } else if misuses(topic, true) {
        violation("invalid", "must not hold control characters")
    } else {
        None
    }
}

fn place(text: &str, scope: Scope) -> Option<Place> {
    let (of_public, text) = text.strip_prefix("members.").map_or((false, text), |text| (true, text));
    let (order, room) = text.split_once('.')?;
    let room = room.parse().ok()?;
    match scope {
        Scope::Public if of_public => Some(Place { members: order.parse().ok()?, room, ..Place::START }),
        Scope::All | Scope::Joined if !of_public => Some(Place { active_at: order.parse().ok()?, room, ..Place::START }),
        // A place in another order is none in this one.
        _ => None,
    }
}
