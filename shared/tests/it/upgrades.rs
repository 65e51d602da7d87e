//! While a deployment is under way, the previous release's code runs on the new schema: its statements (`fixtures/released.json`, taken from
//! its `.sqlx`) must still be understood, and its inserts must not miss a column that they cannot know.

use std::collections::BTreeSet;

use shared::config::Secret;
use shared::store::{Db, migrations};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::fixture;

/// The schema of the previous release.
const RELEASED: i64 = 5;

type Columns = BTreeSet<(String, String)>;

#[tokio::test]
async fn the_previous_releases_statements_are_understood_by_the_newest_schema() {
    let statements: Vec<String> = serde_json::from_str(include_str!("fixtures/released.json")).expect("a list of statements");
    assert!(statements.len() > 50, "{}", statements.len());
    let db = fixture::database().await;
    let mut connection = db.acquire().await.expect("a connection");
    for statement in statements {
        let prepared = connection.prepare(AssertSqlSafe(statement.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{statement}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn what_was_added_to_a_table_since_has_a_value_without_being_given_one() {
    let url = fixture::migrated().await;
    migrations::down(&url, RELEASED).await.expect("back to the previous release");
    let (before, _) = columns(&url).await;
    migrations::up(&url).await.expect("and forward");
    let (_, demanded) = columns(&url).await;
    let tables: BTreeSet<&String> = before.iter().map(|(table, _)| table).collect();
    let new: Vec<_> = demanded.iter().filter(|column| tables.contains(&column.0) && !before.contains(*column)).collect();
    assert!(new.is_empty(), "an insert of the previous release fails for want of {new:?}");
    assert!(!demanded.is_empty(), "there are columns that must be given");
}

/// All columns, and those that an insert must give.
async fn columns(url: &Secret) -> (Columns, Columns) {
    let db = Db::lazy(url).expect("a URL");
    let mut connection = db.acquire().await.expect("a connection");
    let rows: Vec<(String, String, bool)> = sqlx::query_as(
        "select table_name, column_name,
                is_nullable = 'NO' and column_default is null and extra not like '%auto_increment%' and extra not like '%GENERATED%'
         from information_schema.columns where table_schema = database()",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("a list");
    let all = rows.iter().map(|(table, column, _)| (table.clone(), column.clone())).collect();
    (all, rows.into_iter().filter(|row| row.2).map(|(table, column, _)| (table, column)).collect())
}
