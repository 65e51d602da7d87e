//! What nobody needs any more: uploads whose time has come, and whether somebody else shows their objects.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ObjectId, UploadId, UserId};
use crate::store::uploads::{Row, Upload, select_uploads};
use crate::time::Timestamp;

/// Uploads of one statement.
const AT_ONCE: u32 = 100;
/// How long after its deletion a room is looked at: many times, and for as long as a sweep that fails is not seen to.
const DELETED_LATELY_MS: i64 = 7 * 24 * 3600 * 1000;

/// Dooms those whose time has come, so that nobody can use them from now on, and gives some that are doomed.
pub async fn take(connection: &mut MySqlConnection, now: Timestamp) -> Result<Vec<Upload>> {
    sqlx::query!(
        "update uploads set state = 'doomed' where due_at <= ? and state <> 'doomed' order by due_at limit ?",
        now.0,
        AT_ONCE
    )
    .execute(&mut *connection)
    .await?;
    let rows = select_uploads!("where due_at <= ? and state = 'doomed' order by due_at, id limit ?", now.0, AT_ONCE);
    Ok(rows.fetch_all(connection).await?.into_iter().map(Row::upload).collect())
}

/// Dooms some of what only rooms showed that were deleted: their faces, and what was attached in them. Gives how many those were.
pub async fn doom_of_deleted_rooms(connection: &mut MySqlConnection, now: Timestamp) -> Result<u64> {
    let since = now.0.saturating_sub(DELETED_LATELY_MS);
    let doomed = sqlx::query!(
        "update uploads set state = 'doomed', due_at = ? where id in (
             select id from (
                 (select u.id from rooms r join uploads u on u.room_id = r.id where r.deleted_at >= ? and u.state <> 'doomed' limit ?)
                 union all
                 (select u.id from rooms r join uploads u on u.id = r.avatar_upload where r.deleted_at >= ? and u.state <> 'doomed' limit ?)
             ) found)",
        now.0,
        since,
        AT_ONCE,
        since,
        AT_ONCE,
    );
    Ok(doomed.execute(connection).await?.rows_affected())
}

/// Whether an upload that is in use shows these objects.
pub async fn is_shown(connection: &mut MySqlConnection, object: ObjectId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select 1 from uploads where object_id = ? and state = 'ready') as "shown!: i64""#,
        object.upload.0
    );
    Ok(found.fetch_one(connection).await? != 0)
}

/// Forgets an upload whose objects are gone, or somebody else's to show.
pub async fn forget(connection: &mut MySqlConnection, id: UploadId) -> Result<()> {
    sqlx::query!("delete from uploads where id = ? and state = 'doomed'", id.0).execute(connection).await?;
    Ok(())
}

/// Dooms all uploads of a person, wherever they are shown.
pub async fn doom_all(connection: &mut MySqlConnection, owner: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!("update uploads set state = 'doomed', due_at = ? where owner_id = ? and state <> 'doomed'", now.0, owner.0)
        .execute(connection)
        .await?;
    Ok(())
}
