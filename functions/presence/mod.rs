//! Tells who came and who left. Asked by whoever saw a first socket open, or a last one close; waits for the grace of those who left.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::presence;
use shared::edge::problem;
use shared::push::Push;
use shared::push::presence::Look;
use shared::store::Db;
use shared::telemetry::invocation::{End, Invocation};
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The way to the sockets.
    pub push: Push,
    /// How long somebody may be without a socket before they are away.
    pub grace: Duration,
}

/// Looks once. An error has Lambda ask again.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Look>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let served = presence::serve(&state.db, &state.push, event.payload, state.grace, Timestamp::now()).await;
    let code = served.as_ref().map_or_else(shared::error::Error::code, |()| "ok");
    invocation.end(&End { request_id: &event.context.request_id, what: "look", code, status: None, connection: None });
    if let Err(error) = served {
        problem::log(&error, &event.context.request_id);
        return Err(error.into());
    }
    Ok(json!({}))
}
