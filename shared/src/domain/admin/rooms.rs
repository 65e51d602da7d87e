//! Admin actions on rooms and reports. Members get the same frames as for a change by a room admin.

use crate::domain::admin::{AdminCaller, name_prefix, require_operator};
use crate::domain::paging::{PageRequest, page};
use crate::domain::rooms::audience;
use crate::domain::rooms::changes::RoomChanges;
use crate::error::{Error, Result};
use crate::id::{ReportId, RoomId, RoomRef};
use crate::protocol::admin::{AdminReport, AdminRoom, ReportState};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::push::Push;
use crate::store::admin_rooms::{self as store, RoomFilter};
use crate::store::audit::{self, AuditRecord};
use crate::store::{Db, Tx, room_settings, transaction};

/// Lists rooms, oldest first.
pub async fn list_rooms(
    db: &Db,
    admin: &AdminCaller,
    filter: RoomFilter<'_>,
    paging: PageRequest<'_>,
) -> Result<Page<AdminRoom>> {
    let after = paging.position(RoomId(0))?;
    let filter = RoomFilter { prefix: name_prefix(filter.prefix)?, ..filter };
    let limit = paging.limit()?;
    let mut connection = db.acquire().await?;
    let operator = require_operator(&mut connection, admin).await?;
    let items = store::list(&mut connection, &operator, filter, after, limit + 1).await?;
    Ok(page(items, limit, |room| room.id.to_string()))
}

pub async fn find_room(db: &Db, admin: &AdminCaller, room: &RoomRef) -> Result<AdminRoom> {
    let mut connection = db.acquire().await?;
    let operator = require_operator(&mut connection, admin).await?;
    store::find(&mut connection, &operator, room).await?.ok_or(Error::NotFound("room_not_found"))
}

/// Archives or unarchives a room. Idempotent.
pub async fn set_archived(db: &Db, push: &Push, admin: &AdminCaller, room: &RoomRef, archived: bool) -> Result<AdminRoom> {
    let changes = transaction!(db, |tx| archive(tx, admin, room, archived).await)?;
    changes.push(db, push, admin.caller.now).await?;
    find_room(db, admin, room).await
}

/// Deletes a room for everyone. This cannot be undone.
pub async fn delete_room(db: &Db, push: &Push, admin: &AdminCaller, room: &RoomRef) -> Result<()> {
    let (room_id, members) = transaction!(db, |tx| {
        let by = require_operator(tx, admin).await?;
        let locked = store::lock(tx, &by, room).await?.ok_or(Error::NotFound("room_not_found"))?;
        if locked.is_default {
            return Err(Error::Conflict("default_room"));
        }
        let members = room_settings::delete_as(tx, &by, locked.room, locked.head.rev.next()).await?;
        let act = AuditRecord { action: "room.delete", room: Some(locked.room), ..AuditRecord::default() };
        audit::insert(tx, &by, &act).await?;
        Ok((locked.room, members))
    })?;
    let audience = audience::find_former(db, push, room_id, members, admin.caller.now).await?;
    push.send(&audience, &Frame::RoomDeleted { room_id }, admin.caller.now).await;
    Ok(())
}

/// Lists the reports of all rooms, oldest first.
pub async fn list_reports(
    db: &Db,
    admin: &AdminCaller,
    state: ReportState,
    paging: PageRequest<'_>,
) -> Result<Page<AdminReport>> {
    let after = paging.position(ReportId(0))?;
    let limit = paging.limit()?;
    let mut connection = db.acquire().await?;
    let operator = require_operator(&mut connection, admin).await?;
    let items = store::reports(&mut connection, &operator, state, after, limit + 1).await?;
    Ok(page(items, limit, |closed| closed.report.id.to_string()))
}

/// Closes a report. Idempotent.
pub async fn close_report(db: &Db, admin: &AdminCaller, report: ReportId) -> Result<()> {
    transaction!(db, |tx| {
        let by = require_operator(tx, admin).await?;
        let (room, closed) = store::close(tx, &by, report).await?.ok_or(Error::NotFound("report_not_found"))?;
        if !closed {
            return Ok(());
        }
        let act = AuditRecord { action: "report.close", room: Some(room), report: Some(report), ..AuditRecord::default() };
        audit::insert(tx, &by, &act).await
    })
}

async fn archive(tx: &mut Tx<'_>, admin: &AdminCaller, room: &RoomRef, archived: bool) -> Result<RoomChanges> {
    let by = require_operator(tx, admin).await?;
    let locked = store::lock(tx, &by, room).await?.ok_or(Error::NotFound("room_not_found"))?;
    let mut changes = RoomChanges::at(locked.room, locked.head);
    if locked.profile.settings.archived == archived {
        return Ok(changes);
    }
    store::set_archived(tx, &by, &locked, archived).await?;
    let mut profile = locked.profile;
    profile.settings.archived = archived;
    let rev = changes.next_rev();
    changes.add_frame(Frame::RoomChanged { room_id: locked.room, rev, room: Box::new(profile) });
    changes.write(tx, by.now()).await?;
    let action = if archived { "room.archive" } else { "room.unarchive" };
    audit::insert(tx, &by, &AuditRecord { action, room: Some(locked.room), ..AuditRecord::default() }).await?;
    Ok(changes)
}
