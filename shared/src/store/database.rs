//! One connection per instance, opened on first use and reopened after a failure. [`Tx::finish`] ends a transaction exactly once.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Either, Executor, FromRow};
use tokio::sync::{Mutex, MutexGuard};

use crate::config::{Secret, SecretReader};
use crate::error::{Error, Result};
use crate::store::inline_sql::InlineSql;
use crate::store::server_identity;
use crate::telemetry::invocation::{self, Count};

/// Longest wait for a new connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for the answer to one statement. The session's settings abort a statement after 3 s.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);
/// An instance may have been frozen for hours: after this idle time a ping checks the connection before use.
const IDLE_BEFORE_PROBE: Duration = Duration::from_secs(5);
/// Minimum interval between two reads of the store's secret.
const SECRET_READ_INTERVAL: Duration = Duration::from_secs(5);
/// Most runs of a transaction that fails with a deadlock, a lock wait timeout, or a lost connection.
const ATTEMPTS: u32 = 4;

/// The store, reached over one connection at a time.
#[derive(Debug)]
pub struct Db {
    options: Mutex<MySqlConnectOptions>,
    /// Source of the URL with its password, and when it was last read.
    secret: Option<(SecretReader, Mutex<Option<Instant>>)>,
    slot: Mutex<Option<OpenConnection>>,
}

#[derive(Debug)]
struct OpenConnection {
    connection: MySqlConnection,
    used: Instant,
    /// Value of [`LOSSES`] when the connection was last known to work.
    losses: u64,
    /// Value of `invocation::cut_off` when the connection was opened. An aborted statement may leave half an answer on the connection, which the next
    /// statement would read as its own.
    cut_off: u64,
    /// Value of [`REFUSED_WRITES`] when the connection was opened.
    refused_writes: u64,
}

/// Number of statements that failed because the connection or the server was gone. The code that sees the error cannot reach the connection, so a
/// connection older than the last loss is pinged before use.
static LOSSES: AtomicU64 = AtomicU64::new(0);

/// Number of statements that a server refused because it only reads: after a failover it answers pings, but another one takes the writes.
static REFUSED_WRITES: AtomicU64 = AtomicU64::new(0);

pub(super) fn note_loss(error: &sqlx::Error) {
    let counter = if is_write_refused(error) { &REFUSED_WRITES } else { &LOSSES };
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Db {
    /// Prepares to connect to a `mysql://` URL without opening a connection.
    pub fn lazy(url: &Secret) -> Result<Self> {
        Self::with_secret_source(url, None)
    }

    /// Like [`Db::lazy`], but when the store refuses the password, reads the URL again and retries once.
    pub fn with_secret_source(url: &Secret, reader: Option<SecretReader>) -> Result<Self> {
        let secret = reader.map(|reader| (reader, Mutex::new(None)));
        Ok(Self { options: Mutex::new(options(url)?), secret, slot: Mutex::new(None) })
    }

    /// Returns the connection, for reads and single statements.
    pub async fn acquire(&self) -> Result<DbConnection<'_>> {
        let mut slot = self.slot.lock().await;
        let losses = LOSSES.load(Ordering::Relaxed);
        let (cut_off, refused_writes) = (invocation::cut_off(), REFUSED_WRITES.load(Ordering::Relaxed));
        let works = match slot.as_mut() {
            Some(open) if open.cut_off != cut_off || open.refused_writes != refused_writes => false,
            Some(open) if open.losses == losses && open.used.elapsed() < IDLE_BEFORE_PROBE => true,
            Some(open) => {
                open.losses = losses;
                within(CONNECT_TIMEOUT, open.connection.ping()).await.is_ok()
            }
            None => false,
        };
        if !works {
            *slot = None;
            let connection = self.connect().await?;
            *slot = Some(OpenConnection { connection, used: Instant::now(), losses, cut_off, refused_writes });
        }
        Ok(DbConnection { slot })
    }

    /// Begins a transaction, to be ended by [`Tx::finish`]. Dropping it closes the connection, so the server rolls back.
    pub async fn begin(&self) -> Result<Tx<'_>> {
        let mut connection = self.acquire().await?;
        if let Err(error) = within(STATEMENT_TIMEOUT, connection.execute("BEGIN")).await {
            connection.discard();
            return Err(error);
        }
        Ok(Tx { connection, rollback_only: false, ended: false })
    }

    /// Like [`Db::begin`], together with the transaction's first statements, in one round trip. Returns the rows of each.
    pub(super) async fn begin_with(&self, first: InlineSql) -> Result<(Tx<'_>, Vec<Vec<MySqlRow>>)> {
        let mut tx = Tx { connection: self.acquire().await?, rollback_only: false, ended: false };
        let sql = format!("BEGIN; {}", first.into_text());
        let run = async {
            let (mut results, mut rows) = (Vec::new(), Vec::new());
            let mut answers = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut *tx.connection);
            while let Some(answer) = answers.try_next().await? {
                match answer {
                    Either::Left(_) => results.push(std::mem::take(&mut rows)),
                    Either::Right(row) => rows.push(row),
                }
            }
            Ok(results)
        };
        match within(STATEMENT_TIMEOUT, run).await {
            // The first result is that of BEGIN.
            Ok(mut results) => Ok((tx, results.split_off(results.len().min(1)))),
            Err(error) if is_refusal(&error) => tx.finish(Err(error)).await,
            // The rest of an answer may still come: dropping the transaction closes the connection.
            Err(error) => Err(error),
        }
    }

    /// Runs `work` again after a deadlock, a lock wait timeout, or a connection lost before the commit.
    pub async fn retrying<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut attempt = 1;
        loop {
            match work().await {
                Err(error) if attempt < ATTEMPTS && is_retryable(&error) => {
                    tracing::debug!(attempt, "the transaction runs again");
                    invocation::count(Count::Retries);
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=10 << attempt))).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn connect(&self) -> Result<MySqlConnection> {
        let mut options = self.options.lock().await;
        let mut opened = open(&options).await;
        if let Err(error) = &opened
            && is_password_refused(error)
            && let Some(url) = self.reread_url().await
        {
            *options = self::options(&url)?;
            opened = open(&options).await;
        }
        opened
    }

    /// Reads the current URL, unless the last read is too recent.
    async fn reread_url(&self) -> Option<Secret> {
        let (reader, read_at) = self.secret.as_ref()?;
        let mut read_at = read_at.lock().await;
        if read_at.is_some_and(|time| time.elapsed() < SECRET_READ_INTERVAL) {
            return None;
        }
        *read_at = Some(Instant::now());
        tracing::warn!("the store refused the password; its secret is read again");
        match reader.read().await {
            Ok(url) => Some(url),
            Err(error) => {
                tracing::warn!(error = error.causes(), "the store's secret could not be read");
                None
            }
        }
    }
}

