//! Results of requests by idempotency key.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::time::Timestamp;

/// Most rows of one statement.
const BATCH: u32 = 5000;

/// Digests that identify a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDigest {
    /// Of route and key.
    pub digest: [u8; 16],
    pub body: [u8; 16],
}

/// Returns the id created under this key, and whether the body was the same.
pub async fn find(connection: &mut MySqlConnection, user: UserId, key: &KeyDigest) -> Result<Option<(u64, bool)>> {
    let row =
        sqlx::query!("select made, asked from idempotency_keys where user_id = ? and digest = ?", user.0, key.digest.as_slice(),)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|row| (row.made, row.asked == key.body)))
}

/// Stores the id that the transaction creates. Returns false when a concurrent request, which this one waited for, used the key.
pub async fn insert(transaction: &mut MySqlConnection, user: UserId, key: &KeyDigest, made: u64, now: Timestamp) -> Result<bool> {
    let kept = sqlx::query!(
        "insert ignore into idempotency_keys (user_id, digest, asked, made, created_at) values (?, ?, ?, ?, ?)",
        user.0,
        key.digest.as_slice(),
        key.body.as_slice(),
        made,
        now.0,
    )
    .execute(transaction)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Like [`find`], for a result that is a code.
pub async fn find_code(connection: &mut MySqlConnection, user: UserId, key: &KeyDigest) -> Result<Option<(String, bool)>> {
    let row = sqlx::query!(
        r#"select made_code as "code: String", asked from idempotency_keys where user_id = ? and digest = ?"#,
        user.0,
        key.digest.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.code.unwrap_or_default(), row.asked == key.body)))
}

/// Like [`insert`], for a result that is a code.
pub async fn insert_code(
    transaction: &mut MySqlConnection,
    user: UserId,
    key: &KeyDigest,
    code: &str,
    now: Timestamp,
) -> Result<bool> {
    let kept = sqlx::query!(
        "insert ignore into idempotency_keys (user_id, digest, asked, made, made_code, created_at) values (?, ?, ?, 0, ?, ?)",
        user.0,
        key.digest.as_slice(),
        key.body.as_slice(),
        code,
        now.0,
    )
    .execute(transaction)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Deletes a batch of keys older than `before`. Returns their number.
pub async fn delete_before(connection: &mut MySqlConnection, before: Timestamp) -> Result<u64> {
    let gone = sqlx::query!("delete from idempotency_keys where created_at < ? limit ?", before.0, BATCH);
    Ok(gone.execute(connection).await?.rows_affected())
}
