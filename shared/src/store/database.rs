//! One connection per instance, opened on first use and reopened after a failure.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlSslMode};
use sqlx::{ConnectOptions, Connection as _, Executor};
use tokio::sync::{Mutex, MutexGuard};

use crate::config::{Secret, SecretReader};
use crate::error::{Error, Result};
use crate::store::server_identity;
use crate::telemetry::invocation;

/// Longest wait for a new connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for the answer to one statement. The session's settings abort a statement after 3 s.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);
/// An instance may have been frozen for hours: after this idle time a ping checks the connection before use.
const IDLE_BEFORE_PROBE: Duration = Duration::from_secs(5);
/// Minimum interval between two reads of the store's secret.
const SECRET_READ_INTERVAL: Duration = Duration::from_secs(5);
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

pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(late) => {
            LOSSES.fetch_add(1, Ordering::Relaxed);
            Err(Error::unavailable(late))
        }
    }
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

fn is_password_refused(error: &Error) -> bool {
    error.cause::<sqlx::Error>().is_some_and(|error| code(error) == Some(1045))
}

pub(super) fn is_refused(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused)
}

pub(super) fn code(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|database| database.try_downcast_ref::<MySqlDatabaseError>())
        .map(MySqlDatabaseError::number)
}
