//! Transactions. [`Tx::finish`] and [`Tx::commit_with`] end one exactly once.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Either, Executor, FromRow};

use crate::error::{Error, Result};
use crate::store::database::{Db, DbConnection, STATEMENT_TIMEOUT, code, is_refused, within};
use crate::store::inline_sql::InlineSql;
use crate::store::server_identity;
use crate::telemetry::invocation::{self, Count};

/// Most runs of a transaction that fails with a deadlock, a lock wait timeout, or a lost connection.
const ATTEMPTS: u32 = 4;

impl Db {
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

/// Deadlocks, lock wait timeouts and connections lost before the commit leave nothing behind.
fn is_retryable(error: &Error) -> bool {
    server_identity::refused_certificate(error).is_none()
        && error.cause::<sqlx::Error>().is_some_and(|error| {
            matches!(code(error), Some(1205 | 1213)) || matches!(error, sqlx::Error::Io(_)) && !is_refused(error)
        })
}

/// Whether the server answered with an error, so that the connection is at the end of an answer.
fn is_refusal(error: &Error) -> bool {
    error.cause::<sqlx::Error>().is_some_and(|error| error.as_database_error().is_some())
}
