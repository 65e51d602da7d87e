//! The rules of blocks: whom one wants to hear nothing of. Nobody is told, and nobody blocks themselves.

use crate::caller::Caller;
use crate::domain::paging::{after, clamped, page};
use crate::domain::{friends, presence};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::push::Push;
use crate::store::{Db, blocks as store, directs, friendships, transaction, users};

/// Blocks a person: neither of the two opens a direct room with the other, writes in it, asks for friendship, or sees whether the other is
/// there. What stood between them ends as if it had been taken back. Doing so again changes nothing.
pub async fn add(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    if user == caller.user {
        return Err(Error::Conflict("self_block"));
    }
    let two = (caller.user, user);
    let (tie, direct) = transaction!(db, |tx| {
        users::find(tx, user).await?.ok_or(Error::NotFound("user_not_found"))?;
        store::insert(tx, caller.user, user, caller.now).await?;
        let tie = friendships::lock(tx, two).await?;
        if tie.is_some() {
            friendships::delete(tx, two).await?;
        }
        Ok((tie, directs::find(tx, two).await?))
    })?;
    if tie.is_some() {
        friends::tell_of_end(push, caller, user).await;
    }
    // Those who never heard of each other hear nothing now, either.
    if direct.is_some() || tie.is_some_and(|tie| tie.accepted_at.is_some()) {
        presence::agree(db, push, two, caller.now).await?;
    }
    Ok(())
}

/// Takes a block back. Doing so again changes nothing.
pub async fn remove(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    let two = (caller.user, user);
    let direct = {
        let mut connection = db.acquire().await?;
        store::delete(&mut connection, caller.user, user).await?;
        directs::find(&mut connection, two).await?
    };
    if direct.is_some() {
        presence::agree(db, push, two, caller.now).await?;
    }
    Ok(())
}

/// A page of those whom the caller blocked.
pub async fn list(db: &Db, caller: &Caller, (cursor, limit): (Option<&str>, Option<u32>)) -> Result<Page<User>> {
    let limit = clamped(limit);
    let after = after(cursor, 0)?;
    let items = store::list(&mut *db.acquire().await?, caller.user, after, limit + 1).await?;
    Ok(page(items, limit, |last| last.id.to_string()))
}
