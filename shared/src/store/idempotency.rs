//! What was made under which key.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::time::Timestamp;

/// Rows that one statement forgets at most.
const AT_ONCE: u32 = 5000;

/// A request as its key and its body tell it apart from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Of the route and the key.
    pub digest: [u8; 16],
    /// Of the body.
    pub asked: [u8; 16],
}

/// What somebody made under this key, and whether they asked for the same.
pub async fn find(connection: &mut MySqlConnection, user: UserId, key: &Key) -> Result<Option<(u64, bool)>> {
    let row =
        sqlx::query!("select made, asked from idempotency_keys where user_id = ? and digest = ?", user.0, key.digest.as_slice(),)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|row| (row.made, row.asked == key.asked)))
}

/// Keeps what the transaction makes. False when another one, which this has waited for, made something under the same key.
pub async fn keep(transaction: &mut MySqlConnection, user: UserId, key: &Key, made: u64, now: Timestamp) -> Result<bool> {
    let kept = sqlx::query!(
        "insert ignore into idempotency_keys (user_id, digest, asked, made, created_at) values (?, ?, ?, ?, ?)",
        user.0,
        key.digest.as_slice(),
        key.asked.as_slice(),
        made,
        now.0,
    )
    .execute(transaction)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// The code of what somebody made under this key, and whether they asked for the same.
pub async fn find_code(connection: &mut MySqlConnection, user: UserId, key: &Key) -> Result<Option<(String, bool)>> {
    let row = sqlx::query!(
        r#"select made_code as "code: String", asked from idempotency_keys where user_id = ? and digest = ?"#,
        user.0,
        key.digest.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.code.unwrap_or_default(), row.asked == key.asked)))
}

/// Keeps the code of what the transaction makes. False as above.
pub async fn keep_code(transaction: &mut MySqlConnection, user: UserId, key: &Key, code: &str, now: Timestamp) -> Result<bool> {
    let kept = sqlx::query!(
        "insert ignore into idempotency_keys (user_id, digest, asked, made, made_code, created_at) values (?, ?, ?, 0, ?, ?)",
        user.0,
        key.digest.as_slice(),
        key.asked.as_slice(),
        code,
        now.0,
    )
    .execute(transaction)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Forgets some of what is older than this.
pub async fn forget(connection: &mut MySqlConnection, before: Timestamp) -> Result<u64> {
    let gone = sqlx::query!("delete from idempotency_keys where created_at < ? limit ?", before.0, AT_ONCE);
    Ok(gone.execute(connection).await?.rows_affected())
}
