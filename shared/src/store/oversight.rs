//! Rooms and reports in the hands of operators. They see no contents of rooms, but for the messages that somebody reported.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ReportId, RoomId, RoomRef, UserId};
use crate::protocol::admin::{AdminReport, AdminRoom, ReportState};
use crate::protocol::rooms::{Facts, RoomKind};
use crate::store::audit::Operator;
use crate::store::reports::select_reports;
use crate::store::{profiles, rooms, settings};
use crate::time::Timestamp;

/// Which rooms to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// How the name begins.
    pub prefix: Option<&'a str>,
    /// What they are.
    pub kind: Option<RoomKind>,
}

/// A room as an act finds it.
#[derive(Clone, Debug)]
pub struct Held {
    /// The room.
    pub room: RoomId,
    /// Its last seq and its count of changes.
    pub place: (u64, u64),
    /// What it says of itself.
    pub facts: Facts,
    /// Whether it came with the deployment, and frames that name no room go there.
    pub is_default: bool,
}

/// A page of rooms after `after`, oldest first.
pub async fn list(
    connection: &mut MySqlConnection,
    _: &Operator,
    filter: Filter<'_>,
    after: RoomId,
    limit: u32,
) -> Result<Vec<AdminRoom>> {
    let kind = filter.kind.map(rooms::kind_name);
    let pattern = filter.prefix.map(profiles::pattern);
    let rows = sqlx::query!(
        r#"
        select id, kind as "kind: String", slug as "slug: String", name, topic, members_count, last_seq, created_by, created_at,
               active_at, archived_at
        from rooms
        where id > ? and deleted_at is null and (? is null or kind = ?) and (? is null or name like ? escape '|')
        order by id
        limit ?
        "#,
        after.0,
        kind,
        kind,
        pattern,
        pattern,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AdminRoom {
            id: RoomId(row.id),
            kind: rooms::kind(&row.kind),
            slug: row.slug,
            name: row.name,
            topic: row.topic,
            members_count: row.members_count,
            last_seq: row.last_seq,
            created_by: row.created_by.map(UserId),
            created_at: Timestamp(row.created_at),
            active_at: Timestamp(row.active_at),
            archived: row.archived_at.is_some(),
        })
        .collect())
}

/// One room.
pub async fn find(connection: &mut MySqlConnection, by: &Operator, room: &RoomRef) -> Result<Option<AdminRoom>> {
    let room = match room {
        RoomRef::Id(id) => Some(*id),
        RoomRef::Slug(slug) => {
            sqlx::query_scalar!("select id from rooms where slug = ?", slug).fetch_optional(&mut *connection).await?.map(RoomId)
        }
    };
    let Some(room) = room else { return Ok(None) };
    let before = RoomId(room.0.saturating_sub(1));
    Ok(list(connection, by, Filter::default(), before, 1).await?.pop().filter(|found| found.id == room))
}

/// A room under the lock of its row.
pub async fn hold(transaction: &mut MySqlConnection, _: &Operator, room: &RoomRef) -> Result<Option<Held>> {
    let (id, slug) = rooms::key(room);
    let row = sqlx::query!(
        r#"
        select id, last_seq, rev, slug <=> 'general' as "is_default!: bool"
        from rooms
        where id = coalesce(?, (select s.id from rooms s where s.slug = ?)) and deleted_at is null
        for update
        "#,
        id,
        slug,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let facts = settings::facts(transaction, RoomId(row.id)).await?;
    Ok(facts.map(|facts| Held { room: RoomId(row.id), place: (row.last_seq, row.rev), facts, is_default: row.is_default }))
}

/// Archives a room, or takes it back from there. The caller writes the new `rev`.
pub async fn set_archived(transaction: &mut MySqlConnection, by: &Operator, held: &Held, archived: bool) -> Result<()> {
    let at = archived.then_some(by.now().0);
    sqlx::query!("update rooms set archived_at = ? where id = ?", at, held.room.0).execute(transaction).await?;
    Ok(())
}

/// A page of reports of all rooms after `after`, oldest first.
pub async fn reports(
    connection: &mut MySqlConnection,
    _: &Operator,
    state: ReportState,
    after: ReportId,
    limit: u32,
) -> Result<Vec<AdminReport>> {
    let rows = match state {
        ReportState::Open => {
            select_reports!("where p.closed_at is null and p.id > ? order by p.id limit ?", after.0, limit)
                .fetch_all(connection)
                .await?
        }
        ReportState::Closed => {
            select_reports!("where p.closed_at is not null and p.id > ? order by p.id limit ?", after.0, limit)
                .fetch_all(connection)
                .await?
        }
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let (closed_at, closed_by) = (row.closed_at.map(Timestamp), row.closed_by.map(UserId));
            AdminReport { report: row.report(), closed_at, closed_by }
        })
        .collect())
}

/// The room of a report, and whether this closed it; none when there is no such report.
pub async fn close(transaction: &mut MySqlConnection, by: &Operator, report: ReportId) -> Result<Option<(RoomId, bool)>> {
    let row = sqlx::query!("select room_id, closed_at from reports where id = ? for update", report.0)
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.closed_at.is_none() {
        let by_whom = by.user().map(|user| user.0);
        sqlx::query!("update reports set closed_at = ?, closed_by = ? where id = ?", by.now().0, by_whom, report.0)
            .execute(transaction)
            .await?;
    }
    Ok(Some((RoomId(row.room_id), row.closed_at.is_none())))
}
