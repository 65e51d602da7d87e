//! Migrations on a real server.

use shared::config::Secret;
use shared::store::{Db, migrations};
use sqlx::{Executor, Row};

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

async fn execute(url: &Secret, statement: &str) {
    let db = Db::lazy(url).expect("a URL");
    let mut connection = db.acquire().await.expect("a connection");
    connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect("a statement of the test");
}

/// Returns the error of migrating up.
async fn refusal(url: &Secret) -> String {
    let error = migrations::up(url).await.expect_err("it cannot");
    error.source().expect("a cause").to_string()
}

#[tokio::test]
async fn what_a_server_refuses_leaves_nothing_behind_and_is_tried_again() {
    let url = fixture::migrated().await;
    migrations::down(&url, 12).await.expect("back");
    execute(&url, "rename table members to members_away").await;
    for _ in 0..2 {
        let why = refusal(&url).await;
        assert!(why.starts_with("migration 13 was refused: ") && why.contains("members"), "{why}");
    }
    execute(&url, "rename table members_away to members").await;
    assert_eq!(migrations::up(&url).await.ok(), Some(migrations::newest()));
}

#[tokio::test]
async fn an_interrupted_migration_is_resolved_by_an_operator() {
    let url = fixture::migrated().await;
    let newest = migrations::newest();
    migrations::settle(&url, newest, false).await.expect_err("it is whole");
    for applied in [true, false] {
        execute(&url, "update _sqlx_migrations set success = false order by version desc limit 1").await;
        let why = refusal(&url).await;
        assert!(why.starts_with(&format!("migration {newest} stopped half-way")), "{why}");
        migrations::settle(&url, newest - 1, applied).await.expect_err("that one is whole");
        if !applied {
            execute(&url, &undoing(newest)).await;
        }
        migrations::settle(&url, newest, applied).await.expect("settled");
        let db = Db::lazy(&url).expect("a URL");
        let version = migrations::version(&mut db.acquire().await.expect("a connection")).await.expect("a version");
        assert_eq!(version, Some(if applied { newest } else { newest - 1 }));
        assert_eq!(migrations::up(&url).await.ok(), Some(migrations::newest()));
    }
}

/// Returns the SQL of a down migration.
fn undoing(version: i64) -> String {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("a folder");
    let paths = folder.map(|entry| entry.expect("an entry").path());
    let own = |path: &std::path::PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&format!("{version:04}_")) && name.ends_with(".down.sql")
    };
    std::fs::read_to_string(paths.into_iter().find(own).expect("a way back")).expect("a file")
}

#[tokio::test]
async fn an_earlier_release_leaves_the_schema_of_a_later_one_as_it_is() {
    let url = fixture::migrated().await;
    execute(&url, "insert into _sqlx_migrations values (9999, 'of a later release', now(), true, '', 1)").await;
    assert_eq!(migrations::up(&url).await.ok(), Some(9999));
    execute(&url, "update _sqlx_migrations set checksum = 'another' where version < 9999 order by version desc limit 1").await;
    let why = refusal(&url).await;
    assert!(why.contains("9999"), "a database of something else: {why}");
}

#[test]
fn a_migration_is_one_statement() {
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let version: i64 = name.split('_').next().and_then(|digits| digits.parse().ok()).expect("a number");
        if version < migrations::ONE_STATEMENT_SINCE || !name.ends_with(".up.sql") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a file");
        let code: String = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let statements = code.split(';').filter(|statement| !statement.trim().is_empty()).count();
        assert_eq!(statements, 1, "{name}: if it stopped half-way, its progress would be unknown");
        seen += 1;
    }
    assert!(seen > 0);
}

#[tokio::test]
async fn a_session_waits_briefly_reads_what_is_committed_and_speaks_utf8() {
    let db = fixture::database().await;
    let mut connection = db.acquire().await.expect("a connection");
    let row = sqlx::query("select @@innodb_lock_wait_timeout, @@character_set_client, '👍🏽'")
        .fetch_one(&mut *connection)
        .await
        .expect("a row");
    assert_eq!(row.get::<u64, _>(0), 3);
    assert_eq!(row.get::<String, _>(1), "utf8mb4");
    assert_eq!(row.get::<String, _>(2), "👍🏽");
    // MariaDB and MySQL differ in names and units.
    let named = "show variables where variable_name in ('tx_isolation', 'transaction_isolation', 'max_statement_time', 'max_execution_time')";
    let set: Vec<(String, String)> = sqlx::query_as(named).fetch_all(&mut *connection).await.expect("rows");
    let of = |names: [&str; 2]| set.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str());
    assert_eq!(of(["tx_isolation", "transaction_isolation"]), Some("READ-COMMITTED"));
    assert!(matches!(of(["max_statement_time", "max_execution_time"]), Some("3.000000" | "3000")), "{set:?}");
}
