//! Invite codes. Users who may add members create them; a code admits anyone while it has uses left and its creator may add members. It does not
//! readmit removed users, and admits no one across a block with its creator.

use crate::caller::Caller;
use crate::domain::auth::secrets;
use crate::domain::idempotency::{self, KeyClaim};
use crate::domain::rooms::changes::RoomChanges;
use crate::domain::rooms::members::{lock_managed, require_may_add};
use crate::domain::rooms::{self, add_caller, may_change};
use crate::error::{Error, Result, Violation};
use crate::id::RoomRef;
use crate::protocol::invite_codes::{Invite, NewInvite};
use crate::protocol::page::Page;
use crate::protocol::rooms::{Role, Room, RoomKind};
use crate::push::Push;
use crate::store::members::{self, Access};
use crate::store::{Db, Tx, invite_codes as store, transaction};

/// Maximum number of a room's open codes.
const MAX_OPEN: u32 = 100;
/// Codes have 22 characters; longer texts are not looked up.
const MAX_CODE_LENGTH: usize = 32;

/// Creates an invite code, or returns the one that the same request created. Returns whether it existed.
pub async fn create_once(
    db: &Db,
    caller: &Caller,
    room: &RoomRef,
    new: &NewInvite,
    key: &idempotency::KeyDigest,
) -> Result<(Invite, bool)> {
    loop {
        if let Some(code) = idempotency::find_created_code(db, caller, key).await? {
            let known = list(db, caller, room).await?.items.into_iter().find(|invite| invite.code == code);
            return Ok((known.ok_or(Error::NotFound("invite_not_found"))?, true));
        }
        validate(new)?;
        let code = secrets::random_code()?;
        let (claim, invite) = transaction!(db, |tx| {
            let invite = store_invite(tx, caller, room, new, &code).await?;
            Ok((idempotency::claim_code(tx, caller, key, &code).await?, invite))
        })?;
        if claim == KeyClaim::First {
            return Ok((invite, false));
        }
    }
}

pub async fn create(db: &Db, caller: &Caller, room: &RoomRef, new: &NewInvite) -> Result<Invite> {
    validate(new)?;
    let code = secrets::random_code()?;
    transaction!(db, |tx| store_invite(tx, caller, room, new, &code).await)
}

async fn store_invite(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, new: &NewInvite, code: &str) -> Result<Invite> {
    let room = lock_managed(tx, caller, room).await?;
    let member = require_may_add(&room)?;
    may_change(&room)?;
    if store::list(tx, member, MAX_OPEN, caller.now).await?.len() >= MAX_OPEN as usize {
        return Err(Error::Conflict("too_many_invites"));
    }
    let invite = Invite {
        code: code.to_owned(),
        room_id: room.room(),
        created_by: caller.user,
        created_at: caller.now,
        expires_at: new.expires_in.map(|seconds| caller.now.plus_seconds(i64::from(seconds))),
        uses_left: new.uses,
    };
    store::insert(tx, member, &invite).await?;
    Ok(invite)
}

/// Lists the usable codes, newest first, on one page.
pub async fn list(db: &Db, caller: &Caller, room: &RoomRef) -> Result<Page<Invite>> {
    let mut connection = db.acquire().await?;
    let room = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    let items = store::list(&mut connection, require_may_add(&room)?, MAX_OPEN, caller.now).await?;
    Ok(Page { items, next: None })
}

/// Revokes a code: the caller's own, even after losing their rights, or any as an admin.
pub async fn revoke(db: &Db, caller: &Caller, room: &RoomRef, code: &str) -> Result<()> {
    let mut connection = db.acquire().await?;
    let access = members::find_access(&mut connection, room, caller.user).await?.ok_or(Error::NotFound("room_not_found"))?;
    if may_be_code(code) && store::revoke_own(&mut connection, access.room(), caller.user, code, caller.now).await? {
        return Ok(());
    }
    let room = rooms::require_readable(Some(access))?;
    let member = require_may_add(&room)?;
    let absent = Error::NotFound("invite_not_found");
    if member.role == Role::Member {
        let others = may_be_code(code) && store::exists(&mut connection, member, code).await?;
        return Err(if others { Error::Forbidden("not_allowed") } else { absent });
    }
    if may_be_code(code) && store::revoke(&mut connection, member, code, caller.now).await? { Ok(()) } else { Err(absent) }
}

/// Filters texts that cannot be a code before the store compares them.
fn may_be_code(text: &str) -> bool {
    text.len() <= MAX_CODE_LENGTH && text.is_ascii()
}

/// Joins a public room, or any room with a code.
pub async fn join(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, code: Option<&str>) -> Result<Room> {
    match code {
        Some(code) => accept(db, push, caller, room, code).await,
        None => rooms::join(db, push, caller, room).await,
    }
}

/// Joins a room with a code. Members and public rooms do not use it up.
async fn accept(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, code: &str) -> Result<Room> {
    if !may_be_code(code) {
        return Err(Error::NotFound("invite_not_found"));
    }
    let changes = transaction!(db, |tx| redeem(tx, caller, room, code).await)?;
    changes.push(db, push, caller.now).await?;
    rooms::find(db, caller, room).await
}

async fn redeem(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, code: &str) -> Result<RoomChanges> {
    // A wrong code gets the same answer for hidden and for missing rooms.
    let absent = Error::NotFound("invite_not_found");
    let door = match members::lock(tx, room, caller.user).await? {
        // A valid code reveals the room, so its holder may learn of the ban.
        Some(Access::Banned(room, kind)) => {
            let known = kind == RoomKind::Public || store::lock(tx, room, code, caller.user).await?.is_some();
            return Err(if known { Error::Forbidden("banned") } else { absent });
        }
        Some(Access::Readable(room)) if room.member().is_some() => return Ok(RoomChanges::of_member(&room, caller.user)),
        Some(Access::Readable(room)) if room.kind == RoomKind::Public => {
            return add_caller(tx, caller, room.join_target()).await;
        }
        Some(Access::Readable(room)) => room.join_target(),
        Some(Access::Hidden(door)) => door,
        None => return Err(absent),
    };
    let invite = store::lock(tx, door.room, code, caller.user).await?.ok_or(absent)?;
    if door.removed {
        return Err(Error::Forbidden("removed"));
    }
    if invite.expires_at.is_some_and(|at| at <= caller.now) {
        return Err(Error::Conflict("invite_expired"));
    }
    if invite.uses_left == Some(0) {
        return Err(Error::Conflict("invite_used_up"));
    }
    let changes = add_caller(tx, caller, door).await?;
    store::count_use(tx, &invite).await?;
    Ok(changes)
}

fn validate(new: &NewInvite) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, detail: &str| {
        wrong.push(Violation { field: field.into(), code: "out_of_range", detail: detail.into() });
    };
    if new.expires_in.is_some_and(|seconds| !(60..=31_536_000).contains(&seconds)) {
        refuse("expires_in", "must be from 60 seconds to a year (31536000)");
    }
    if new.uses.is_some_and(|uses| !(1..=10_000).contains(&uses)) {
        refuse("uses", "must be from 1 to 10000");
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}
