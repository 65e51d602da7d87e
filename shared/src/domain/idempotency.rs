//! Idempotent creation: requests with the same `Idempotency-Key` create one resource within a day.

use aws_lc_rs::digest::{SHA256, digest};

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::store::idempotency as store;
pub use crate::store::idempotency::KeyDigest;
use crate::store::{Db, Tx};
use crate::time::Timestamp;

/// Minimum lifetime of a key.
const DAY_SECONDS: i64 = 24 * 3600;
const MAX_LENGTH: usize = 255;

/// Validates the client's key and derives the stored key.
pub fn derive_key(route: &str, name: &str, body: &[u8]) -> Result<KeyDigest> {
    if name.is_empty() || name.len() > MAX_LENGTH || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid("idempotency-key", "invalid", "must have 1 to 255 visible ASCII characters"));
    }
    Ok(KeyDigest { digest: truncated_digest(format!("{route}\n{name}").as_bytes()), body: truncated_digest(body) })
}

fn truncated_digest(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..16]);
    half
}

/// Returns the id that the caller created with this key.
pub(super) async fn find_created(db: &Db, caller: &Caller, key: &KeyDigest) -> Result<Option<u64>> {
    match store::find(&mut *db.acquire().await?, caller.user, key).await? {
        Some((_, false)) => Err(Error::Conflict("idempotency_key_reused")),
        found => Ok(found.map(|(made, _)| made)),
    }
}

/// Returns the code that the caller created with this key.
pub(super) async fn find_created_code(db: &Db, caller: &Caller, key: &KeyDigest) -> Result<Option<String>> {
    match store::find_code(&mut *db.acquire().await?, caller.user, key).await? {
        Some((_, false)) => Err(Error::Conflict("idempotency_key_reused")),
        found => Ok(found.map(|(code, _)| code)),
    }
}

/// Records the code that the transaction creates. Returns false if a concurrent request was first; the transaction must roll back.
pub(super) async fn record_code(tx: &mut Tx<'_>, caller: &Caller, key: &KeyDigest, code: &str) -> Result<bool> {
    store::insert_code(tx, caller.user, key, code, caller.now).await
}

/// Records a resource that exists but is not visible yet, such as an upload. Returns the id of the first one recorded.
pub(super) async fn record_existing(db: &Db, caller: &Caller, key: &KeyDigest, made: u64) -> Result<u64> {
    if store::insert(&mut *db.acquire().await?, caller.user, key, made, caller.now).await? {
        return Ok(made);
    }
    find_created(db, caller, key)
        .await?
        .ok_or_else(|| Error::unavailable("an idempotency key was created and deleted concurrently"))
}

/// Records the id that the transaction creates. Returns false if a concurrent request was first; the transaction must roll back.
pub(super) async fn record(tx: &mut Tx<'_>, caller: &Caller, key: &KeyDigest, made: u64) -> Result<bool> {
    store::insert(tx, caller.user, key, made, caller.now).await
}

/// Deletes keys older than a day.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<()> {
    while store::delete_before(&mut *db.acquire().await?, now.plus_seconds(-DAY_SECONDS)).await? > 0 {}
    Ok(())
}
