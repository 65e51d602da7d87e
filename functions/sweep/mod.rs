//! Scheduled clean-up: deletes unreachable objects, resumes interrupted erasures and, every minute, closes sockets of ended sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::auth::session_closings;
use shared::domain::erasure;
use shared::domain::idempotency;
use shared::domain::people::contact_limits;
use shared::domain::sweep;
use shared::edge::problem;
use shared::error::{Error, Result};
use shared::media::Media;
use shared::push::Push;
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

#[derive(Debug)]
pub struct State {
    pub db: Db,
    /// Announces the changes that an erasure causes.
    pub push: Push,
    pub media: Media,
}

/// A run stops before Lambda's timeout; the next one continues.
const RUN: Duration = Duration::from_secs(45);
/// The share of a run for deleting objects, which leaves time for erasures.
const BYTES: Duration = Duration::from_secs(25);

/// Runs once. Lambda retries after an error, and the next scheduled run continues in any case. The event of the minutely schedule has `"due":
/// "sessions"` and only closes sockets.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    if event.payload["due"] == "sessions" {
        return minute(&state, invocation, &event.context.request_id).await;
    }
    let done = run(&state).await;
    let code = done.as_ref().map_or_else(Error::code, |_| "ok");
    invocation.end(&Outcome { request_id: &event.context.request_id, what: "sweep", code, status: None, connection: None });
    match done {
        Ok((removed, erased)) => {
            tracing::info!(removed, erased, "sweep");
            Ok(json!({ "removed": removed, "erased": erased }))
        }
        Err(error) => {
            problem::log(&error, &event.context.request_id);
            Err(error.into())
        }
    }
}

/// Returns the numbers of deleted uploads and finished erasures. An unavailable object store does not stop erasures.
async fn run(state: &State) -> Result<(usize, usize)> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let removed = sweep::sweep(&state.db, &state.media, now, || started.elapsed() < BYTES).await;
    idempotency::sweep(&state.db, now).await?;
    contact_limits::sweep(&state.db, now).await?;
    // Boxed: the layout of the unboxed future exceeds the compiler's depth limit.
    let erased = Box::pin(erasure::resume_abandoned(&state.db, &state.push, now, started + RUN)).await;
    Ok((removed?, erased?))
}

/// Closes the sockets of ended sessions that are still open.
async fn minute(state: &State, invocation: Invocation, request_id: &str) -> Result<Value, lambda_runtime::Error> {
    let done = session_closings::close_due(&state.db, &state.push, Instant::now() + RUN).await;
    let code = done.as_ref().map_or_else(Error::code, |_| "ok");
    invocation.end(&Outcome { request_id, what: "endings", code, status: None, connection: None });
    match done {
        Ok(left) => {
            if left > 0 {
                tracing::warn!(left, "users have open sockets of ended sessions");
            }
            Ok(json!({ "left": left }))
        }
        Err(error) => {
            problem::log(&error, request_id);
            Err(error.into())
        }
    }
}
