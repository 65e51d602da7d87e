//! Storage quotas. Storage is reserved when an upload is announced, under the lock of the user's row, so that concurrent requests cannot exceed
//! it. Deleted objects take none.
//!
//! An object counts once per user who holds it: forwarding an own file does not count again, and a forwarded copy of another's file counts for
//! the forwarder.

use crate::caller::Caller;
use crate::config::Quota;
use crate::domain::auth::sessions::ENDED;
use crate::error::{Error, Left, Result};
use crate::protocol::people::Storage;
use crate::store::storage_usage::{self as store, Usage};
use crate::store::{Db, Handle, Tx, users};

/// Returns the caller's usage and limits.
pub async fn usage(db: &Db, quota: Quota, caller: &Caller) -> Result<Storage> {
    let usage = store::usage(&mut *db.acquire().await?, caller.user).await?;
    Ok(Storage { used_bytes: usage.bytes, limit_bytes: quota.bytes, files: usage.files, files_limit: quota.files })
}

/// Returns the caller's usage and locks it until the transaction ends. Two statements.
pub(crate) async fn lock_usage(tx: &mut Tx<'_>, caller: &Caller) -> Result<Usage> {
    if users::lock_active(tx, &[caller.user]).await?.is_empty() {
        return Err(Error::Unauthenticated(ENDED));
    }
    store::usage(tx, caller.user).await
}

/// Requires room for more bytes and files.
pub(crate) fn require_space(usage: Usage, quota: Quota, bytes: u64, files: u64) -> Result<()> {
    let left = remaining(usage, quota);
    let enough = left.bytes.is_none_or(|left| bytes <= left) && left.files.is_none_or(|left| files <= left);
    if enough { Ok(()) } else { Err(Error::Full(left)) }
}

/// Requires the present usage to be within the quota, which may have shrunk. Costs no statement without a quota.
pub(crate) async fn require_within_quota(connection: &mut Handle, caller: &Caller, quota: Quota) -> Result<()> {
    if quota.bytes.is_none() && quota.files.is_none() {
        return Ok(());
    }
    let usage = store::usage(connection, caller.user).await?;
    let over = quota.bytes.is_some_and(|limit| usage.bytes > limit) || quota.files.is_some_and(|limit| usage.files > limit);
    if over { Err(Error::Full(remaining(usage, quota))) } else { Ok(()) }
}

fn remaining(usage: Usage, quota: Quota) -> Left {
    let less = |limit: Option<u64>, used| limit.map(|limit| limit.saturating_sub(used));
    Left { bytes: less(quota.bytes, usage.bytes), files: less(quota.files, usage.files) }
}
