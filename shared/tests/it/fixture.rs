//! Fixtures: one MariaDB for all tests, a migrated database for each, quick users, counted statements.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

use local::mysql::{MySql, MySqlOptions};
use shared::caller::Caller;
use shared::config::{Limits, Quota, Secret};
use shared::error::Limit;
use shared::id::{SessionId, UserId};
use shared::store::users::NewUser;
use shared::store::{Db, migrations, users};
use shared::time::Timestamp;
use sqlx::{ConnectOptions, Connection, Executor};

/// A migrated database per test.
pub(crate) async fn database() -> Db {
    Db::lazy(&migrated().await).expect("the URL is well formed")
}

/// URL of a migrated database, for tests with several connections.
pub(crate) async fn migrated() -> Secret {
    let url = empty().await;
    migrations::up(&url).await.expect("the migrations run");
    url
}

/// URL of an empty database.
pub(crate) async fn empty() -> Secret {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let server = server();
    let options: sqlx::mysql::MySqlConnectOptions = server.parse().expect("the URL is well formed");
    let mut connection = options.connect().await.expect("the server answers");
    connection.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await.expect("a new database");
    connection.close().await.expect("closes");
    let (before, _) = server.rsplit_once('/').expect("a URL with a database");
    Secret::new(format!("{before}/{name}"))
}

/// A table with the column `seq` from 1 to `count`, below 100,000. MySQL lacks MariaDB's sequence tables.
pub(crate) fn numbers(count: u64) -> String {
    const DIGITS: &str = "(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 \
                          union all select 6 union all select 7 union all select 8 union all select 9)";
    format!(
        "(select 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d as seq \
          from {DIGITS} a, {DIGITS} b, {DIGITS} c, {DIGITS} e, {DIGITS} f having seq <= {count})"
    )
}

/// Inserts a user who can log in.
pub(crate) async fn person(db: &Db, name: &str) -> Caller {
    let now = Timestamp::now();
    let new = NewUser { username: name, email: None, display_name: name, password_hash: "x", created_at: now };
    let user = users::insert(&mut db.acquire().await.expect("a connection"), &new).await.expect("a new name");
    caller(user, name)
}

/// A caller without a session.
pub(crate) fn caller(user: UserId, name: &str) -> Caller {
    Caller { user, username: name.into(), session: SessionId(1), connection: None, now: Timestamp::now() }
}

/// Limits that no test reaches by accident.
pub(crate) fn limits() -> Limits {
    let wide = Limit { quota: 100_000, window: 60 };
    Limits {
        message_length: 1000,
        send: wide,
        change: wide,
        repeat: wide,
        frames: wide,
        act: wide,
        register: wide,
        login: wide,
        connect: wide,
        search: wide,
        upload: wide,
        work: wide,
        quota: Quota { bytes: Some(1 << 40), files: Some(100_000) },
    }
}

/// Finds every text value that contains something.
pub(crate) async fn find_text(db: &Db, something: &str) -> Vec<String> {
    let mut connection = db.acquire().await.expect("a connection");
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select table_name, column_name from information_schema.columns
         where table_schema = database() and table_name <> '_sqlx_migrations'
           and data_type in ('char', 'varchar', 'text', 'mediumtext', 'longtext', 'binary', 'varbinary', 'blob', 'json')",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("the columns");
    assert!(columns.len() > 20, "{columns:?}");
    let mut places = Vec::new();
    for (table, column) in columns {
        let text = format!("select count(*) from {table} where locate(?, lower(convert({column} using utf8mb4))) > 0");
        let count: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(something).fetch_one(&mut *connection).await.expect("a number");
        if count > 0 {
            places.push(format!("{table}.{column}"));
        }
    }
    places
}

/// Counts the statements that `work` sends over the `Db`'s connection, BEGIN and COMMIT included. Run the work once before, so that all are prepared.
pub(crate) async fn statements<T>(db: &Db, work: impl Future<Output = T>) -> (T, i64) {
    let before = questions(db).await;
    let done = work.await;
    // Reading the counter counts once.
    (done, questions(db).await - before - 1)
}

async fn questions(db: &Db) -> i64 {
    let mut connection = db.acquire().await.expect("a connection");
    let (_, count): (String, String) =
        sqlx::query_as("show session status like 'Questions'").fetch_one(&mut *connection).await.expect("a counter");
    count.parse().expect("a number")
}

/// Runs the server in its own thread, independent of any test's runtime, until the process ends. `TEST_DATABASE_URL` names another one instead: a
/// database on any MySQL-compatible server whose user may create more. These remain.
#[expect(clippy::disallowed_methods, reason = "it configures the tests alone")]
fn server() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            return url;
        }
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let options = MySqlOptions { durable: false, ..MySqlOptions::default() };
                let server = MySql::temporary(options).await.expect("MariaDB starts");
                ready.send(server.url()).expect("someone waits");
                std::future::pending::<()>().await;
            });
        });
        started.recv().expect("MariaDB starts")
    })
}
