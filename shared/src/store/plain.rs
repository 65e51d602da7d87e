//! Statements that are different each time: their numbers stand in their text.

use std::fmt::{Display, Write as _};

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, FromRow, MySqlConnection};

use crate::error::Result;

/// Runs a statement that is different each time, with its numbers in its text; nothing that anybody wrote may stand in it. As a prepared one it would
/// take two round trips and a message that closes it: that has no answer, so that the next one waits 40 ms for the server to acknowledge it (the
/// driver leaves Nagle's algorithm on).
pub(super) async fn plain<T>(sql: String, connection: &mut MySqlConnection) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, MySqlRow>,
{
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await?;
    Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
}

/// Numbers, for an `in (…)`.
pub(super) fn list<T: Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for number in numbers {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{number}");
    }
    text
}
