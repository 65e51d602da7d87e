//! Blocks between users. Callers check both directions at once, so a blocked user cannot tell which of the two blocked the other.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::User;
use crate::store::rows::user::{query_with_user, user_of};
use crate::time::Timestamp;

/// Whether either user blocks the other.
pub async fn exists_between(connection: &mut MySqlConnection, one: UserId, other: UserId) -> Result<bool> {
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

/// Like [`exists_between`], but waits for concurrent changes of the block.
pub async fn lock_between(transaction: &mut MySqlConnection, one: UserId, other: UserId) -> Result<bool> {
    let found = sqlx::query!(
        "select user_id from blocks where (user_id = ? and blocked_id = ?) or (user_id = ? and blocked_id = ?) for update",
        one.0,
        other.0,
        other.0,
        one.0,
    )
    .fetch_all(transaction)
    .await?;
    Ok(!found.is_empty())
}

/// Blocks a user. Returns false when the user is blocked already.
pub async fn insert(connection: &mut MySqlConnection, by: UserId, blocked: UserId, now: Timestamp) -> Result<bool> {
    let done =
        sqlx::query!("insert ignore into blocks (user_id, blocked_id, created_at) values (?, ?, ?)", by.0, blocked.0, now.0,)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a block. Returns false when there is none.
pub async fn delete(connection: &mut MySqlConnection, by: UserId, blocked: UserId) -> Result<bool> {
    let done =
        sqlx::query!("delete from blocks where user_id = ? and blocked_id = ?", by.0, blocked.0).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}

/// Returns a page of blocked users by ascending id, after `after`.
pub async fn list(connection: &mut MySqlConnection, by: UserId, after: u64, limit: u32) -> Result<Vec<User>> {
    let rows = query_with_user!(
        r#"
        select "#,
        r#"
        from blocks b
        join users u on u.id = b.blocked_id
        where b.user_id = ? and b.blocked_id > ?
        order by b.blocked_id
        limit ?
        "#,
        by.0,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| user_of!(row)).collect())
}
