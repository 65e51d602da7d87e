//! Generated statements with inline numbers, sent without preparation.

use std::fmt::{Display, Write as _};

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, FromRow, MySqlConnection};

use crate::error::Result;

/// Runs a generated statement. Its text may contain numbers but no user input. Preparing it would cost two round trips and a close message without
/// answer, after which the next statement waits 40 ms for the server's acknowledgement, because the driver leaves Nagle's algorithm on.
pub(super) async fn fetch_generated<T>(sql: String, connection: &mut MySqlConnection) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, MySqlRow>,
{
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await?;
    Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
}

/// Joins numbers for an `in (…)`.
pub(super) fn list<T: Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for number in numbers {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{number}");
    }
    text
}
