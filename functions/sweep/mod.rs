//! Removes bytes that nobody may see any more, by the clock. Whoever invokes it, with whatever event, gets the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::sweeping;
use shared::edge::problem;
use shared::media::Media;
use shared::store::Db;
use shared::telemetry::invocation::{End, Invocation};
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The way to the bytes.
    pub media: Media,
}

/// One run ends before Lambda ends it; the next one goes on.
const RUN: Duration = Duration::from_secs(45);

/// Runs once. An error has Lambda try again, and the next run by the clock does in any case.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let started = Instant::now();
    let invocation = Invocation::begin();
    let swept = sweeping::sweep(&state.db, &state.media, Timestamp::now(), || started.elapsed() < RUN).await;
    let code = swept.as_ref().map_or_else(shared::error::Error::code, |_| "ok");
    invocation.end(&End { request_id: &event.context.request_id, what: "sweep", code, status: None, connection: None });
    match swept {
        Ok(removed) => {
            tracing::info!(removed, "sweep");
            Ok(json!({ "removed": removed }))
        }
        Err(error) => {
            problem::log(&error, &event.context.request_id);
            Err(error.into())
        }
    }
}