async fn open(options: &MySqlConnectOptions) -> Result<MySqlConnection> {
    let connected = async {
        let mut connection = within(CONNECT_TIMEOUT, options.connect()).await?;
        within(CONNECT_TIMEOUT, connection.execute(SESSION_SETTINGS)).await?;
        Ok(connection)
    };
    connected.await.map_err(|error| server_identity::connection_failed(error, options))
}

/// Parses the connection options of a `mysql://` URL.
pub(super) fn options(url: &Secret) -> Result<MySqlConnectOptions> {
    // The parser's message could quote the password.
    let parsed = MySqlConnectOptions::from_str(url.expose()).map_err(|_| {
        Error::internal(
            "the database's URL cannot be read: it has the form mysql://user:password@host:3306/database, percent-encoded",
        )
    })?;
    let options = parsed
        // `SESSION_SETTINGS` sets all of these in one round trip.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false)
        .charset("utf8mb4")
        .statement_cache_capacity(256);
    let options = if url.expose().contains("ssl-ca=") { options } else { server_identity::with_authorities(options)? };
    if url.expose().contains("ssl-mode=") {
        return Ok(options);
    }
    // A loopback server has no certificate worth verifying, yet MySQL accepts passwords over TLS only. Any other server must prove its identity,
    // unless the URL says otherwise.
    let loopback = matches!(options.get_host(), "127.0.0.1" | "localhost" | "::1");
    Ok(options.ssl_mode(if loopback { MySqlSslMode::Preferred } else { MySqlSslMode::VerifyIdentity }))
}

/// Replaces server defaults that do not suit a function: 50 s lock wait, unlimited statements, `latin1`. MySQL and TiDB read the first version
/// comment, MariaDB the second.
const SESSION_SETTINGS: &str = "SET NAMES utf8mb4, time_zone = '+00:00', innodb_lock_wait_timeout = 3 \
     /*!50720 , transaction_isolation = 'READ-COMMITTED', max_execution_time = 3000 */ \
     /*M!100100 , tx_isolation = 'READ-COMMITTED', max_statement_time = 3 */";

/// The instance's connection, held by one user at a time.
#[derive(Debug)]
pub struct DbConnection<'a> {
    slot: MutexGuard<'a, Option<OpenConnection>>,
}

impl DbConnection<'_> {
    /// Drops the connection; the next user opens another.
    pub fn discard(&mut self) {
        *self.slot = None;
    }

    fn open(&mut self) -> &mut OpenConnection {
        self.slot.as_mut().unwrap_or_else(|| unreachable!("`acquire` fills the slot, and whoever discards gives the guard up"))
    }
}

impl Deref for DbConnection<'_> {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        self.slot.as_ref().map_or_else(|| unreachable!("see `open`"), |open| &open.connection)
    }
}

impl DerefMut for DbConnection<'_> {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        let open = self.open();
        open.used = Instant::now();
        &mut open.connection
    }
}

/// Runs a unit of work in a transaction of a [`Db`], as `&mut Tx`. Commits on success, rolls back on error, and repeats the whole work after a
/// deadlock, a lock wait timeout, or a connection lost before the commit. Evaluates to the work's result.
///
/// A macro, because the compiler cannot prove the future of a function that takes such a closure `Send`.
macro_rules! transaction {
    ($db:expr, |$tx:ident| $work:expr) => {
        $db.retrying(|| async {
            let mut tx = $db.begin().await?;
            let outcome = async {
                let $tx = &mut tx;
                $work
            }
            .await;
            tx.finish(outcome).await
        })
        .await
    };
}
pub(crate) use transaction;

