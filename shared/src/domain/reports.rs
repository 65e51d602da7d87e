//! Reports of messages. A reader may report a message once; the room's admins and operators see open reports with the evidence, and close them.
//! Admins do not review reports of their own messages; those of a room that was abandoned are for operators alone. Closed reports are not shown.

use crate::caller::Caller;
use crate::domain::messages;
use crate::domain::paging::{PageRequest, page};
use crate::domain::rooms;
use crate::domain::rooms::members::require_role;
use crate::error::{Error, Result};
use crate::id::{ReportId, RoomRef, Seq, UploadId};
use crate::media::{Media, Object, PresignedUrl, Rendition};
use crate::protocol::page::Page;
use crate::protocol::reports::{NewReport, OpenReport, Report};
use crate::protocol::rooms::Role;
use crate::store::members::{self, Access};
use crate::store::reports::{self as store, Reviewer};
use crate::store::{Db, Handle, audit, report_evidence, transaction, uploads};
use crate::text::visible::is_invisible;

const MAX_REASON: usize = 500;

/// Reports a message. Idempotent.
pub async fn report(db: &Db, caller: &Caller, room: &RoomRef, seq: Seq, new: &NewReport) -> Result<()> {
    let reason =
        new.reason.as_deref().map(str::trim).filter(|reason| !is_invisible(reason) || reason.contains('\0')).unwrap_or_default();
    if reason.chars().count() > MAX_REASON || reason.contains('\0') {
        return Err(Error::invalid("reason", "too_long", "must have at most 500 characters"));
    }
    transaction!(db, |tx| {
        // The room's lock keeps the message unchanged until its evidence is stored.
        let room = rooms::require_readable(members::lock(tx, room, caller.user).await?)?;
        let message = messages::find_readable(tx, &room, seq).await?;
        messages::require_not_unsent(&message)?;
        match store::insert(tx, &room, message.seq, reason, caller.now).await? {
            Some(report) => report_evidence::insert(tx, report, &room, &message, caller.now).await,
            None => Ok(()),
        }
    })
}

/// Returns an open report with its evidence, for admins of the room and operators. It is not found for others.
pub async fn find(db: &Db, caller: &Caller, report: ReportId) -> Result<OpenReport> {
    open(&mut *db.acquire().await?, caller, report).await
}

/// An attachment of a reported message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportedAttachment {
    pub report: ReportId,
    pub upload: UploadId,
}

/// Returns a signed URL of an attachment of a reported message, for the same users.
pub async fn link(
    db: &Db,
    media: &Media,
    caller: &Caller,
    attachment: ReportedAttachment,
    part: Rendition,
) -> Result<PresignedUrl> {
    let ReportedAttachment { report, upload } = attachment;
    let absent = || Error::NotFound("upload_not_found");
    let mut connection = db.acquire().await?;
    let found = open(&mut connection, caller, report).await?.report;
    let shown = found.attachments.iter().any(|attachment| attachment.upload_id == upload);
    let kept = if shown { uploads::find(&mut connection, upload).await? } else { None };
    let kept = kept.filter(|kept| part == Rendition::Original || kept.info.thumbnail_url.is_some()).ok_or_else(absent)?;
    let purpose = kept.info.purpose;
    media.download_url(Object { id: kept.object.ok_or_else(absent)?, purpose }, part, caller.now).await
}

async fn open(connection: &mut Handle, caller: &Caller, report: ReportId) -> Result<OpenReport> {
    let absent = || Error::NotFound("report_not_found");
    let room = store::room_of(connection, report).await?.ok_or_else(absent)?;
    if let Some(Access::Readable(room)) = members::find_access(connection, &RoomRef::Id(room), caller.user).await?
        && let Ok(moderator) = require_role(&room, Role::Admin)
        && let Some(found) = store::find(connection, &Reviewer::Moderator(moderator.clone()), report).await?
    {
        return Ok(found);
    }
    // Reading writes no audit entry, so the address is not needed.
    let operator = audit::find_operator(connection, caller, "").await?.map(Reviewer::Operator).ok_or_else(absent)?;
    store::find(connection, &operator, report).await?.ok_or_else(absent)
}

/// Lists the room's open reports that the caller may review, oldest first.
pub async fn list(db: &Db, caller: &Caller, room: &RoomRef, paging: PageRequest<'_>) -> Result<Page<Report>> {
    let limit = paging.limit()?;
    let after = paging.position(0)?;
    let mut connection = db.acquire().await?;
    let room = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    let items = store::list(&mut connection, require_role(&room, Role::Admin)?, after, limit + 1).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}

/// Closes a report. Idempotent.
pub async fn close(db: &Db, caller: &Caller, room: &RoomRef, report: ReportId) -> Result<()> {
    let mut connection = db.acquire().await?;
    let room = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    let closed = store::close(&mut connection, require_role(&room, Role::Admin)?, report, caller.now).await?;
    if closed { Ok(()) } else { Err(Error::NotFound("report_not_found")) }
}
