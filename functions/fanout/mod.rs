//! Frames for large audiences: one invocation serves one shard of connections. At least once: a retry posts again, and receivers drop doubles.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::handover;
use shared::edge::problem;
use shared::error::Error;
use shared::push::Push;
use shared::push::shards::Shard;
use shared::store::Db;
use shared::telemetry::invocation::{End, Invocation};
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The store: shards say where something stands, not what.
    pub db: Db,
    /// The way to the sockets.
    pub push: Push,
}

/// Serves one shard. An error has Lambda ask again.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Shard>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let connections = event.payload.to.len();
    // Boxed: what it may tell is much.
    let delivered = Box::pin(handover::serve(&state.db, &state.push, event.payload, Timestamp::now())).await;
    let code = delivered.as_ref().map_or_else(Error::code, |()| "ok");
    invocation.end(&End { request_id: &event.context.request_id, what: "shard", code, status: None, connection: None });
    if let Err(error) = delivered {
        problem::log(&error, &event.context.request_id);
        return Err(error.into());
    }
    Ok(json!({ "connections": connections }))
}