/// An open transaction.
#[derive(Debug)]
pub struct Tx<'a> {
    connection: DbConnection<'a>,
    rollback_only: bool,
    ended: bool,
}

impl Tx<'_> {
    /// Makes the transaction roll back whatever its outcome.
    pub fn set_rollback_only(&mut self) {
        self.rollback_only = true;
    }

    /// Commits on `Ok`, rolls back on `Err` or after [`Self::set_rollback_only`], and returns the outcome.
    pub async fn finish<T>(mut self, outcome: Result<T>) -> Result<T> {
        let end = if outcome.is_ok() && !self.rollback_only { "COMMIT" } else { "ROLLBACK" };
        let ended = within(STATEMENT_TIMEOUT, self.connection.execute(end)).await;
        self.ended = ended.is_ok();
        match (outcome, ended) {
            // A commit without an answer may have taken place, so it must not run again by itself.
            (Ok(_), Err(error)) => Err(unknown_outcome(&error)),
            (outcome, _) => outcome,
        }
    }
}

/// The result of [`Tx::commit_with`].
#[derive(Debug)]
pub(super) struct BatchOutcome<T> {
    /// The id that the first statement generated.
    pub(super) first_id: u64,
    /// The rows of the statement after the commit.
    pub(super) rows: Vec<T>,
}

impl Tx<'_> {
    /// Runs the last statements of the transaction, commits, and may run a read after the commit, in one round trip.
    pub(super) async fn commit_with<T>(mut self, last: InlineSql, then: Option<InlineSql>) -> Result<BatchOutcome<T>>
    where
        T: for<'r> FromRow<'r, MySqlRow>,
    {
        // With the commit.
        let statements = last.statements() + 1;
        let mut sql = last.into_text();
        sql.push_str("; COMMIT");
        if let Some(then) = then {
            sql.push_str("; ");
            sql.push_str(&then.into_text());
        }
        let (mut done, mut first_id, mut rows) = (0, 0, Vec::new());
        let run = async {
            let mut results = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut *self.connection);
            while let Some(result) = results.try_next().await? {
                match result {
                    Either::Left(ended) => {
                        if done == 0 {
                            first_id = ended.last_insert_id();
                        }
                        done += 1;
                    }
                    Either::Right(row) => rows.push(T::from_row(&row)?),
                }
            }
            Ok(())
        };
        match within(STATEMENT_TIMEOUT, run).await {
            Ok(()) => {
                self.ended = true;
                Ok(BatchOutcome { first_id, rows })
            }
            // The server refused a statement before the commit.
            Err(error) if done < statements && is_refusal(&error) => self.finish(Err(error)).await,
            // The commit may have taken place, so the work must not run again by itself.
            Err(error) => Err(unknown_outcome(&error)),
        }
    }
}

fn unknown_outcome(error: &Error) -> Error {
    Error::Unavailable { retry_after: 1, source: Box::new(UnknownOutcome(error.to_string())) }
}

impl Deref for Tx<'_> {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        &self.connection
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.discard();
        }
    }
}

/// The connection broke before the commit was acknowledged.
#[derive(Debug)]
struct UnknownOutcome(String);

impl std::fmt::Display for UnknownOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the commit's answer was lost: {}", self.0)
    }
}

impl std::error::Error for UnknownOutcome {}

async fn within<T>(limit: Duration, work: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(late) => {
            LOSSES.fetch_add(1, Ordering::Relaxed);
            Err(Error::unavailable(late))
        }
    }
}

/// Deadlocks, lock wait timeouts and connections lost before the commit leave nothing behind.
fn is_retryable(error: &Error) -> bool {
    server_identity::refused_certificate(error).is_none()
        && error.cause::<sqlx::Error>().is_some_and(|error| {
            matches!(code(error), Some(1205 | 1213)) || matches!(error, sqlx::Error::Io(_)) && !is_refused(error)
        })
}

/// Whether the connection or server is gone, or too busy to answer.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Too many connections, shutdown, out of memory, lock wait, statement timeout (both servers), killed; access denied while a password rotates.
        _ if is_write_refused(error) => true,
        _ => matches!(code(error), Some(1040 | 1041 | 1045 | 1053 | 1203 | 1205 | 1226 | 1317 | 1927 | 1969 | 3024)),
    }
}

/// Whether the server only reads (`read_only`, `innodb_read_only`).
fn is_write_refused(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(1290 | 1836))
}

/// Whether the server answered with an error, so that the connection is at the end of an answer.
fn is_refusal(error: &Error) -> bool {
    error.cause::<sqlx::Error>().is_some_and(|error| error.as_database_error().is_some())
}

fn is_password_refused(error: &Error) -> bool {
    error.cause::<sqlx::Error>().is_some_and(|error| code(error) == Some(1045))
}

fn is_refused(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn code(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|database| database.try_downcast_ref::<MySqlDatabaseError>())
        .map(MySqlDatabaseError::number)
}
