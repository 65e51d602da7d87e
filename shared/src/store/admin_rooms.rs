//! Rooms and reports as operators manage them. Operators see no messages except reported ones.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Head, ReportId, Rev, RoomId, RoomRef, Seq, UserId};
use crate::protocol::admin::{AdminReport, AdminRoom, ReportState};
use crate::protocol::rooms::{RoomKind, RoomProfile};
use crate::store::audit::Operator;
use crate::store::reports::select_reports;
use crate::store::rows::room::key;
use crate::store::{profiles, room_settings};
use crate::time::Timestamp;

/// Which rooms to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoomFilter<'a> {
    /// Prefix of the name.
    pub prefix: Option<&'a str>,
    pub kind: Option<RoomKind>,
}

/// A room, locked for an action.
#[derive(Clone, Debug)]
pub struct LockedRoom {
    pub room: RoomId,
    pub head: Head,
    pub profile: RoomProfile,
    /// Whether it is the room that receives frames without a room id.
    pub is_default: bool,
}

/// Returns a page of rooms after `after`, oldest first.
pub async fn list(
    connection: &mut MySqlConnection,
    _: &Operator,
    filter: RoomFilter<'_>,
    after: RoomId,
    limit: u32,
) -> Result<Vec<AdminRoom>> {
    let kind = filter.kind.map(|kind| kind.to_string());
    let pattern = filter.prefix.map(profiles::like_pattern);
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
            kind: row.kind.parse().unwrap_or(RoomKind::Group),
            slug: row.slug,
            name: row.name,
            topic: row.topic,
            members_count: row.members_count,
            last_seq: Seq(row.last_seq),
            created_by: row.created_by.map(UserId),
            created_at: Timestamp(row.created_at),
            active_at: Timestamp(row.active_at),
            archived: row.archived_at.is_some(),
        })
        .collect())
}

pub async fn find(connection: &mut MySqlConnection, by: &Operator, room: &RoomRef) -> Result<Option<AdminRoom>> {
    let room = match room {
        RoomRef::Id(id) => Some(*id),
        RoomRef::Slug(slug) => {
            sqlx::query_scalar!("select id from rooms where slug = ?", slug).fetch_optional(&mut *connection).await?.map(RoomId)
        }
    };
    let Some(room) = room else { return Ok(None) };
    let before = RoomId(room.0.saturating_sub(1));
    Ok(list(connection, by, RoomFilter::default(), before, 1).await?.pop().filter(|found| found.id == room))
}

pub async fn lock(transaction: &mut MySqlConnection, _: &Operator, room: &RoomRef) -> Result<Option<LockedRoom>> {
    let (id, slug) = key(room);
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
    let profile = room_settings::room_profile(transaction, RoomId(row.id)).await?;
    Ok(profile.map(|profile| LockedRoom {
        room: RoomId(row.id),
        head: Head { seq: Seq(row.last_seq), rev: Rev(row.rev) },
        profile,
        is_default: row.is_default,
    }))
}

/// Archives or restores a room. The caller writes the new `rev`.
pub async fn set_archived(transaction: &mut MySqlConnection, by: &Operator, held: &LockedRoom, archived: bool) -> Result<()> {
    let at = archived.then_some(by.now().0);
    sqlx::query!("update rooms set archived_at = ? where id = ?", at, held.room.0).execute(transaction).await?;
    Ok(())
}

/// Returns a page of reports of all rooms after `after`, oldest first.
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

/// Closes a report. Returns its room, and whether this call closed it; none when there is no such report.
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
