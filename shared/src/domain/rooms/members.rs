//! Room members: adding, roles, removing, banning. Owners manage everyone below them, admins manage members.

use crate::caller::Caller;
use crate::domain::paging::{PageRequest, page};
use crate::domain::people::contact_limits::{self, ContactKind, ContactPolicy, NOT_REACHABLE};
use crate::domain::people::handles::username_of;
use crate::domain::rooms::changes::{RoomChanges, member_added_frame};
use crate::domain::rooms::invitations::is_invited;
use crate::domain::rooms::{may_change, require_member, require_readable};
use crate::error::{Error, Result};
use crate::id::{Head, Rev, RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::protocol::rooms::{self, Additions, AllowedRole, NewMembers, Refused, Role, RoomKind};
use crate::push::Push;
use crate::store::members::{self, Membership, Readable};
use crate::store::membership_changes::{self, MembershipState, NewMember};
use crate::store::{Db, Tx, invitations, transaction, users};

/// Maximum number of users added per call.
const MAX_ADDED: usize = 100;
/// Names listed in a system message.
const MAX_NAMED: usize = 10;

/// A user in a room, as a request names them.
#[derive(Clone, Copy, Debug)]
pub struct MemberRef<'a> {
    pub room: &'a RoomRef,
    pub user: UserId,
}

/// Lists a room's members. Requires membership or a public room.
pub async fn list(db: &Db, caller: &Caller, room: &RoomRef, paging: PageRequest<'_>) -> Result<Page<rooms::Member>> {
    let limit = paging.limit()?;
    let after = paging.position(0)?;
    let mut connection = db.acquire().await?;
    let readable = require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    if readable.is_past() {
        return Err(Error::Forbidden("not_a_member"));
    }
    let items = members::list(&mut connection, &readable, after, limit + 1).await?;
    Ok(page(items, limit, |member| member.user.id.to_string()))
}

/// Adds members. Users who left the room, or do not accept being added, are invited instead. Users who cannot be added are listed in the answer
/// and do not affect the others.
pub async fn add(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, new: &NewMembers) -> Result<Additions> {
    let wanted = validate(new)?;
    let (ids, names) = split_refs(&wanted);
    let known = users::find_many(&mut *db.acquire().await?, &ids, &names).await?;
    contact_limits::charge(db, push, caller, &known.iter().map(|user| user.id).collect::<Vec<_>>(), 0).await?;
    let (added, changes) = transaction!(db, |tx| add_all(tx, caller, room, &wanted).await)?;
    changes.push(db, push, caller.now).await?;
    Ok(added)
}

/// Changes a member's role. Owners may change any; members may lower their own. A room keeps an owner.
pub async fn set_role(db: &Db, push: &Push, caller: &Caller, target: MemberRef<'_>, role: Role) -> Result<rooms::Member> {
    let (member, changes) = transaction!(db, |tx| change_role(tx, caller, target, role).await)?;
    changes.push(db, push, caller.now).await?;
    Ok(member)
}

/// Removes a member. They may rejoin a public room themselves; a private one only when added.
pub async fn remove(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, user: UserId) -> Result<()> {
    end_membership(db, push, caller, MemberRef { room, user }, Removal::Removed).await
}

/// Bans a user, member or not. Idempotent.
pub async fn ban(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, user: UserId) -> Result<()> {
    end_membership(db, push, caller, MemberRef { room, user }, Removal::Banned).await
}

/// Lifts a ban. This does not restore the membership.
pub async fn unban(db: &Db, caller: &Caller, room: &RoomRef, user: UserId) -> Result<()> {
    transaction!(db, |tx| {
        let readable = lock_managed(tx, caller, room).await?;
        let by = require_role(&readable, Role::Admin)?;
        if membership_changes::unban(tx, by, user).await? { Ok(()) } else { Err(Error::NotFound("ban_not_found")) }
    })
}

/// Requires membership with at least this role.
pub(crate) fn require_role(room: &Readable, role: Role) -> Result<&Membership> {
    require_member(room).and_then(|member| if member.role >= role { Ok(member) } else { Err(Error::Forbidden("not_allowed")) })
}

/// Requires the right to add members.
pub(crate) fn require_may_add(room: &Readable) -> Result<&Membership> {
    let least = if room.settings.who_adds == AllowedRole::Members { Role::Member } else { Role::Admin };
    require_role(room, least)
}

/// Locks a room that the caller is a member of. Direct rooms have no management.
pub(crate) async fn lock_managed(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef) -> Result<Readable> {
    let readable = require_readable(members::lock(tx, room, caller.user).await?)?;
    require_member(&readable)?;
    if readable.kind == RoomKind::Direct { Err(Error::Conflict("direct_room")) } else { Ok(readable) }
}

/// A user to add, by id or by username.
enum UserRef<'a> {
    Id(UserId),
    Name(GivenName<'a>),
}

