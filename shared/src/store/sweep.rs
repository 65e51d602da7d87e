//! Uploads that are due for deletion, and whether other uploads share their objects.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ObjectId, UploadId, UserId};
use crate::store::uploads::{Row, UploadRecord, select_uploads};
use crate::time::Timestamp;

/// Uploads per statement.
const BATCH: u32 = 100;
/// How long after a room's deletion its uploads are searched for: many sweeps, and longer than an outage of the sweep should last.
const DELETED_ROOM_WINDOW_MS: i64 = 7 * 24 * 3600 * 1000;

/// Marks due uploads for deletion, which ends their use, and returns a batch of marked ones.
pub async fn take_due(connection: &mut MySqlConnection, now: Timestamp) -> Result<Vec<UploadRecord>> {
    sqlx::query!(
        "update uploads set state = 'doomed' where due_at <= ? and state <> 'doomed' order by due_at limit ?",
        now.0,
        BATCH
    )
    .execute(&mut *connection)
    .await?;
    let rows = select_uploads!("where due_at <= ? and state = 'doomed' order by due_at, id limit ?", now.0, BATCH);
    Ok(rows.fetch_all(connection).await?.into_iter().map(Row::upload).collect())
}

/// Marks a batch of uploads that only deleted rooms show, avatars and attachments. Returns their number.
pub async fn mark_uploads_of_deleted_rooms(connection: &mut MySqlConnection, now: Timestamp) -> Result<u64> {
    let since = now.0.saturating_sub(DELETED_ROOM_WINDOW_MS);
    let doomed = sqlx::query!(
        "update uploads set state = 'doomed', due_at = ? where id in (
             select id from (
                 (select u.id from rooms r join uploads u on u.room_id = r.id where r.deleted_at >= ? and u.state <> 'doomed' limit ?)
                 union all
                 (select u.id from rooms r join uploads u on u.id = r.avatar_upload where r.deleted_at >= ? and u.state <> 'doomed' limit ?)
             ) found)",
        now.0,
        since,
        BATCH,
        since,
        BATCH,
    );
    Ok(doomed.execute(connection).await?.rows_affected())
}

/// Whether an upload in use shares these objects.
pub async fn is_referenced(connection: &mut MySqlConnection, object: ObjectId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select 1 from uploads where object_id = ? and state = 'ready') as "shown!: i64""#,
        object.upload.0
    );
    Ok(found.fetch_one(connection).await? != 0)
}

/// Deletes the row of an upload whose objects are deleted or shared.
pub async fn delete(connection: &mut MySqlConnection, id: UploadId) -> Result<()> {
    sqlx::query!("delete from uploads where id = ? and state = 'doomed'", id.0).execute(connection).await?;
    Ok(())
}

/// Marks all uploads of a user for deletion.
pub async fn mark_all_for_deletion(connection: &mut MySqlConnection, owner: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!("update uploads set state = 'doomed', due_at = ? where owner_id = ? and state <> 'doomed'", now.0, owner.0)
        .execute(connection)
        .await?;
    Ok(())
}
