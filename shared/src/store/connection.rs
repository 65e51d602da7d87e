//! One connection per instance: opened when first needed, opened again when it broke. A transaction ends exactly once, by `finish`.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlSslMode};
use sqlx::{ConnectOptions, Connection as _, Executor};
use tokio::sync::{Mutex, MutexGuard};

use crate::config::{Again, Secret};
use crate::error::{Error, Result};
use crate::telemetry::invocation::{self, Count};

/// A function that cannot reach its store says so within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A server's answer to one statement is waited for so long; statements themselves are cut at 3 s by the session's settings.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);
/// An instance may have been frozen for hours; after such a pause the connection is probed before it is trusted.
const IDLE_BEFORE_PROBE: Duration = Duration::from_secs(5);
/// A secret that was rotated is found within this time, and one that is wrong is not asked for oftener.
const BETWEEN_READINGS: Duration = Duration::from_secs(5);
/// How often a transaction that lost a deadlock, a lock wait or its connection is run in all.
const ATTEMPTS: u32 = 4;

/// The store, reached over one connection at a time.
#[derive(Debug)]
pub struct Db {
    options: Mutex<MySqlConnectOptions>,
    /// Where the password comes from, and when it was asked for last.
    again: Option<(Again, Mutex<Option<Instant>>)>,
    slot: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    connection: MySqlConnection,
    used: Instant,
    /// What [`LOSSES`] counted when the connection was last known to work.
    losses: u64,
    /// How much work was cut off before it was opened. Work that is cut off may leave half an answer on it, which the next statement would take for
    /// its own.
    cut_off: u64,
}

/// How often a statement failed because its connection, or the server behind it, was gone. A connection that worked before the last loss is
/// probed before it is trusted again: whoever met the error could not tell the connection so.
static LOSSES: AtomicU64 = AtomicU64::new(0);

/// A statement found its connection gone.
pub(super) fn note_loss() {
    LOSSES.fetch_add(1, Ordering::Relaxed);
}

impl Db {
    /// Prepares to connect to a `mysql://` URL; nothing is opened yet.
    pub fn lazy(url: &Secret) -> Result<Self> {
        Self::following(url, None)
    }

    /// The same; when the store refuses the password, its URL is read again and tried once.
    pub fn following(url: &Secret, again: Option<Again>) -> Result<Self> {
        let again = again.map(|again| (again, Mutex::new(None)));
        Ok(Self { options: Mutex::new(options(url)?), again, slot: Mutex::new(None) })
    }

    /// The connection, for reads and for single statements.
    pub async fn acquire(&self) -> Result<Connection<'_>> {
        let mut slot = self.slot.lock().await;
        let losses = LOSSES.load(Ordering::Relaxed);
        let cut_off = invocation::cut_off();
        let works = match slot.as_mut() {
            Some(open) if open.cut_off != cut_off => false,
            Some(open) if open.losses == losses && open.used.elapsed() < IDLE_BEFORE_PROBE => true,
            Some(open) => {
                open.losses = losses;
                within(CONNECT_TIMEOUT, open.connection.ping()).await.is_ok()
            }
            None => false,
        };
        if !works {
            *slot = None;
            *slot = Some(Open { connection: self.connect().await?, used: Instant::now(), losses, cut_off });
        }
        Ok(Connection { slot })
    }

    /// A transaction. It must be ended by [`Tx::finish`]; one that is dropped takes its connection with it, so the server rolls back.
    pub async fn begin(&self) -> Result<Tx<'_>> {
        let mut connection = self.acquire().await?;
        if let Err(error) = within(STATEMENT_TIMEOUT, connection.execute("BEGIN")).await {
            connection.discard();
            return Err(error);
        }
        Ok(Tx { connection, ended: false })
    }

    /// Runs a whole unit of work again when it lost a deadlock, a lock wait, or its connection before it could commit.
    pub async fn retrying<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut attempt = 1;
        loop {
            match work().await {
                Err(error) if attempt < ATTEMPTS && may_run_again(&error) => {
                    tracing::debug!(attempt, "the transaction runs again");
                    invocation::count(Count::Again);
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=10 << attempt))).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn connect(&self) -> Result<MySqlConnection> {
        let mut options = self.options.lock().await;
        let mut connected = within(CONNECT_TIMEOUT, options.connect()).await;
        if let Err(error) = &connected
            && is_password_refused(error)
            && let Some(url) = self.read_again().await
        {
            *options = self::options(&url)?;
            connected = within(CONNECT_TIMEOUT, options.connect()).await;
        }
        let mut connection = connected?;
        within(CONNECT_TIMEOUT, connection.execute(SESSION)).await?;
        Ok(connection)
    }

    /// The URL as it is now, unless it was read a moment ago.
    async fn read_again(&self) -> Option<Secret> {
        let (again, read_at) = self.again.as_ref()?;
        let mut read_at = read_at.lock().await;
        if read_at.is_some_and(|time| time.elapsed() < BETWEEN_READINGS) {
            return None;
        }
        *read_at = Some(Instant::now());
        tracing::warn!("the store refused the password; its secret is read again");
        match again.read().await {
            Ok(url) => Some(url),
            Err(error) => {
                tracing::warn!(error = error.source().map(ToString::to_string), "the store's secret could not be read");
                None
            }
        }
    }
}

