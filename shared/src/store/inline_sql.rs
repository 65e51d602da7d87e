//! Generated statements with inline values, sent without preparation. Only numbers and hexadecimal literals are written inline, so that no value can be
//! read as SQL.

use std::fmt::{Display, Write as _};

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, FromRow, MySqlConnection};

use crate::error::Result;
use crate::hex;

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

/// The text of statements under construction, separated by semicolons. All of them take one round trip.
#[derive(Debug, Default)]
pub(in crate::store) struct InlineSql {
    text: String,
    /// Separators so far.
    separators: usize,
}

impl InlineSql {
    /// Appends SQL from the source code.
    pub(in crate::store) fn sql(&mut self, sql: &'static str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    pub(in crate::store) fn number(&mut self, number: impl InlineNumber) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{number}");
        self
    }

    /// Appends a text as a hexadecimal literal in the connection's character set.
    pub(in crate::store) fn text(&mut self, text: &str) -> &mut Self {
        self.text.push_str("_utf8mb4 ");
        self.bytes(text.as_bytes())
    }

    pub(in crate::store) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.text.reserve(bytes.len() * 2 + 3);
        self.text.push_str("x'");
        hex::push(&mut self.text, bytes);
        self.text.push('\'');
        self
    }

    pub(in crate::store) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.sql("null"),
        }
    }

    /// Ends a statement; another one follows.
    pub(in crate::store) fn next(&mut self) -> &mut Self {
        self.separators += 1;
        self.sql("; ")
    }

    pub(in crate::store) fn statements(&self) -> usize {
        self.separators + 1
    }

    pub(in crate::store) fn into_text(self) -> String {
        self.text
    }
}

/// Integers, which need no escaping.
pub(in crate::store) trait InlineNumber: Copy + Display {}

impl InlineNumber for u64 {}
impl InlineNumber for i64 {}
impl InlineNumber for i32 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_or_hexadecimal() {
        let mut sql = InlineSql::default();
        sql.sql("select ").number(-3_i64).sql(", ").text("it's; drop").sql(", ").optional_text(None);
        sql.sql(", ").bytes(&[0, 255]).sql(", ").text("");
        assert_eq!(sql.into_text(), "select -3, _utf8mb4 x'697427733b2064726f70', null, x'00ff', _utf8mb4 x''");
    }
}
