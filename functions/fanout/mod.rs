//! Delivers frames to large audiences: one invocation serves one shard of connections. At least once: retries post again, and clients drop
//! duplicates.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::fanout;
use shared::edge::problem;
use shared::error::Error;
use shared::push::Push;
use shared::push::shards::Shard;
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

#[derive(Debug)]
pub struct State {
    /// Shards contain references; the content comes from the store.
    pub db: Db,
    pub push: Push,
}

/// Serves one shard. Lambda retries after an error.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Shard>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let connections = event.payload.to.len();
    // Boxed because the future is large.
    let delivered = Box::pin(fanout::serve(&state.db, &state.push, event.payload, Timestamp::now())).await;
    let code = delivered.as_ref().map_or_else(Error::code, |()| "ok");
    invocation.end(&Outcome { request_id: &event.context.request_id, what: "shard", code, status: None, connection: None });
    if let Err(error) = delivered {
        problem::log(&error, &event.context.request_id);
        return Err(error.into());
    }
    Ok(json!({ "connections": connections }))
}
