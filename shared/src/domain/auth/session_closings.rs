//! Closes the sockets of ended sessions: immediately by the request that ends them, then by `presence` with retries, then by the sweep. Until
//! then these sockets get no frames.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::session_end_cause::Cause;
use crate::push::Push;
use crate::push::socket_registry::{Connection, LIFE_SECONDS};
use crate::store::session_closings::{self as store, EndedSessions, SessionClosing};
use crate::store::{Db, sessions};
use crate::time::Timestamp;

/// Waits between the retries of `presence`, in milliseconds. The sweep takes over after the last one.
const RETRY_WAITS_MS: &[u64] = &[500, 1000, 2000, 4000, 8000];
/// Wait between rounds of the sweep while sockets remain, in milliseconds.
const SWEEP_RETRY_MS: u64 = 3000;
/// The sweep waits for session ends up to this far ahead instead of leaving them to its next run.
const LOOKAHEAD_SECONDS: i64 = 60;
/// Users processed concurrently.
const CONCURRENCY: usize = 20;
/// Users read per statement.
const PAGE_SIZE: u32 = 500;

/// Closes the sockets of ended sessions, or delegates it. The sessions have ended already, so failures are only logged.
pub async fn close(db: &Db, push: &Push, ended: EndedSessions, now: Timestamp) {
    close_all(db, push, ended.user(), now).await;
}

/// The same for every ended session of a user.
pub async fn close_all(db: &Db, push: &Push, user: UserId, now: Timestamp) {
    let left = match close_pending(db, push, user, now).await {
        Ok(left) => left,
        Err(error) => {
            tracing::warn!(error = error.source().map(ToString::to_string), "sockets of an ended session could not be closed");
            true
        }
    };
    if left {
        push.request_close(user, now).await;
    }
}

/// Retries closing a user's sockets from `presence`. Returns whether all are closed.
pub async fn close_with_retries(db: &Db, push: &Push, user: UserId) -> Result<bool> {
    for wait in RETRY_WAITS_MS {
        match close_pending(db, push, user, Timestamp::now()).await {
            Ok(false) => return Ok(true),
            Ok(true) => {}
            Err(error) => tracing::warn!(error = error.source().map(ToString::to_string), "sockets of an ended session stay"),
        }
        tokio::time::sleep(Duration::from_millis(*wait)).await;
    }
    close_pending(db, push, user, Timestamp::now()).await.map(|left| !left)
}

/// Closes what is due, in rounds, until nothing remains or the time is over. Returns the number of users left.
pub async fn close_due(db: &Db, push: &Push, end: Instant) -> Result<usize> {
    loop {
        let round = close_round(db, push).await?;
        let wait = match (round.remaining, round.next) {
            (0, None) => return Ok(0),
            (0, Some(next)) => next.since(Timestamp::now()).max(0).unsigned_abs(),
            _ => SWEEP_RETRY_MS,
        };
        let wait = Duration::from_millis(wait);
        if Instant::now() + wait >= end {
            return Ok(round.remaining);
        }
        tokio::time::sleep(wait).await;
    }
}

/// Result of one round of the sweep.
#[derive(Clone, Copy, Debug, Default)]
struct RoundResult {
    /// Users with sockets that could not be closed.
    remaining: usize,
    /// The next session end ahead.
    next: Option<Timestamp>,
}

async fn close_round(db: &Db, push: &Push) -> Result<RoundResult> {
    let (mut round, mut after) = (RoundResult::default(), UserId(0));
    loop {
        let now = Timestamp::now();
        let page = store::list_due(&mut *db.acquire().await?, now.plus_seconds(LOOKAHEAD_SECONDS), after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(round) };
        after = last.user;
        let (due, ahead): (Vec<_>, Vec<_>) = page.into_iter().partition(|due| due.at <= now);
        round.next = ahead.into_iter().map(|due| due.at).chain(round.next).min();
        // Boxed: there are many futures.
        let working = due.iter().map(|due| Box::pin(close_pending(db, push, due.user, now)));
        let outcomes: Vec<_> = stream::iter(working).buffer_unordered(CONCURRENCY).collect().await;
        for outcome in outcomes {
            round.remaining += usize::from(outcome.unwrap_or_else(|error| {
                tracing::warn!(error = error.source().map(ToString::to_string), "sockets of an ended session stay");
                true
            }));
        }
    }
}

/// Closes the pending sockets of a user. Returns whether any remain.
async fn close_pending(db: &Db, push: &Push, user: UserId, now: Timestamp) -> Result<bool> {
    let pending = store::pending(&mut *db.acquire().await?, user, now).await?;
    // No socket lives this long, so nothing is left to close.
    let (old, young): (Vec<_>, Vec<_>) =
        pending.into_iter().partition(|closing: &SessionClosing| now.since(closing.at) >= LIFE_SECONDS * 1000);
    let mut closed: Vec<_> = old.into_iter().map(|closing| closing.session).collect();
    let closing = if young.is_empty() { Ok(Vec::new()) } else { push.close_sessions(user, &young, now).await };
    let left = closing.as_ref().map_or(true, |done| done.len() < young.len());
    closed.extend(closing.as_deref().unwrap_or_default());
    if !closed.is_empty() {
        store::delete(&mut *db.acquire().await?, &closed).await?;
    }
    closing.map(|_| left)
}

/// Checks the session after a socket was registered. Returns an error if the session ended in between, because its sockets were closed before
/// this one was known. Schedules the closing if the session expires within the socket's lifetime.
pub async fn check_opened(db: &Db, connection: &Connection, now: Timestamp) -> Result<()> {
    let Connection { user, session, .. } = *connection;
    let mut handle = db.acquire().await?;
    let ends_at = sessions::expires_at(&mut handle, session, user, now).await?;
    let ends_at = ends_at.ok_or(Error::Unauthenticated(crate::domain::auth::sessions::ENDED))?;
    if ends_at <= connection.connected_at.plus_seconds(LIFE_SECONDS) {
        store::schedule_expiry(&mut handle, user, session, ends_at).await?;
    }
    Ok(())
}

/// Returns the `bye` frame with the cause of the session's end.
pub async fn bye_frame(db: &Db, session: SessionId) -> Result<Frame> {
    let cause = store::cause(&mut *db.acquire().await?, session).await?;
    Ok(cause.unwrap_or(Cause::Expired).bye())
}
