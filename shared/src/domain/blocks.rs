//! The rules of blocks: whom one wants to hear nothing of. Nobody is told, and nobody blocks themselves.

use crate::caller::Caller;
use crate::domain::rooms::bad_cursor;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use crate::protocol::people::User;
use crate::store::{Db, blocks as store, users};

/// Blocks a person: neither of the two opens a direct room with the other, or writes in it. Doing so again changes nothing.
pub async fn add(db: &Db, caller: &Caller, user: UserId) -> Result<()> {
    if user == caller.user {
        return Err(Error::Conflict("self_block"));
    }
    let mut connection = db.acquire().await?;
    users::find(&mut connection, user).await?.ok_or(Error::NotFound("user_not_found"))?;
    store::insert(&mut connection, caller.user, user, caller.now).await
}

/// Takes a block back. Doing so again changes nothing.
pub async fn remove(db: &Db, caller: &Caller, user: UserId) -> Result<()> {
    store::delete(&mut *db.acquire().await?, caller.user, user).await
}

/// A page of those whom the caller blocked.
pub async fn list(db: &Db, caller: &Caller, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<User>> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let after = cursor.map_or(Ok(0), |cursor| cursor.parse().map_err(|_| bad_cursor()))?;
    let mut items = store::list(&mut *db.acquire().await?, caller.user, after, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Page { items, next })
}
