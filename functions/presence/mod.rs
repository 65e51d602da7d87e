//! Announces users who come online or go offline. Invoked after a first socket opened or a last one closed; waits for the grace period before
//! announcing offline users.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::people::presence;
use shared::edge::problem;
use shared::error::{Error, Result};
use shared::push::Push;
use shared::push::presence_checks::PresenceCheck;
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
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

/// Runs one check. Lambda retries after an error.
pub async fn handle(state: Arc<State>, event: LambdaEvent<PresenceCheck>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let served = presence::serve(&state.db, &state.push, event.payload, state.grace, Timestamp::now()).await;
    let code = served.as_ref().map_or_else(Error::code, |()| "ok");
    invocation.end(&Outcome { request_id: &event.context.request_id, what: "look", code, status: None, connection: None });
    if let Err(error) = served {
        problem::log(&error, &event.context.request_id);
        return Err(error.into());
    }
    Ok(json!({}))
}
