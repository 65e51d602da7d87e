//! Who wants to hear nothing of whom. Nothing here tells the blocked one which of the two it was.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::time::Timestamp;

/// Whether a block stands between two people, whoever made it.
pub async fn between(connection: &mut MySqlConnection, one: UserId, other: UserId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"
        select count(*) as "n!: i64"
        from (
            select user_id from blocks where user_id = ? and blocked_id = ?
            union all
            select user_id from blocks where user_id = ? and blocked_id = ?
        ) either
        "#,
        one.0,
        other.0,
        other.0,
        one.0,
    )
    .fetch_one(connection)
    .await?;
    Ok(found > 0)
}

/// Blocks a person; doing so twice changes nothing.
pub async fn insert(connection: &mut MySqlConnection, by: UserId, blocked: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into blocks (user_id, blocked_id, created_at) values (?, ?, ?) on duplicate key update created_at = created_at",
        by.0,
        blocked.0,
        now.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}
