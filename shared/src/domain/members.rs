//! The rules of who is in a room: adding, roles, removing, banning. Owners act on everyone below them, admins on members, nobody on their equals.

use crate::caller::Caller;
use crate::domain::news::{News, member_added};
use crate::domain::paging::{after, clamped, page};
use crate::domain::reach::{self, NOT_REACHABLE, Reach, Way};
use crate::domain::rooms::{may_change, member, readable};
use crate::error::{Error, Result};
use crate::id::{RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::protocol::rooms::{self, Additions, NewMembers, Refused, Role, RoomKind, Whoever};
use crate::push::Push;
use crate::store::members::{self, Member, Readable};
use crate::store::membership::{self, State};
use crate::store::{Db, Tx, invitations, transaction, users};

/// People that one call may add.
const MAX_ADDED: usize = 100;
/// Names that a system message spells out.
const MAX_NAMED: usize = 10;

/// A page of a room's members, for those who are in it or may come in at will.
pub async fn list(
    db: &Db,
    caller: &Caller,
    room: &RoomRef,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<rooms::Member>> {
    let limit = clamped(limit);
    let after = after(cursor, 0)?;
    let mut connection = db.acquire().await?;
    let readable = readable(members::standing(&mut connection, room, caller.user).await?)?;
    if readable.is_past() {
        return Err(Error::Forbidden("not_a_member"));
    }
    let items = members::list(&mut connection, &readable, after, limit + 1).await?;
    Ok(page(items, limit, |member| member.user.id.to_string()))
}

/// Adds people; who left by themselves, or does not let the caller add them, is asked. Who is a member already, unknown, banned or out of reach is
/// named in the answer and hinders nobody else.
pub async fn add(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, new: &NewMembers) -> Result<Additions> {
    let wanted = checked(new)?;
    let (ids, names) = parts(&wanted);
    let known = users::named(&mut *db.acquire().await?, &ids, &names).await?;
    reach::spend(db, push, caller, &known.iter().map(|user| user.id).collect::<Vec<_>>(), 0).await?;
    let (added, news) = transaction!(db, |tx| add_all(tx, caller, room, &wanted).await)?;
    news.push(db, push, caller.now).await?;
    Ok(added)
}

/// Gives a member another role: owners to everyone, everyone a lower one to themselves. A room keeps an owner.
pub async fn set_role(db: &Db, push: &Push, caller: &Caller, whom: (&RoomRef, UserId), role: Role) -> Result<rooms::Member> {
    let (room, user) = whom;
    let (changed, news) = transaction!(db, |tx| change_role(tx, caller, (room, user), role).await)?;
    news.push(db, push, caller.now).await?;
    Ok(changed)
}

/// Removes a member, who comes back to a public room at will, and to another one only by being added.
pub async fn remove(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, user: UserId) -> Result<()> {
    end(db, push, caller, (room, user), End::Removed).await
}

/// Keeps somebody out for good, a member or not. Banning twice changes nothing.
pub async fn ban(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, user: UserId) -> Result<()> {
    end(db, push, caller, (room, user), End::Banned).await
}

/// Lets somebody come back; it does not make them a member.
pub async fn unban(db: &Db, caller: &Caller, room: &RoomRef, user: UserId) -> Result<()> {
    transaction!(db, |tx| {
        let readable = ruled(tx, caller, room).await?;
        let by = at_least(&readable, Role::Admin)?;
        if membership::unban(tx, by, user).await? { Ok(()) } else { Err(Error::NotFound("ban_not_found")) }
    })
}

/// The caller's membership, if it carries enough weight.
pub(super) fn at_least(room: &Readable, role: Role) -> Result<&Member> {
    member(room).and_then(|member| if member.role >= role { Ok(member) } else { Err(Error::Forbidden("not_allowed")) })
}

/// The caller's membership, if the room lets them bring people in.
pub(super) fn may_add(room: &Readable) -> Result<&Member> {
    let least = if room.settings.who_adds == Whoever::Members { Role::Member } else { Role::Admin };
    at_least(room, least)
}

/// A room that somebody rules, under its lock; nobody rules a direct one.
pub(super) async fn ruled(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef) -> Result<Readable> {
    let readable = readable(members::lock(tx, room, caller.user).await?)?;
    member(&readable)?;
    if readable.kind == RoomKind::Direct { Err(Error::Conflict("direct_room")) } else { Ok(readable) }
}

/// Someone to be added, by id or by name.
enum Wanted<'a> {
    Id(UserId),
    Name(&'a str),
}

impl Wanted<'_> {
    fn is(&self, user: &User) -> bool {
        match self {
            Self::Id(id) => user.id == *id,
            Self::Name(name) => user.username.eq_ignore_ascii_case(name),
        }
    }

    fn refused(&self, user: Option<UserId>, code: &'static str) -> Refused {
        match self {
            Self::Id(id) => Refused { user_id: Some(*id), username: None, code },
            Self::Name(name) => Refused { user_id: user, username: Some((*name).to_owned()), code },
        }
    }
}

fn checked(new: &NewMembers) -> Result<Vec<Wanted<'_>>> {
    let ids = new.user_ids.iter().chain(&new.user_id).map(|id| Wanted::Id(*id));
    let names = new.usernames.iter().chain(&new.username).map(|name| Wanted::Name(name));
    let wanted: Vec<_> = ids.chain(names).take(MAX_ADDED + 1).collect();
    match wanted.len() {
        0 => Err(Error::invalid("user_ids", "required", "must name at least one person, here or in usernames")),
        1..=MAX_ADDED => Ok(wanted),
        _ => Err(Error::invalid("user_ids", "too_many", "must name at most 100 people, those in usernames included")),
    }
}

