//! The rules of invitations: those who may add people make them; whoever has the code joins, as often as it may be used, and as long as the one who
//! made it may add people. Only whom somebody removed from the room it does not let back in.

use crate::caller::Caller;
use crate::domain::idempotency;
use crate::domain::members::{may_add, ruled};
use crate::domain::news::News;
use crate::domain::rooms::{self, may_change, welcome};
use crate::domain::secrets;
use crate::error::{Error, Result, Violation};
use crate::id::RoomRef;
use crate::protocol::invites::{Invite, NewInvite};
use crate::protocol::page::Page;
use crate::protocol::rooms::{Role, Room, RoomKind};
use crate::push::Push;
use crate::store::members::{self, Standing};
use crate::store::{Db, Tx, invites as store, transaction};

/// Open invitations that a room may have.
const MAX_OPEN: u32 = 100;
/// A code is 22 characters; what is longer is none.
const MAX_CODE: usize = 32;

/// Inside of a transaction: another request with the same key was quicker.
const MADE_MEANWHILE: &str = "made_meanwhile";

/// Makes an invitation, or gives the one that was made by this request before and still opens the room, and whether it was.
pub async fn create_once(
    db: &Db,
    caller: &Caller,
    room: &RoomRef,
    new: &NewInvite,
    key: &idempotency::Key,
) -> Result<(Invite, bool)> {
    loop {
        if let Some(code) = idempotency::code_before(db, caller, key).await? {
            let known = list(db, caller, room).await?.items.into_iter().find(|invite| invite.code == code);
            return Ok((known.ok_or(Error::NotFound("invite_not_found"))?, true));
        }
        match make(db, caller, room, new, Some(key)).await {
            Err(Error::Conflict(MADE_MEANWHILE)) => {}
            made => return Ok((made?, false)),
        }
    }
}

/// Makes an invitation.
pub async fn create(db: &Db, caller: &Caller, room: &RoomRef, new: &NewInvite) -> Result<Invite> {
    make(db, caller, room, new, None).await
}

async fn make(db: &Db, caller: &Caller, room: &RoomRef, new: &NewInvite, key: Option<&idempotency::Key>) -> Result<Invite> {
    checked(new)?;
    let code = secrets::code()?;
    transaction!(db, |tx| {
        let room = ruled(tx, caller, room).await?;
        let member = may_add(&room)?;
        may_change(&room)?;
        if store::list(tx, member, MAX_OPEN, caller.now).await?.len() >= MAX_OPEN as usize {
            return Err(Error::Conflict("too_many_invites"));
        }
        let invite = Invite {
            code: code.clone(),
            room_id: room.room(),
            created_by: caller.user,
            created_at: caller.now,
            expires_at: new.expires_in.map(|seconds| caller.now.plus_seconds(i64::from(seconds))),
            uses_left: new.uses,
        };
        store::insert(tx, member, &invite).await?;
        match key {
            Some(key) if !idempotency::keep_code(tx, caller, key, &code).await? => Err(Error::Conflict(MADE_MEANWHILE)),
            _ => Ok(invite),
        }
    })
}

/// The invitations that can still be used, newest first. A room has few, so there is one page.
pub async fn list(db: &Db, caller: &Caller, room: &RoomRef) -> Result<Page<Invite>> {
    let mut connection = db.acquire().await?;
    let room = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let items = store::list(&mut connection, may_add(&room)?, MAX_OPEN, caller.now).await?;
    Ok(Page { items, next: None })
}

/// Takes an invitation back: one's own, whatever became of oneself since, or any as an admin.
pub async fn revoke(db: &Db, caller: &Caller, room: &RoomRef, code: &str) -> Result<()> {
    let mut connection = db.acquire().await?;
    let standing = members::standing(&mut connection, room, caller.user).await?.ok_or(Error::NotFound("room_not_found"))?;
    if is_code(code) && store::revoke_own(&mut connection, standing.room(), caller.user, code, caller.now).await? {
        return Ok(());
    }
    let room = rooms::readable(Some(standing))?;
    let member = may_add(&room)?;
    let absent = Error::NotFound("invite_not_found");
    if member.role == Role::Member {
        let others = is_code(code) && store::is_there(&mut connection, member, code).await?;
        return Err(if others { Error::Forbidden("not_allowed") } else { absent });
    }
    if is_code(code) && store::revoke(&mut connection, member, code, caller.now).await? { Ok(()) } else { Err(absent) }
}

/// What is none would not even be compared by the store.
fn is_code(text: &str) -> bool {
    text.len() <= MAX_CODE && text.is_ascii()
}

/// Joins a room: a public one, or with the code of an invite any.
pub async fn join(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, code: Option<&str>) -> Result<Room> {
    match code {
        Some(code) => accept(db, push, caller, room, code).await,
        None => rooms::join(db, push, caller, room).await,
    }
}

/// Joins a room with an invitation. Whoever is a member already, or needs none, leaves it unused.
async fn accept(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, code: &str) -> Result<Room> {
    if !is_code(code) {
        return Err(Error::NotFound("invite_not_found"));
    }
    let news = transaction!(db, |tx| take(tx, caller, room, code).await)?;
    if let Some(news) = news {
        news.push(db, push, caller.now).await?;
    }
    rooms::find(db, caller, room).await
}

async fn take(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, code: &str) -> Result<Option<News>> {
    // A wrong code is answered alike for rooms that are hidden and for those that do not exist.
    let absent = Error::NotFound("invite_not_found");
    let door = match members::lock(tx, room, caller.user).await? {
        // Whoever holds a code knows of the room, and is told why it does not open.
        Some(Standing::Banned(room, kind)) => {
            let known = kind == RoomKind::Public || store::lock(tx, room, code).await?.is_some();
            return Err(if known { Error::Forbidden("banned") } else { absent });
        }
        Some(Standing::Readable(room)) if room.member().is_some() => return Ok(None),
        Some(Standing::Readable(room)) if room.kind == RoomKind::Public => {
            return welcome(tx, caller, room.door()).await.map(Some);
        }
        Some(Standing::Readable(room)) => room.door(),
        Some(Standing::Hidden(door)) => door,
        None => return Err(absent),
    };
    let invite = store::lock(tx, door.room, code).await?.ok_or(absent)?;
    if door.removed {
        return Err(Error::Forbidden("removed"));
    }
    if invite.expires_at.is_some_and(|at| at <= caller.now) {
        return Err(Error::Conflict("invite_expired"));
    }
    if invite.uses_left == Some(0) {
        return Err(Error::Conflict("invite_used_up"));
    }
    let news = welcome(tx, caller, door).await?;
    store::count_use(tx, &invite).await?;
    Ok(Some(news))
}

fn checked(new: &NewInvite) -> Result<()> {
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
