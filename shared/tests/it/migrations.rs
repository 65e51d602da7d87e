//! The schema's history on a real server.

use shared::store::{Db, migrations};
use sqlx::Row;

use crate::fixture;

#[tokio::test]
async fn two_migrations_at_once_make_one_general() {
    let url = fixture::empty().await;
    let (one, other) = tokio::join!(migrations::up(&url), migrations::up(&url));
    assert_eq!(one.ok(), Some(migrations::newest()));
    assert_eq!(other.ok(), Some(migrations::newest()));
    let db = Db::lazy(&url).expect("a URL");
    let mut connection = db.acquire().await.expect("a connection");
    let row = sqlx::query("select count(*), max(name), max(kind) from rooms").fetch_one(&mut *connection).await.expect("a row");
    assert_eq!((row.get::<i64, _>(0), row.get::<String, _>(1), row.get::<String, _>(2)), (1, "General".into(), "public".into()));
}

#[tokio::test]
async fn migrating_again_changes_nothing_and_back_leaves_nothing() {
    let url = fixture::migrated().await;
    assert_eq!(migrations::up(&url).await.ok(), Some(migrations::newest()));
    let db = Db::lazy(&url).expect("a URL");
    assert_eq!(
        migrations::version(&mut db.acquire().await.expect("a connection")).await.ok().flatten(),
        Some(migrations::newest())
    );
    migrations::down(&url, 0).await.expect("back to nothing");
    let tables: Vec<String> =
        sqlx::query_scalar("select table_name from information_schema.tables where table_schema = database()")
            .fetch_all(&mut **db.acquire().await.as_mut().expect("a connection"))
            .await
            .expect("a list");
    assert_eq!(tables, ["_sqlx_migrations"]);
    assert_eq!(migrations::up(&url).await.ok(), Some(migrations::newest()), "and forward again");
}

#[tokio::test]
async fn a_session_waits_briefly_reads_what_is_committed_and_speaks_utf8() {
    let db = fixture::database().await;
    let mut connection = db.acquire().await.expect("a connection");
    let row =
        sqlx::query("select @@innodb_lock_wait_timeout, @@tx_isolation, @@character_set_client, @@max_statement_time, '👍🏽'")
            .fetch_one(&mut *connection)
            .await
            .expect("a row");
    assert_eq!(row.get::<u64, _>(0), 3);
    assert_eq!(row.get::<String, _>(1), "READ-COMMITTED");
    assert_eq!(row.get::<String, _>(2), "utf8mb4");
    assert!((row.get::<f64, _>(3) - 3.0).abs() < f64::EPSILON);
    assert_eq!(row.get::<String, _>(4), "👍🏽");
}
