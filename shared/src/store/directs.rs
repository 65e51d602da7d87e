//! Direct rooms: at most one for two people, because their key is unique.

use sqlx::MySqlConnection;

use crate::error::{Error, Result};
use crate::id::{RoomId, UserId};
use crate::store::on_duplicate;
use crate::time::Timestamp;

/// The direct room of two people, if they have one.
pub async fn find(connection: &mut MySqlConnection, (one, other): (UserId, UserId)) -> Result<Option<RoomId>> {
    let id = sqlx::query_scalar!("select id from rooms where direct_key = ?", key(one, other)).fetch_optional(connection).await?;
    Ok(id.map(RoomId))
}

/// Makes the direct room of two people, without members. None when it is there by now: somebody else was quicker.
pub async fn insert(transaction: &mut MySqlConnection, (by, other): (UserId, UserId), now: Timestamp) -> Result<Option<RoomId>> {
    let inserted = sqlx::query!(
        r#"
        insert into rooms (kind, direct_key, rev, active_at, changed_at, created_by, created_at)
        values ('direct', ?, 1, ?, ?, ?, ?)
        "#,
        key(by, other),
        now.0,
        now.0,
        by.0,
        now.0,
    )
    .execute(transaction)
    .await;
    match on_duplicate(inserted, "rooms_direct", TAKEN) {
        Ok(done) => Ok(Some(RoomId(done.last_insert_id()))),
        Err(Error::Conflict(TAKEN)) => Ok(None),
        Err(error) => Err(error),
    }
}

const TAKEN: &str = "direct_room_exists";

fn key(one: UserId, other: UserId) -> String {
    format!("{}:{}", one.min(other), one.max(other))
}
