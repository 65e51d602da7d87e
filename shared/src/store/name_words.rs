//! Words of display names, by which people are found. `users.words_of` is the name that they are of; another name makes the row stale.

use sqlx::{AssertSqlSafe, MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::UserId;
use crate::store::inline_sql::{fetch_generated, list};

/// Users per transaction.
const BATCH: u32 = 200;

/// The name of a user, whose row the transaction locks; empty for an erased user.
#[derive(Clone, Debug)]
pub struct LockedName {
    pub user: UserId,
    pub name: String,
}

/// The words of a user's name.
#[derive(Clone, Debug)]
pub struct NameWords {
    pub user: UserId,
    /// Distinct, none of them empty.
    pub words: Vec<String>,
}

/// Returns users whose words are those of another name, a batch of them.
pub async fn list_stale(connection: &mut MySqlConnection) -> Result<Vec<UserId>> {
    let ids =
        sqlx::query_scalar!("select id from users where name_stale = 1 order by id limit ?", BATCH).fetch_all(connection).await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Locks users and returns their names.
pub async fn lock(transaction: &mut MySqlConnection, users: &[UserId]) -> Result<Vec<LockedName>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select id, if(deleted_at is null, display_name, '') from users where id in ({}) order by id for update",
        list(users)
    );
    let rows: Vec<(u64, String)> = fetch_generated(sql, transaction).await?;
    Ok(rows.into_iter().map(|(id, name)| LockedName { user: UserId(id), name }).collect())
}

/// Replaces the words of users whose rows the transaction locks.
pub async fn replace(transaction: &mut MySqlConnection, names: &[NameWords]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let users = list(names.iter().map(|one| one.user));
    let sql = format!("delete from user_name_words where user_id in ({users})");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    insert(transaction, names).await
}

/// Inserts the words of users who have none and whose rows the transaction locks.
pub async fn insert(transaction: &mut MySqlConnection, names: &[NameWords]) -> Result<()> {
    let words = || names.iter().flat_map(|one| one.words.iter().map(move |word| (one.user, word)));
    if words().next().is_some() {
        let mut query = QueryBuilder::new("insert into user_name_words (user_id, word) values ");
        for (index, (user, word)) in words().enumerate() {
            query.push(if index == 0 { "(" } else { ", (" }).push_bind(user.0).push(", ").push_bind(word.as_str()).push(")");
        }
        query.build().execute(&mut *transaction).await?;
    }
    let users = list(names.iter().map(|one| one.user));
    let sql = format!("update users set words_of = display_name where id in ({users})");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(transaction).await?;
    Ok(())
}