/// How to reach the server behind a `mysql://` URL.
pub(super) fn options(url: &Secret) -> Result<MySqlConnectOptions> {
    let options = MySqlConnectOptions::from_str(url.expose())
        .map_err(Error::internal)?
        // `SESSION` says all of this in one round trip.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false)
        .charset("utf8mb4")
        .statement_cache_capacity(256);
    if url.expose().contains("ssl-mode=") {
        return Ok(options);
    }
    // A loopback server has no certificate that proves anything, if it has one (MySQL takes passwords over TLS alone); anything else proves who it is,
    // unless its URL says otherwise.
    let loopback = matches!(options.get_host(), "127.0.0.1" | "localhost" | "::1");
    Ok(options.ssl_mode(if loopback { MySqlSslMode::Preferred } else { MySqlSslMode::VerifyIdentity }))
}

/// The servers' defaults (50 s of waiting for a lock, no end to a statement, `latin1`) do not suit a function. One statement for all:
/// MySQL and TiDB read the first comment, MariaDB the second.
const SESSION: &str = "SET NAMES utf8mb4, time_zone = '+00:00', innodb_lock_wait_timeout = 3 \
     /*!50720 , transaction_isolation = 'READ-COMMITTED', max_execution_time = 3000 */ \
     /*M!100100 , tx_isolation = 'READ-COMMITTED', max_statement_time = 3 */";

/// The instance's connection, held by one user at a time.
#[derive(Debug)]
pub struct Connection<'a> {
    slot: MutexGuard<'a, Option<Open>>,
}

impl Connection<'_> {
    /// Forgets the connection; the next user opens another.
    pub fn discard(&mut self) {
        *self.slot = None;
    }

    fn open(&mut self) -> &mut Open {
        self.slot.as_mut().unwrap_or_else(|| unreachable!("`acquire` fills the slot, and whoever discards gives the guard up"))
    }
}

impl Deref for Connection<'_> {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        self.slot.as_ref().map_or_else(|| unreachable!("see `open`"), |open| &open.connection)
    }
}

impl DerefMut for Connection<'_> {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        let open = self.open();
        open.used = Instant::now();
        &mut open.connection
    }
}

/// Runs a unit of work in a transaction of a [`Db`], which it sees as `&mut Tx`: what succeeds is committed, what fails is rolled back, and what lost
/// a deadlock, a lock wait, or its connection before it could commit runs again from its beginning. Gives the work's result.
///
/// A macro, because the compiler cannot see that the future of a function that takes such work is `Send`.
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
    connection: Connection<'a>,
    ended: bool,
}

impl Tx<'_> {
    /// Commits what succeeded and rolls back what failed; gives the outcome back.
    pub async fn finish<T>(mut self, outcome: Result<T>) -> Result<T> {
        let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = within(STATEMENT_TIMEOUT, self.connection.execute(end)).await;
        self.ended = ended.is_ok();
        match (outcome, ended) {
            // Whether a commit whose answer was lost took place is not known here, so it must not run again by itself.
            (Ok(_), Err(error)) => Err(Error::Unavailable { retry_after: 1, source: Box::new(Uncertain(error.to_string())) }),
            (outcome, _) => outcome,
        }
    }
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

/// The answer to a commit was lost.
#[derive(Debug)]
struct Uncertain(String);

impl std::fmt::Display for Uncertain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the commit's answer was lost: {}", self.0)
    }
}

impl std::error::Error for Uncertain {}

async fn within<T>(limit: Duration, work: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(late) => {
            note_loss();
            Err(Error::unavailable(late))
        }
    }
}

/// A lost deadlock or lock wait leaves nothing behind; nor does a connection that broke before its commit.
fn may_run_again(error: &Error) -> bool {
    error.source().and_then(|source| source.downcast_ref::<sqlx::Error>()).is_some_and(|error| {
        matches!(code(error), Some(1205 | 1213)) || matches!(error, sqlx::Error::Io(_)) && !is_refused(error)
    })
}

/// Whether the connection, or the server behind it, is gone or too busy to answer.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Too many connections, shutting down, out of memory, lock wait, statement time (both servers), killed; a password refused while it
        // is rotated.
        _ => matches!(code(error), Some(1040 | 1041 | 1045 | 1053 | 1203 | 1205 | 1226 | 1317 | 1927 | 1969 | 3024)),
    }
}

fn is_password_refused(error: &Error) -> bool {
    error.source().and_then(|source| source.downcast_ref::<sqlx::Error>()).is_some_and(|error| code(error) == Some(1045))
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
