//! The rules of blocks: whom one wants to hear nothing of. Nobody is told, and nobody blocks themselves.

use crate::caller::Caller;
use crate::domain::rooms::bad_cursor;
use crate::domain::{friends, presence};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use crate::protocol::people::User;
use crate::push::Push;
use crate::store::{Db, blocks as store, directs, friendships, users};

/// Blocks a person: neither of the two opens a direct room with the other, writes in it, asks for friendship, or sees whether the other is
/// there. What stood between them ends as if it had been taken back. Doing so again changes nothing.
pub async fn add(db: &Db, push: &Push, caller: &Caller, user: UserId) -> Result<()> {
    if user == caller.user {
        return Err(Error::Conflict("self_block"));
    }
    let two = (caller.user, user);
    let (tie, direct) = db
        .retrying(|| async {
            let mut tx = db.begin().await?;
            let outcome = async {
                users::find(&mut tx, user).await?.ok_or(Error::NotFound("user_not_found"))?;
                store::insert(&mut tx, caller.user, user, caller.now).await?;
                let tie = friendships::lock(&mut tx, two).await?;
                if tie.is_some() {
                    friendships::delete(&mut tx, two).await?;
                }
                Ok((tie, directs::find(&mut tx, two).await?))
            }
            .await;
            tx.finish(outcome).await
        })
        .await?;
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
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let after = cursor.map_or(Ok(0), |cursor| cursor.parse().map_err(|_| bad_cursor()))?;
    let mut items = store::list(&mut *db.acquire().await?, caller.user, after, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Page { items, next })
}
