//! What follows when sessions have ended: their sockets are closed. At once by whoever ended them; when that does not succeed, a moment later by
//! `presence`, and then by the clock. Until then nothing is told to these sockets.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::protocol::endings::Cause;
use crate::protocol::frames::Frame;
use crate::push::Push;
use crate::push::registry::{Connection, LIFE_SECONDS};
use crate::store::endings::{self as store, Closing, Ended};
use crate::store::{Db, sessions};
use crate::time::Timestamp;

/// Who was asked to close sockets tries again after these waits, in milliseconds. The clock goes on after that.
const AGAIN_AFTER: &[u64] = &[500, 1000, 2000, 4000, 8000];
/// The clock tries again after so many milliseconds, while there is something left.
const CLOCK_AGAIN_AFTER: u64 = 3000;
/// The clock waits for ends that lie so far ahead at most, rather than leave them to its next run.
const AHEAD_SECONDS: i64 = 60;
/// People who are served at once.
const AT_ONCE: usize = 20;
/// People who are looked up at once.
const PAGE: u32 = 500;

/// Closes the sockets of sessions that have ended, or has it done. The end is a fact by now, so nothing is refused on account of this.
pub async fn close(db: &Db, push: &Push, ended: Ended, now: Timestamp) {
    close_all(db, push, ended.user(), now).await;
}

/// The same for whatever of a person's has ended before.
pub async fn close_all(db: &Db, push: &Push, user: UserId, now: Timestamp) {
    let left = match work_off(db, push, user, now).await {
        Ok(left) => left,
        Err(error) => {
            tracing::warn!(error = error.source().map(ToString::to_string), "sockets of an ended session could not be closed");
            true
        }
    };
    if left {
        push.ask_to_close(user, now).await;
    }
}

/// What `presence` does when it is asked: tries for a while. Whether it succeeded.
pub async fn insist(db: &Db, push: &Push, user: UserId) -> Result<bool> {
    for wait in AGAIN_AFTER {
        match work_off(db, push, user, Timestamp::now()).await {
            Ok(false) => return Ok(true),
            Ok(true) => {}
            Err(error) => tracing::warn!(error = error.source().map(ToString::to_string), "sockets of an ended session stay"),
        }
        tokio::time::sleep(Duration::from_millis(*wait)).await;
    }
    work_off(db, push, user, Timestamp::now()).await.map(|left| !left)
}

/// What the clock does: closes whatever is due, again and again until nothing is, or the time is over. Gives how many people are left.
pub async fn watch(db: &Db, push: &Push, end: Instant) -> Result<usize> {
    loop {
        let round = round(db, push).await?;
        let wait = match (round.left, round.next) {
            (0, None) => return Ok(0),
            (0, Some(next)) => next.since(Timestamp::now()).max(0).unsigned_abs(),
            _ => CLOCK_AGAIN_AFTER,
        };
        let wait = Duration::from_millis(wait);
        if Instant::now() + wait >= end {
            return Ok(round.left);
        }
        tokio::time::sleep(wait).await;
    }
}

/// What one round of the clock found.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    /// People whose sockets could not be closed.
    left: usize,
    /// The next end that lies ahead.
    next: Option<Timestamp>,
}

async fn round(db: &Db, push: &Push) -> Result<Round> {
    let (mut round, mut after) = (Round::default(), UserId(0));
    loop {
        let now = Timestamp::now();
        let page = store::due(&mut *db.acquire().await?, now.plus_seconds(AHEAD_SECONDS), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(round) };
        after = last.user;
        let (due, ahead): (Vec<_>, Vec<_>) = page.into_iter().partition(|due| due.at <= now);
        round.next = ahead.into_iter().map(|due| due.at).chain(round.next).min();
        // Boxed: the futures are many.
        let working = due.iter().map(|due| Box::pin(work_off(db, push, due.user, now)));
        let outcomes: Vec<_> = stream::iter(working).buffer_unordered(AT_ONCE).collect().await;
        for outcome in outcomes {
            round.left += usize::from(outcome.unwrap_or_else(|error| {
                tracing::warn!(error = error.source().map(ToString::to_string), "sockets of an ended session stay");
                true
            }));
        }
    }
}

/// Closes what is to be closed of one person. Whether something is left.
async fn work_off(db: &Db, push: &Push, user: UserId, now: Timestamp) -> Result<bool> {
    let pending = store::pending(&mut *db.acquire().await?, user, now).await?;
    // No socket lives as long as that.
    let (old, young): (Vec<_>, Vec<_>) =
        pending.into_iter().partition(|closing: &Closing| now.since(closing.at) >= LIFE_SECONDS * 1000);
    let mut closed: Vec<_> = old.into_iter().map(|closing| closing.session).collect();
    let closing = if young.is_empty() { Ok(Vec::new()) } else { push.close_sessions(user, &young, now).await };
    let left = closing.as_ref().map_or(true, |done| done.len() < young.len());
    closed.extend(closing.as_deref().unwrap_or_default());
    if !closed.is_empty() {
        store::closed(&mut *db.acquire().await?, &closed).await?;
    }
    closing.map(|_| left)
}

/// A socket was registered for a session. Refused when that has ended meanwhile: whoever ended it closed the sockets that were known by then. An end
/// by time that the socket could live to see is noted beforehand.
pub async fn opened(db: &Db, connection: &Connection, now: Timestamp) -> Result<()> {
    let Connection { user, session, .. } = *connection;
    let mut handle = db.acquire().await?;
    let ends_at = sessions::ends_at(&mut handle, session, user, now).await?;
    let ends_at = ends_at.ok_or(Error::Unauthenticated(super::sessions::ENDED))?;
    if ends_at <= connection.connected_at.plus_seconds(LIFE_SECONDS) {
        store::foresee(&mut handle, user, session, ends_at).await?;
    }
    Ok(())
}

/// What the sockets of a session hear that turned out to have ended.
pub async fn bye(db: &Db, session: SessionId) -> Result<Frame> {
    let cause = store::cause(&mut *db.acquire().await?, session).await?;
    Ok(cause.unwrap_or(Cause::Expired).bye())
}
