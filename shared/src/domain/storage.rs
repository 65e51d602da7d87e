//! How much a person may keep in pictures and files. Room is taken when an upload is announced, so that nobody sends bytes in vain, and under the
//! lock of the person's row, so that no number of requests at once takes more than there is. What nobody may see any more takes none.
//!
//! Each object counts once for each person who holds it: who passes their own file on holds it still, and who passes on another's keeps it there
//! when that one is unsent.

use crate::caller::Caller;
use crate::config::Quota;
use crate::domain::sessions::ENDED;
use crate::error::{Error, Left, Result};
use crate::protocol::people::Storage;
use crate::store::storage::{self as store, Usage};
use crate::store::{Db, Handle, Tx, users};

/// What a person keeps, and how much that may be.
pub async fn told(db: &Db, quota: Quota, caller: &Caller) -> Result<Storage> {
    let usage = store::usage(&mut *db.acquire().await?, caller.user).await?;
    Ok(Storage { used_bytes: usage.bytes, limit_bytes: quota.bytes, files: usage.files, files_limit: quota.files })
}

/// What the caller keeps; until the transaction ends nobody else takes room of theirs. Two statements.
pub(super) async fn hold(tx: &mut Tx<'_>, caller: &Caller) -> Result<Usage> {
    if users::hold(tx, &[caller.user]).await?.is_empty() {
        return Err(Error::Unauthenticated(ENDED));
    }
    store::usage(tx, caller.user).await
}

/// Whether so much more fits.
pub(super) fn fits(usage: Usage, quota: Quota, bytes: u64, files: u64) -> Result<()> {
    let left = left(usage, quota);
    let enough = left.bytes.is_none_or(|left| bytes <= left) && left.files.is_none_or(|left| files <= left);
    if enough { Ok(()) } else { Err(Error::Full(left)) }
}

/// Whether what the caller keeps already is no more than it may be: the limit may have become smaller since. No statement without one.
pub(super) async fn within(connection: &mut Handle, caller: &Caller, quota: Quota) -> Result<()> {
    if quota.bytes.is_none() && quota.files.is_none() {
        return Ok(());
    }
    let usage = store::usage(connection, caller.user).await?;
    let over = quota.bytes.is_some_and(|limit| usage.bytes > limit) || quota.files.is_some_and(|limit| usage.files > limit);
    if over { Err(Error::Full(left(usage, quota))) } else { Ok(()) }
}

fn left(usage: Usage, quota: Quota) -> Left {
    let less = |limit: Option<u64>, used| limit.map(|limit| limit.saturating_sub(used));
    Left { bytes: less(quota.bytes, usage.bytes), files: less(quota.files, usage.files) }
}
