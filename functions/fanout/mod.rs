//! Frames for large audiences: one invocation serves one shard of connections. At least once: a retry posts again, and receivers drop doubles.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::error::Error;
use shared::push::Push;
use shared::push::audience::Shard;
use shared::telemetry::invocation::{End, Invocation};
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The way to the sockets.
    pub push: Push,
}

/// Serves one shard.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Shard>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let connections = event.payload.to.len();
    let delivered = state.push.deliver(event.payload, Timestamp::now()).await;
    let code = delivered.as_ref().map_or_else(Error::code, |()| "ok");
    invocation.end(&End { request_id: &event.context.request_id, what: "shard", code, status: None, connection: None });
    delivered?;
    Ok(json!({ "connections": connections }))
}