/// A username, and how it was given.
#[derive(Clone, Copy)]
struct GivenName<'a> {
    username: &'a str,
    given: &'a str,
}

impl UserRef<'_> {
    fn is(&self, user: &User) -> bool {
        match self {
            Self::Id(id) => user.id == *id,
            Self::Name(name) => user.username.eq_ignore_ascii_case(name.username),
        }
    }

    fn refused(&self, user: Option<UserId>, code: &'static str) -> Refused {
        match self {
            Self::Id(id) => Refused { user_id: Some(*id), username: None, code },
            Self::Name(name) => Refused { user_id: user, username: Some(name.given.to_owned()), code },
        }
    }
}

fn validate(new: &NewMembers) -> Result<Vec<UserRef<'_>>> {
    let ids = new.user_ids.iter().chain(&new.user_id).map(|id| UserRef::Id(*id));
    let names =
        new.usernames.iter().chain(&new.username).map(|given| UserRef::Name(GivenName { username: username_of(given), given }));
    let wanted: Vec<_> = ids.chain(names).take(MAX_ADDED + 1).collect();
    match wanted.len() {
        0 => Err(Error::invalid("user_ids", "required", "must name at least one user, here or in usernames")),
        1..=MAX_ADDED => Ok(wanted),
        _ => Err(Error::invalid("user_ids", "too_many", "must name at most 100 users, including usernames")),
    }
}

/// Splits into ids and usernames.
fn split_refs<'a>(wanted: &[UserRef<'a>]) -> (Vec<UserId>, Vec<&'a str>) {
    let id = |user_ref: &UserRef<'_>| if let UserRef::Id(id) = user_ref { Some(*id) } else { None };
    let name = |user_ref: &UserRef<'a>| if let UserRef::Name(name) = user_ref { Some(name.username) } else { None };
    (wanted.iter().filter_map(id).collect(), wanted.iter().filter_map(name).collect())
}

async fn add_all(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, wanted: &[UserRef<'_>]) -> Result<(Additions, RoomChanges)> {
    let room = lock_managed(tx, caller, room).await?;
    let by = require_may_add(&room)?;
    may_change(&room)?;
    let (ids, names) = split_refs(wanted);
    let known = users::find_many(tx, &ids, &names).await?;
    let locked = users::lock_active(tx, &known.iter().map(|user| user.id).collect::<Vec<_>>()).await?;
    let known: Vec<_> = known.into_iter().filter(|user| locked.contains(&user.id)).collect();
    let states = membership_changes::lock_states(tx, by, &locked).await?;
    let (relations, pending) =
        (ContactPolicy::of(tx, caller, &locked).await?, invitations::states(tx, room.room(), &locked).await?);
    let (mut result, mut changes, mut names) = (Additions::default(), RoomChanges::of(&room), Vec::new());
    for user_ref in wanted {
        let Some(user) = known.iter().find(|user| user_ref.is(user)) else {
            result.refused.push(user_ref.refused(None, "user_not_found"));
            continue;
        };
        if [&result.added, &result.already, &result.invited].into_iter().any(|list| list.contains(&user.id)) {
            continue;
        }
        let state = states.iter().find(|(id, _)| *id == user.id).map(|(_, state)| *state);
        let pending = pending.iter().find(|pending| pending.user == user.id);
        let quiet = pending.is_some_and(|pending| pending.quiet_until.is_some_and(|until| until > caller.now));
        let contact =
            if quiet { ContactKind::Refused } else { relations.kind_for(user.id, state == Some(MembershipState::Left)) };
        match (state, contact) {
            (Some(MembershipState::Joined(_)), _) => {
                changes.add_present(user.id);
                result.already.push(user.id);
            }
            (Some(MembershipState::Banned), _) => result.refused.push(user_ref.refused(Some(user.id), "banned")),
            (_, ContactKind::Refused) => result.refused.push(user_ref.refused(Some(user.id), NOT_REACHABLE)),
            (_, ContactKind::Invited) => {
                // A pending invitation is not repeated: neither the caller's nor another member's that still holds.
                let open = pending.filter(|pending| pending.quiet_until.is_none());
                let repeats = match open {
                    Some(pending) if pending.by == caller.user => true,
                    Some(_) => is_invited(tx, room.room(), user.id).await?,
                    None => false,
                };
                if !repeats {
                    invitations::upsert(tx, room.room(), user.id, caller.user, caller.now).await?;
                    changes.add_invited(user.id);
                }
                result.invited.push(user.id);
            }
            (_, ContactKind::Added) => {
                if pending.is_some() {
                    invitations::delete(tx, room.room(), user.id).await?;
                }
                let rev = changes.next_rev();
                let joining = Head { seq: changes.next_seq(), rev };
                let new = NewMember { user: user.id, role: Role::Member };
                membership_changes::insert(tx, room.room(), joining, &[new], caller.now).await?;
                changes.add_frame(member_added_frame(tx, &room, user.id, rev).await?);
                changes.add_joined(user.id);
                result.added.push(user.id);
                names.push(user.username.as_str());
            }
        }
    }
    if !names.is_empty() {
        let text = format!("{} added {}", caller.username, list_names(&names));
        changes.add_system_message(tx, caller, "member.added", &text).await?;
        changes.write(tx, caller.now).await?;
    }
    Ok((result, changes))
}

/// Formats names, such as "ann, bob and 3 others".
fn list_names(names: &[&str]) -> String {
    let (listed, rest) = names.split_at(names.len().min(MAX_NAMED));
    let listed = listed.join(", ");
    if rest.is_empty() { listed } else { format!("{listed} and {} others", rest.len()) }
}

async fn change_role(
    tx: &mut Tx<'_>,
    caller: &Caller,
    target: MemberRef<'_>,
    role: Role,
) -> Result<(rooms::Member, RoomChanges)> {
    let MemberRef { room, user } = target;
    let room = lock_managed(tx, caller, room).await?;
    let by = require_member(&room)?;
    let present = state(tx, by, user).await?;
    let Some(MembershipState::Joined(present)) = present else { return Err(Error::NotFound("member_not_found")) };
    let steps_down = user == caller.user && role <= present;
    if by.role != Role::Owner && !steps_down {
        return Err(Error::Forbidden("not_allowed"));
    }
    let mut changes = RoomChanges::of(&room);
    if role != present {
        if present == Role::Owner && membership_changes::count_others(tx, by, user).await?.owners == 0 {
            return Err(Error::Conflict("last_owner"));
        }
        let rev = changes.next_rev();
        membership_changes::set_role(tx, by, user, role, rev).await?;
        changes.write(tx, caller.now).await?;
    }
    let member = members::find(tx, &room, user).await?.ok_or(Error::NotFound("member_not_found"))?;
    if role != present {
        changes.add_frame(Frame::member_updated(room.room(), room.rev.next(), member.clone()));
    }
    Ok((member, changes))
}

/// How an admin ends a membership.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removal {
    Removed,
    Banned,
}