/// Their ids and their names.
fn parts<'a>(wanted: &[Wanted<'a>]) -> (Vec<UserId>, Vec<&'a str>) {
    let id = |who: &Wanted<'_>| if let Wanted::Id(id) = who { Some(*id) } else { None };
    let name = |who: &Wanted<'a>| if let Wanted::Name(name) = who { Some(*name) } else { None };
    (wanted.iter().filter_map(id).collect(), wanted.iter().filter_map(name).collect())
}

async fn add_all(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, wanted: &[Wanted<'_>]) -> Result<(Additions, News)> {
    let room = ruled(tx, caller, room).await?;
    let by = may_add(&room)?;
    may_change(&room)?;
    let (ids, names) = parts(wanted);
    let known = users::named(tx, &ids, &names).await?;
    let held = users::hold(tx, &known.iter().map(|user| user.id).collect::<Vec<_>>()).await?;
    let known: Vec<_> = known.into_iter().filter(|user| held.contains(&user.id)).collect();
    let states = membership::states(tx, by, &held).await?;
    let (relations, asked) = (Reach::of(tx, caller, &held).await?, invitations::asked(tx, room.room(), &held).await?);
    let (mut result, mut news, mut said) = (Additions::default(), News::of(&room), Vec::new());
    for who in wanted {
        let Some(user) = known.iter().find(|user| who.is(user)) else {
            result.refused.push(who.refused(None, "user_not_found"));
            continue;
        };
        if [&result.added, &result.already, &result.invited].into_iter().any(|list| list.contains(&user.id)) {
            continue;
        }
        let state = states.iter().find(|(id, _)| *id == user.id).map(|(_, state)| *state);
        let asked = asked.iter().find(|asked| asked.user == user.id);
        let quiet = asked.is_some_and(|asked| asked.quiet_until.is_some_and(|until| until > caller.now));
        let way = if quiet { Way::Refused } else { relations.way(user.id, state == Some(State::Left)) };
        match (state, way) {
            (Some(State::Joined(_)), _) => result.already.push(user.id),
            (Some(State::Banned), _) => result.refused.push(who.refused(Some(user.id), "banned")),
            (_, Way::Refused) => result.refused.push(who.refused(Some(user.id), NOT_REACHABLE)),
            (_, Way::Asked) => {
                // Whoever waits for an answer to the same one is not asked twice.
                if !asked.is_some_and(|asked| asked.by == caller.user && asked.quiet_until.is_none()) {
                    invitations::put(tx, room.room(), user.id, caller.user, caller.now).await?;
                    news.invited(user.id);
                }
                result.invited.push(user.id);
            }
            (_, Way::Added) => {
                if asked.is_some() {
                    invitations::remove(tx, room.room(), user.id).await?;
                }
                let rev = news.next_rev();
                let place = (room.room(), rev, news.next_seq());
                membership::insert(tx, place, &[(user.id, Role::Member)], caller.now).await?;
                news.tell(member_added(tx, &room, user.id, rev).await?);
                news.came(user.id);
                result.added.push(user.id);
                said.push(user.username.as_str());
            }
        }
    }
    if !said.is_empty() {
        let text = format!("{} added {}", caller.username, listed(&said));
        news.event(tx, caller, ("member.added", &text)).await?;
        news.write(tx, caller.now).await?;
    }
    Ok((result, news))
}

/// "ann, bob and 3 others".
fn listed(names: &[&str]) -> String {
    let (told, rest) = names.split_at(names.len().min(MAX_NAMED));
    let told = told.join(", ");
    if rest.is_empty() { told } else { format!("{told} and {} others", rest.len()) }
}

async fn change_role(tx: &mut Tx<'_>, caller: &Caller, whom: (&RoomRef, UserId), role: Role) -> Result<(rooms::Member, News)> {
    let (room, user) = whom;
    let room = ruled(tx, caller, room).await?;
    let by = member(&room)?;
    let present = state(tx, by, user).await?;
    let Some(State::Joined(present)) = present else { return Err(Error::NotFound("member_not_found")) };
    let steps_down = user == caller.user && role <= present;
    if by.role != Role::Owner && !steps_down {
        return Err(Error::Forbidden("not_allowed"));
    }
    let mut news = News::of(&room);
    if role != present {
        if present == Role::Owner && membership::others(tx, by, user).await?.0 == 0 {
            return Err(Error::Conflict("last_owner"));
        }
        let rev = news.next_rev();
        membership::set_role(tx, by, user, role, rev).await?;
        news.write(tx, caller.now).await?;
    }
    let changed = members::find(tx, &room, user).await?.ok_or(Error::NotFound("member_not_found"))?;
    if role != present {
        news.tell(Frame::member_updated(room.room(), room.rev + 1, changed.clone()));
    }
    Ok((changed, news))
}

/// How a membership is ended by somebody else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Removed,
    Banned,
}

