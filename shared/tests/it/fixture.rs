//! What the tests stand on: one MariaDB for all of them, a migrated database for each, people made in a line, statements counted.

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

/// A migrated database of the test's own.
pub(crate) async fn database() -> Db {
    Db::lazy(&migrated().await).expect("the URL is well formed")
}

/// The URL of a migrated database of the test's own, for tests that need several connections.
pub(crate) async fn migrated() -> Secret {
    let url = empty().await;
    migrations::up(&url).await.expect("the migrations run");
    url
}

/// The URL of an empty database of the test's own.
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

/// The numbers from 1 to `count`, below 100,000, as a table with the column `seq`: MariaDB has such tables, MySQL has not.
pub(crate) fn numbers(count: u64) -> String {
    const DIGITS: &str = "(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 \
                          union all select 6 union all select 7 union all select 8 union all select 9)";
    format!(
        "(select 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d as seq \
          from {DIGITS} a, {DIGITS} b, {DIGITS} c, {DIGITS} e, {DIGITS} f having seq <= {count})"
    )
}

/// A person who may sign in.
pub(crate) async fn person(db: &Db, name: &str) -> Caller {
    let now = Timestamp::now();
    let new = NewUser { username: name, email: None, display_name: name, password_hash: "x", created_at: now };
    let user = users::insert(&mut db.acquire().await.expect("a connection"), &new).await.expect("a new name");
    caller(user, name)
}

/// A caller without a session of its own, as the rules see one.
pub(crate) fn caller(user: UserId, name: &str) -> Caller {
    Caller { user, username: name.into(), session: SessionId(1), now: Timestamp::now() }
}

/// Limits that no test meets by accident.
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

/// How many statements the work sends over the `Db`'s connection, BEGIN and COMMIT included. Run it once before, so that all are prepared.
pub(crate) async fn statements<T>(db: &Db, work: impl Future<Output = T>) -> (T, i64) {
    let before = questions(db).await;
    let done = work.await;
    // The look at the counter is itself counted once.
    (done, questions(db).await - before - 1)
}

async fn questions(db: &Db) -> i64 {
    let mut connection = db.acquire().await.expect("a connection");
    let (_, count): (String, String) =
        sqlx::query_as("show session status like 'Questions'").fetch_one(&mut *connection).await.expect("a counter");
    count.parse().expect("a number")
}

/// The server lives in a thread of its own, so that no test's runtime owns it; it ends with this process. `TEST_DATABASE_URL` names another one:
/// the URL of a database on any MySQL-compatible server, whose user may make more of them. They stay there.
#[expect(clippy::disallowed_methods, reason = "it configures the tests alone")]
fn server() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            return url;
        }
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let options = MySqlOptions { durable: false, ..MySqlOptions::default() };
                let server = MySql::temporary(options).await.expect("MariaDB starts");
                tell.send(server.url()).expect("someone waits");
                std::future::pending::<()>().await;
            });
        });
        told.recv().expect("MariaDB starts")
    })
}
