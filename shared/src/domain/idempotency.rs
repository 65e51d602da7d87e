//! Requests that make something and may come again: under the same `Idempotency-Key`, within a day, there is only ever one of it.

use aws_lc_rs::digest::{SHA256, digest};

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::store::idempotency as store;
pub use crate::store::idempotency::Key;
use crate::store::{Db, Tx};
use crate::time::Timestamp;

/// A key is at least kept so long.
const DAY_SECONDS: i64 = 24 * 3600;
/// Characters of a key at most.
const LONGEST: usize = 255;

/// The key of a request, if what its client calls it can be one.
pub fn key(route: &str, called: &str, body: &[u8]) -> Result<Key> {
    if called.is_empty() || called.len() > LONGEST || !called.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid("idempotency-key", "invalid", "must have 1 to 255 visible ASCII characters"));
    }
    Ok(Key { digest: half(format!("{route}\n{called}").as_bytes()), asked: half(body) })
}

fn half(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..16]);
    half
}

/// What the caller made by this request before.
pub(super) async fn made_before(db: &Db, caller: &Caller, key: &Key) -> Result<Option<u64>> {
    match store::find(&mut *db.acquire().await?, caller.user, key).await? {
        Some((_, false)) => Err(Error::Conflict("idempotency_key_reused")),
        found => Ok(found.map(|(made, _)| made)),
    }
}

/// What the caller made by this request before, if it is known by a code.
pub(super) async fn code_before(db: &Db, caller: &Caller, key: &Key) -> Result<Option<String>> {
    match store::find_code(&mut *db.acquire().await?, caller.user, key).await? {
        Some((_, false)) => Err(Error::Conflict("idempotency_key_reused")),
        found => Ok(found.map(|(code, _)| code)),
    }
}

/// Keeps the code of what the transaction makes; false when it was made meanwhile, and this must not be.
pub(super) async fn keep_code(tx: &mut Tx<'_>, caller: &Caller, key: &Key, code: &str) -> Result<bool> {
    store::keep_code(tx, caller.user, key, code, caller.now).await
}

/// Keeps what was made already and nobody has seen yet, such as an announced upload; gives what was made before it, if anything was.
pub(super) async fn keep_made(db: &Db, caller: &Caller, key: &Key, made: u64) -> Result<u64> {
    if store::keep(&mut *db.acquire().await?, caller.user, key, made, caller.now).await? {
        return Ok(made);
    }
    made_before(db, caller, key).await?.ok_or_else(|| Error::unavailable("a key came and went"))
}

/// Keeps what the transaction makes; false when it was made meanwhile, and this must not be.
pub(super) async fn keep(tx: &mut Tx<'_>, caller: &Caller, key: &Key, made: u64) -> Result<bool> {
    store::keep(tx, caller.user, key, made, caller.now).await
}

/// Forgets keys that are older than a day.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<()> {
    while store::forget(&mut *db.acquire().await?, now.plus_seconds(-DAY_SECONDS)).await? > 0 {}
    Ok(())
}
