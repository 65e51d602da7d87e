//! Keeps the words of display names, by which people are found.

use crate::domain::search::names::words_of_name;
use crate::error::Result;
use crate::id::UserId;
use crate::store::name_words::{self as store, NameWords};
use crate::store::{Db, Tx, transaction};

/// Stores the words of a new user's name.
pub(in crate::domain) async fn insert(tx: &mut Tx<'_>, user: UserId, display_name: &str) -> Result<()> {
    store::insert(tx, &[NameWords { user, words: words_of_name(display_name) }]).await
}

/// Stores the words of the names that users have now. Returns the number of users.
pub(in crate::domain) async fn update(db: &Db, users: &[UserId]) -> Result<usize> {
    transaction!(db, |tx| {
        let names = store::lock(tx, users).await?;
        let words = names.into_iter().map(|one| NameWords { user: one.user, words: words_of_name(&one.name) });
        let words: Vec<_> = words.collect();
        store::replace(tx, &words).await?;
        Ok(words.len())
    })
}

/// Stores the words of names that were written without them, by an earlier release or an interrupted change. Returns their number.
pub async fn update_stale(db: &Db, mut goes_on: impl FnMut() -> bool) -> Result<usize> {
    let mut updated = 0;
    while goes_on() {
        let stale = store::list_stale(&mut *db.acquire().await?).await?;
        if stale.is_empty() || update(db, &stale).await? == 0 {
            break;
        }
        updated += stale.len();
    }
    Ok(updated)
}
