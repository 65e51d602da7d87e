//! Delivers frames to large audiences in shards of connections. Senders invoke it directly with a shard; what has to wait comes through a queue. At
//! least once: retries post again, and clients drop duplicates.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use shared::domain::fanout;
use shared::edge::queue_events::{self, QueueWork};
use shared::error::Result;
use shared::push::Push;
use shared::push::shards::Shard;
use shared::store::Db;
use shared::time::Timestamp;

use crate::resources;

#[derive(Debug)]
pub struct State {
    /// Shards contain references; the content comes from the store.
    db: Db,
    push: Push,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self { db: resources::database().await?, push: resources::push()? })
    }
}

/// A push is a hint: clients find the message by its seq.
pub const WORK: QueueWork = QueueWork { what: "shard", max_age: Some(Duration::from_mins(20)) };

/// Serves one shard of an asynchronous invocation, which Lambda retries after an error, or those of a batch of the queue.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let State { db, push } = &*state;
    let serve = |shard: Shard| fanout::serve(db, push, shard, Timestamp::now());
    queue_events::handle(event, WORK, serve).await
}
