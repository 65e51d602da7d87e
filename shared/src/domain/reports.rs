//! The rules of reports: whoever reads a message may report it once; the room's admins and operators see what is open as it was reported, and close
//! it. Then nobody sees that any more.

use crate::caller::Caller;
use crate::domain::members::at_least;
use crate::domain::paging::{after, clamped, page};
use crate::domain::{messages, rooms};
use crate::error::{Error, Result};
use crate::id::{ReportId, RoomId, RoomRef, UploadId};
use crate::media::{Media, Object, Part, Signed};
use crate::protocol::page::Page;
use crate::protocol::reports::{NewReport, OpenReport, Report};
use crate::protocol::rooms::Role;
use crate::protocol::uploads::Purpose;
use crate::store::members::{self, Standing};
use crate::store::reports::{self as store, Reviewer};
use crate::store::{Db, Handle, audit, evidence, transaction, uploads};

const MAX_REASON: usize = 500;

/// Reports a message. Doing so again changes nothing.
pub async fn report(db: &Db, caller: &Caller, room: &RoomRef, seq: u64, new: &NewReport) -> Result<()> {
    let reason = new.reason.as_deref().unwrap_or_default().trim();
    if reason.chars().count() > MAX_REASON || reason.contains('\0') {
        return Err(Error::invalid("reason", "too_long", "must have at most 500 characters"));
    }
    transaction!(db, |tx| {
        // Under the room's lock, so that nothing is taken back between reading the message and keeping it.
        let room = rooms::readable(members::lock(tx, room, caller.user).await?)?;
        let message = messages::one(tx, &room, seq).await?;
        messages::alive(&message)?;
        match store::insert(tx, &room, message.seq, reason, caller.now).await? {
            Some(report) => evidence::keep(tx, report, &room, &message, caller.now).await,
            None => Ok(()),
        }
    })
}

/// An open report with all that is kept of its message, for the admins of its room and for operators. To everyone else it is absent.
pub async fn find(db: &Db, caller: &Caller, report: ReportId) -> Result<OpenReport> {
    open(&mut *db.acquire().await?, caller, report).await
}

/// Where to fetch a picture or file of a reported message, for the same people.
pub async fn link(db: &Db, media: &Media, caller: &Caller, (report, upload): (ReportId, UploadId), part: Part) -> Result<Signed> {
    let absent = || Error::NotFound("upload_not_found");
    let mut connection = db.acquire().await?;
    let found = open(&mut connection, caller, report).await?.report;
    let shown = found.attachments.iter().any(|attachment| attachment.upload_id == upload);
    let kept = if shown { uploads::find(&mut connection, upload).await? } else { None };
    let kept = kept.filter(|kept| part == Part::Whole || kept.seen.purpose != Purpose::File).ok_or_else(absent)?;
    let purpose = kept.seen.purpose;
    media.to_fetch(Object { id: kept.object.ok_or_else(absent)?, purpose }, part, caller.now)
}

async fn open(connection: &mut Handle, caller: &Caller, report: ReportId) -> Result<OpenReport> {
    let absent = || Error::NotFound("report_not_found");
    let room = store::room_of(connection, report).await?.ok_or_else(absent)?;
    let reviewer = reviewer(connection, caller, room).await?.ok_or_else(absent)?;
    store::find(connection, &reviewer, report).await?.ok_or_else(absent)
}

/// The caller as somebody who may look into the reports of a room, if they may.
async fn reviewer(connection: &mut Handle, caller: &Caller, room: RoomId) -> Result<Option<Reviewer>> {
    if let Some(Standing::Readable(room)) = members::standing(connection, &RoomRef::Id(room), caller.user).await?
        && let Ok(moderator) = at_least(&room, Role::Admin)
    {
        return Ok(Some(Reviewer::Moderator(moderator.clone())));
    }
    // Nothing is done, so no address is noted.
    Ok(audit::operator(connection, caller, "").await?.map(Reviewer::Operator))
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
