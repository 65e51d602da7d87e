//! The rules of reports: whoever reads a message may report it once; the room's admins see and close what is open.

use crate::caller::Caller;
use crate::domain::members::at_least;
use crate::domain::paging::{after, clamped, page};
use crate::domain::{messages, rooms};
use crate::error::{Error, Result};
use crate::id::{ReportId, RoomRef};
use crate::protocol::page::Page;
use crate::protocol::reports::{NewReport, Report};
use crate::protocol::rooms::Role;
use crate::store::{Db, members, reports as store};

const MAX_REASON: usize = 500;

/// Reports a message. Doing so again changes nothing.
pub async fn report(db: &Db, caller: &Caller, room: &RoomRef, seq: u64, new: &NewReport) -> Result<()> {
    let reason = new.reason.as_deref().unwrap_or_default().trim();
    if reason.chars().count() > MAX_REASON || reason.contains('\0') {
        return Err(Error::invalid("reason", "too_long", "must have at most 500 characters"));
    }
    let mut connection = db.acquire().await?;
    let room = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let message = messages::one(&mut connection, &room, seq).await?;
    messages::alive(&message)?;
    store::insert(&mut connection, &room, message.seq, reason, caller.now).await
}

/// A page of the open reports, oldest first.
pub async fn list(
    db: &Db,
    caller: &Caller,
    room: &RoomRef,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<Report>> {
    let limit = clamped(limit);
    let after = after(cursor, 0)?;
    let mut connection = db.acquire().await?;
    let room = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let items = store::list(&mut connection, at_least(&room, Role::Admin)?, after, limit + 1).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}

/// Closes a report. Doing so again changes nothing.
pub async fn close(db: &Db, caller: &Caller, room: &RoomRef, report: ReportId) -> Result<()> {
    let mut connection = db.acquire().await?;
    let room = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let closed = store::close(&mut connection, at_least(&room, Role::Admin)?, report, caller.now).await?;
    if closed { Ok(()) } else { Err(Error::NotFound("report_not_found")) }
}
