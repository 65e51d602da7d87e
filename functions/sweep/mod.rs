//! Scheduled clean-up: deletes unreachable objects, resumes interrupted erasures and, every minute, closes sockets of ended sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::auth::session_closings;
use shared::domain::erasure;
use shared::domain::idempotency;
use shared::domain::people::{contact_limits, name_words};
use shared::domain::sweep;
use shared::edge::problem;
use shared::error::{Error, Result};
use shared::media::Media;
use shared::push::Push;
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

use crate::resources;

#[derive(Debug)]
pub struct State {
    db: Db,
    /// Announces the changes that an erasure causes.
    push: Push,
    media: Media,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self { db: resources::database().await?, push: resources::push()?, media: resources::media()? })
    }
}

/// A run stops before Lambda's timeout; the next one continues.
const RUN_TIME: Duration = Duration::from_secs(45);
/// The share of a run for deleting objects, which leaves time for erasures.
const DELETION_TIME: Duration = Duration::from_secs(25);

/// The share of a run for folding names. Few are left once the release before is gone.
const NAMES_TIME: Duration = Duration::from_secs(5);

/// Runs once. Lambda retries after an error, and the next scheduled run continues in any case. The event of the minutely schedule has `"due":
/// "sessions"` and only closes sockets.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    if event.payload["due"] == "sessions" {
        return close_due_sockets(&state, invocation, &event.context.request_id).await;
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

/// Returns the numbers of deleted uploads and finished erasures. Neither an unavailable object store nor a name that cannot be folded stops erasures.
async fn run(state: &State) -> Result<(usize, usize)> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let removed = sweep::sweep(&state.db, &state.media, now, || started.elapsed() < DELETION_TIME).await;
    idempotency::sweep(&state.db, now).await?;
    contact_limits::sweep(&state.db, now).await?;
    let begun = Instant::now();
    let folded = name_words::update_stale(&state.db, || begun.elapsed() < NAMES_TIME).await;
    // Boxed: the layout of the unboxed future exceeds the compiler's depth limit.
    let erased = Box::pin(erasure::resume_abandoned(&state.db, &state.push, now, started + RUN_TIME)).await;
    folded?;
    Ok((removed?, erased?))
}

/// Closes the sockets of ended sessions that are still open.
async fn close_due_sockets(state: &State, invocation: Invocation, request_id: &str) -> Result<Value, lambda_runtime::Error> {
    let done = session_closings::close_due(&state.db, &state.push, Instant::now() + RUN_TIME).await;
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