async fn end(db: &Db, push: &Push, caller: &Caller, whom: (&RoomRef, UserId), how: End) -> Result<()> {
    let (room, user) = whom;
    let news = transaction!(db, |tx| end_one(tx, caller, (room, user), how).await)?;
    news.push(db, push, caller.now).await
}

async fn end_one(tx: &mut Tx<'_>, caller: &Caller, whom: (&RoomRef, UserId), how: End) -> Result<News> {
    let (room, user) = whom;
    let room = ruled(tx, caller, room).await?;
    let by = at_least(&room, Role::Admin)?;
    let mut news = News::of(&room);
    let present = state(tx, by, user).await?;
    match (present, how) {
        (Some(State::Joined(role)), _) if by.role > role => {}
        (Some(State::Joined(_)), _) => return Err(Error::Forbidden("not_allowed")),
        (_, End::Removed) => return Err(Error::NotFound("member_not_found")),
        (Some(State::Banned), End::Banned) => return Ok(news),
        (Some(State::Left | State::Removed) | None, End::Banned) => {
            // Nobody in the room sees a change, so it takes no rev.
            users::find(tx, user).await?.ok_or(Error::NotFound("user_not_found"))?;
            membership::ban(tx, by, user, (room.last_seq, 0), caller.now).await?;
            news.uninvited(invitations::end_of_member(tx, room.room(), user).await?);
            return Ok(news);
        }
    }
    let name = users::find(tx, user).await?.map(|user| user.username).unwrap_or_default();
    let place = (room.last_seq, news.next_rev());
    let what = match how {
        End::Removed => {
            membership::end(tx, by, user, place, caller.now).await?;
            ("member.removed", format!("{} removed {name}", caller.username))
        }
        End::Banned => {
            membership::ban(tx, by, user, place, caller.now).await?;
            ("member.banned", format!("{} banned {name}", caller.username))
        }
    };
    news.went(user);
    news.uninvited(invitations::end_of_member(tx, room.room(), user).await?);
    news.event(tx, caller, (what.0, &what.1)).await?;
    news.write(tx, caller.now).await?;
    Ok(news)
}

async fn state(tx: &mut Tx<'_>, by: &Member, user: UserId) -> Result<Option<State>> {
    Ok(membership::states(tx, by, &[user]).await?.pop().map(|(_, state)| state))
}
