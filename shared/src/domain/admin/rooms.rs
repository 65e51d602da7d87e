//! What operators do with rooms and reports. The members of a room hear of it as if one of their own had done it.

use crate::domain::admin::{Asking, operator, prefix};
use crate::domain::news::News;
use crate::domain::paging::{after, clamped, page};
use crate::error::{Error, Result};
use crate::id::{ReportId, RoomId, RoomRef};
use crate::protocol::admin::{AdminReport, AdminRoom, ReportState};
use crate::protocol::frames::Frame;
use crate::protocol::page::Page;
use crate::push::Push;
use crate::store::audit::{self, Act};
use crate::store::oversight::{self as store, Filter};
use crate::store::{Db, Tx, settings, transaction};

/// A page of rooms that are there, oldest first.
pub async fn list_rooms(
    db: &Db,
    asking: &Asking,
    filter: Filter<'_>,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<AdminRoom>> {
    let after = after(cursor, RoomId(0))?;
    let filter = Filter { prefix: prefix(filter.prefix)?, ..filter };
    let limit = clamped(limit);
    let mut connection = db.acquire().await?;
    let operator = operator(&mut connection, asking).await?;
    let items = store::list(&mut connection, &operator, filter, after, limit + 1).await?;
    Ok(page(items, limit, |room| room.id.to_string()))
}

/// One room.
pub async fn find_room(db: &Db, asking: &Asking, room: &RoomRef) -> Result<AdminRoom> {
    let mut connection = db.acquire().await?;
    let operator = operator(&mut connection, asking).await?;
    store::find(&mut connection, &operator, room).await?.ok_or(Error::NotFound("room_not_found"))
}

/// Archives a room, or takes it back from there. Doing so again changes nothing.
pub async fn set_archived(db: &Db, push: &Push, asking: &Asking, room: &RoomRef, archived: bool) -> Result<AdminRoom> {
    let news = transaction!(db, |tx| archive(tx, asking, room, archived).await)?;
    news.push(db, push, asking.caller.now).await?;
    find_room(db, asking, room).await
}

/// Ends a room for everyone. It cannot be taken back.
pub async fn delete_room(db: &Db, push: &Push, asking: &Asking, room: &RoomRef) -> Result<()> {
    let (room_id, audience) = transaction!(db, |tx| {
        let by = operator(tx, asking).await?;
        let held = store::hold(tx, &by, room).await?.ok_or(Error::NotFound("room_not_found"))?;
        if held.is_default {
            return Err(Error::Conflict("default_room"));
        }
        let audience = settings::delete_as(tx, &by, held.room, held.place.1 + 1).await?;
        let act = Act { action: "room.delete", room: Some(held.room), ..Act::default() };
        audit::insert(tx, &by, &act).await?;
        Ok((held.room, audience))
    })?;
    push.to_users(&audience, &Frame::RoomDeleted { room_id }, asking.caller.now).await;
    Ok(())
}

/// A page of reports of all rooms, oldest first.
pub async fn list_reports(
    db: &Db,
    asking: &Asking,
    state: ReportState,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<AdminReport>> {
    let after = after(cursor, ReportId(0))?;
    let limit = clamped(limit);
    let mut connection = db.acquire().await?;
    let operator = operator(&mut connection, asking).await?;
    let items = store::reports(&mut connection, &operator, state, after, limit + 1).await?;
    Ok(page(items, limit, |closed| closed.report.id.to_string()))
}

/// Closes a report. Doing so again changes nothing.
pub async fn close_report(db: &Db, asking: &Asking, report: ReportId) -> Result<()> {
    transaction!(db, |tx| {
        let by = operator(tx, asking).await?;
        let (room, closed) = store::close(tx, &by, report).await?.ok_or(Error::NotFound("report_not_found"))?;
        if !closed {
            return Ok(());
        }
        let act = Act { action: "report.close", room: Some(room), report: Some(report), ..Act::default() };
        audit::insert(tx, &by, &act).await
    })
}

async fn archive(tx: &mut Tx<'_>, asking: &Asking, room: &RoomRef, archived: bool) -> Result<News> {
    let by = operator(tx, asking).await?;
    let held = store::hold(tx, &by, room).await?.ok_or(Error::NotFound("room_not_found"))?;
    let mut news = News::at(held.room, held.place);
    if held.facts.settings.archived == archived {
        return Ok(news);
    }
    store::set_archived(tx, &by, &held, archived).await?;
    let mut facts = held.facts;
    facts.settings.archived = archived;
    let rev = news.next_rev();
    news.tell(Frame::RoomChanged { room_id: held.room, rev, room: Box::new(facts) });
    news.write(tx, by.now()).await?;
    let action = if archived { "room.archive" } else { "room.unarchive" };
    audit::insert(tx, &by, &Act { action, room: Some(held.room), ..Act::default() }).await?;
    Ok(news)
}
