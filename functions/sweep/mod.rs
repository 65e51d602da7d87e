//! What is due and nobody waits for, by the clock: bytes that nobody may see any more are removed, and erasures that were cut off go on; each minute,
//! sockets of ended sessions are closed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::{endings, erasure, idempotency, reach, sweeping};
use shared::edge::problem;
use shared::error::{Error, Result};
use shared::media::Media;
use shared::push::Push;
use shared::store::Db;
use shared::telemetry::invocation::{End, Invocation};
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The way to the sockets: others hear of what erasing changes.
    pub push: Push,
    /// The way to the bytes.
    pub media: Media,
}

/// One run ends before Lambda ends it; the next one goes on.
const RUN: Duration = Duration::from_secs(45);
/// So much of it may go to bytes, so that there is always time for erasures.
const BYTES: Duration = Duration::from_secs(25);

/// Runs once. An error has Lambda try again, and the next run by the clock does in any case. The clock of every minute asks for what is `"due"` of
/// `"sessions"` alone.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    if event.payload["due"] == "sessions" {
        return minute(&state, invocation, &event.context.request_id).await;
    }
    let done = run(&state).await;
    let code = done.as_ref().map_or_else(Error::code, |_| "ok");
    invocation.end(&End { request_id: &event.context.request_id, what: "sweep", code, status: None, connection: None });
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

/// How many uploads were removed and how many erasures finished. An object store that does not answer stands in the way of no erasure.
async fn run(state: &State) -> Result<(usize, usize)> {
    let (started, now) = (Instant::now(), Timestamp::now());
    let removed = sweeping::sweep(&state.db, &state.media, now, || started.elapsed() < BYTES).await;
    idempotency::sweep(&state.db, now).await?;
    reach::sweep(&state.db, now).await?;
    // Boxed, or the layout of all that erasing does would pass the compiler's limit of depth.
    let erased = Box::pin(erasure::go_on(&state.db, &state.push, now, started + RUN)).await;
    Ok((removed?, erased?))
}

/// Closes the sockets of sessions that have ended where that did not succeed at once.
async fn minute(state: &State, invocation: Invocation, request_id: &str) -> Result<Value, lambda_runtime::Error> {
    let done = endings::watch(&state.db, &state.push, Instant::now() + RUN).await;
    let code = done.as_ref().map_or_else(Error::code, |_| "ok");
    invocation.end(&End { request_id, what: "endings", code, status: None, connection: None });
    match done {
        Ok(left) => {
            if left > 0 {
                tracing::warn!(left, "people have open sockets of ended sessions");
            }
            Ok(json!({ "left": left }))
        }
        Err(error) => {
            problem::log(&error, request_id);
            Err(error.into())
        }
    }
}
