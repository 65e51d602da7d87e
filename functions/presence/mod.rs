//! Announces users who come online or go offline. Its queue delivers a check after a first socket opened, and after the grace period when a last one
//! closed.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use shared::domain::people::presence;
use shared::edge::queue_events::{self, QueueWork};
use shared::error::Result;
use shared::push::Push;
use shared::store::Db;
use shared::time::Timestamp;

use crate::resources;

#[derive(Debug)]
pub struct State {
    db: Db,
    push: Push,
    /// How long a user without a socket stays online.
    grace: Duration,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self { db: resources::database().await?, push: resources::push()?, grace: resources::presence_grace()? })
    }
}

/// A check compares with the present, so its age does not matter.
pub const WORK: QueueWork = QueueWork { what: "look", max_age: None };

/// Runs the checks of a batch.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let State { db, push, grace } = &*state;
    let serve = |check| presence::serve(db, push, check, *grace, Timestamp::now());
    queue_events::handle(event, WORK, serve).await
}