async fn end_membership(db: &Db, push: &Push, caller: &Caller, target: MemberRef<'_>, how: Removal) -> Result<()> {
    let changes = transaction!(db, |tx| store_end(tx, caller, target, how).await)?;
    changes.push(db, push, caller.now).await
}

async fn store_end(tx: &mut Tx<'_>, caller: &Caller, target: MemberRef<'_>, how: Removal) -> Result<RoomChanges> {
    let MemberRef { room, user } = target;
    let room = lock_managed(tx, caller, room).await?;
    let by = require_role(&room, Role::Admin)?;
    let mut changes = RoomChanges::of(&room);
    let present = state(tx, by, user).await?;
    match (present, how) {
        (Some(MembershipState::Joined(role)), _) if by.role > role => {}
        (Some(MembershipState::Joined(_)), _) => return Err(Error::Forbidden("not_allowed")),
        (_, Removal::Removed) => return Err(Error::NotFound("member_not_found")),
        (Some(MembershipState::Banned), Removal::Banned) => return Ok(changes),
        (Some(MembershipState::Left | MembershipState::Removed) | None, Removal::Banned) => {
            // No member sees a change, so it takes no rev.
            users::find(tx, user).await?.ok_or(Error::NotFound("user_not_found"))?;
            membership_changes::ban(tx, by, user, Head { seq: room.last_seq, rev: Rev(0) }, caller.now).await?;
            changes.add_uninvited(invitations::end_of_member(tx, room.room(), user).await?);
            return Ok(changes);
        }
    }
    let name = users::find(tx, user).await?.map(|user| user.username).unwrap_or_default();
    let leaving = Head { seq: room.last_seq, rev: changes.next_rev() };
    let (event, text) = match how {
        Removal::Removed => {
            membership_changes::end(tx, by, user, leaving, caller.now).await?;
            ("member.removed", format!("{} removed {name}", caller.username))
        }
        Removal::Banned => {
            membership_changes::ban(tx, by, user, leaving, caller.now).await?;
            ("member.banned", format!("{} banned {name}", caller.username))
        }
    };
    changes.add_left(user);
    changes.add_uninvited(invitations::end_of_member(tx, room.room(), user).await?);
    changes.add_system_message(tx, caller, event, &text).await?;
    changes.write(tx, caller.now).await?;
    Ok(changes)
}

async fn state(tx: &mut Tx<'_>, by: &Membership, user: UserId) -> Result<Option<MembershipState>> {
    Ok(membership_changes::lock_states(tx, by, &[user]).await?.pop().map(|(_, state)| state))
}
