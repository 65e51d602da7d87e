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
use crate::push::presence_checks::PresenceCheck;
use crate::push::socket_registry::{Connection, LIFE_SECONDS};
use crate::store::session_closings::{self as store, DueUser, EndedSessions, SessionClosing};
use crate::store::{Db, sessions};
use crate::time::Timestamp;

/// Waits before the further attempts of `presence`, in seconds. The sweep of every minute takes over after the last one.
const RETRY_DELAYS: &[u64] = &[1, 2, 4, 8, 16, 32];
/// The sweep schedules what ends within this time, which its next run would find too late.
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
            tracing::warn!(error = error.causes(), "sockets of an ended session could not be closed");
            true
        }
    };
    if left {
        push.request_close(user, now).await;
    }
}

/// Closes a user's sockets from `presence`, or schedules the next attempt.
pub async fn close_or_retry(db: &Db, push: &Push, user: UserId, attempt: u32, now: Timestamp) -> Result<()> {
    let left = close_pending(db, push, user, now).await.unwrap_or_else(|error| {
        tracing::warn!(error = error.causes(), "sockets of an ended session stay");
        true
    });
    if !left {
        return Ok(());
    }
    let Some(delay) = usize::try_from(attempt).ok().and_then(|attempt| RETRY_DELAYS.get(attempt)) else {
        tracing::warn!(user.id = user.0, "sockets of an ended session are left to the sweep");
        return Ok(());
    };
    let next = PresenceCheck::Ended { user_id: user.0, attempt: attempt + 1 };
    push.schedule_check(next, Duration::from_secs(*delay), now).await
}

/// Closes what is due until the time is over, and schedules what ends before the next run. Returns the number of users whose sockets stay open.
pub async fn close_due(db: &Db, push: &Push, end: Instant) -> Result<usize> {
    let (mut remaining, mut after) = (0, UserId(0));
    loop {
        let now = Timestamp::now();
        let page = store::list_due(&mut *db.acquire().await?, now.plus_seconds(LOOKAHEAD_SECONDS), after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(remaining) };
        after = last.user;
        let (due, ahead): (Vec<_>, Vec<_>) = page.into_iter().partition(|due| due.at <= now);
        // Boxed: there are many futures.
        let closing = due.iter().map(|due| Box::pin(close_pending(db, push, due.user, now)));
        let outcomes: Vec<_> = stream::iter(closing).buffer_unordered(CONCURRENCY).collect().await;
        for outcome in outcomes {
            remaining += usize::from(outcome.unwrap_or_else(|error| {
                tracing::warn!(error = error.causes(), "sockets of an ended session stay");
                true
            }));
        }
        let scheduling = ahead.iter().map(|due| Box::pin(schedule_closing(push, due, now)));
        let scheduled: Vec<_> = stream::iter(scheduling).buffer_unordered(CONCURRENCY).collect().await;
        for error in scheduled.into_iter().filter_map(Result::err) {
            // The next run finds the session again.
            tracing::warn!(error = error.causes(), "the end of a session was not scheduled");
        }
        if Instant::now() >= end {
            return Ok(remaining);
        }
    }
}

async fn schedule_closing(push: &Push, due: &DueUser, now: Timestamp) -> Result<()> {
    let delay = Duration::from_millis(u64::try_from(due.at.since(now)).unwrap_or_default());
    push.schedule_check(PresenceCheck::Ended { user_id: due.user.0, attempt: 0 }, delay, now).await
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
