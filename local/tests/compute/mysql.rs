//! The private database: data outlives the server, the server never outlives its parent.

use std::time::{Duration, Instant};

use local::mysql::{MySql, MySqlOptions};
use sqlx::{Connection as _, MySqlConnection, Row as _};

async fn connect(server: &MySql) -> MySqlConnection {
    MySqlConnection::connect(&server.url()).await.unwrap()
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_was_committed() {
    let server = MySql::temporary(MySqlOptions::default()).await.unwrap();
    let mut connection = connect(&server).await;
    sqlx::raw_sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)").execute(&mut connection).await.unwrap();
    let (url, pid) = (server.url(), server.pid().unwrap());

    server.kill().await;
    assert_eq!(server.pid(), None);
    assert!(MySqlConnection::connect(&url).await.is_err());

    server.restart().await.unwrap();
    assert_eq!(server.url(), url, "functions keep their DATABASE_URL");
    assert_ne!(server.pid().unwrap(), pid);
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t").fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_second_start_finds_the_data_and_is_quick() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mysql");
    let server = MySql::start(&data, MySqlOptions { durable: true, port: None }).await.unwrap();
    sqlx::raw_sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (7)")
        .execute(&mut connect(&server).await)
        .await
        .unwrap();
    server.stop().await;

    let before = Instant::now();
    let server = MySql::start(&data, MySqlOptions { durable: true, port: None }).await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    let id: i32 = sqlx::query_scalar("SELECT id FROM t").fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(id, 7);
    server.stop().await;
}

#[tokio::test]
async fn it_is_as_strict_as_mysql_8() {
    let server = MySql::temporary(MySqlOptions::default()).await.unwrap();
    let mut connection = connect(&server).await;
    let row = sqlx::query("SELECT @@GLOBAL.sql_mode, @@character_set_database, @@log_bin, @@GLOBAL.time_zone")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let mode: String = row.get(0);
    for part in ["ONLY_FULL_GROUP_BY", "STRICT_TRANS_TABLES", "NO_ZERO_DATE", "ERROR_FOR_DIVISION_BY_ZERO"] {
        assert!(mode.contains(part), "{mode}");
    }
    assert_eq!((row.get::<String, _>(1), row.get::<i64, _>(2), row.get::<String, _>(3)), ("utf8mb4".into(), 0, "+00:00".into()));
}

#[tokio::test]
async fn a_stale_server_on_the_same_data_is_stopped_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mysql");
    let first = MySql::start(&data, MySqlOptions::default()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE t (id INT PRIMARY KEY)").execute(&mut connect(&first).await).await.unwrap();

    let second = MySql::start(&data, MySqlOptions::default()).await.unwrap();
    sqlx::raw_sql("INSERT INTO t VALUES (1)").execute(&mut connect(&second).await).await.unwrap();
    assert!(MySqlConnection::connect(&first.url()).await.is_err());
}

#[tokio::test]
async fn dropping_it_leaves_neither_process_nor_folder() {
    let server = MySql::temporary(MySqlOptions::default()).await.unwrap();
    let pid = server.pid().unwrap();
    let folder: String = sqlx::query_scalar("SELECT @@datadir").fetch_one(&mut connect(&server).await).await.unwrap();
    assert!(std::path::Path::new(&folder).is_dir());
    drop(server);
    assert!(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), None).is_err());
    assert!(!std::path::Path::new(&folder).exists(), "{folder}");
}
