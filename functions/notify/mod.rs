//! Sends push notifications to devices of users who are away. Invoked by senders; the only function that calls hosts chosen by users.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::notifications::Notifier;
use shared::edge::problem;
use shared::error::{Error, Result};
use shared::push::Push;
use shared::push::notify::NotifyRequest;
use shared::push::web::WebPush;
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

use crate::resources;

#[derive(Debug)]
pub struct State {
    db: Db,
    /// Presence and notification leases.
    push: Push,
    /// Sends Web Push messages.
    web: WebPush,
    /// Minimum interval between notifications per user and room.
    pause: Duration,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        let (web, pause) = resources::web_push().await?;
        Ok(Self { db: resources::database().await?, push: resources::push()?, web, pause })
    }
}

/// Notifies of one message. Lambda retries after an error.
pub async fn handle(state: Arc<State>, event: LambdaEvent<NotifyRequest>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let State { db, push, web, pause } = &*state;
    let notifier = Notifier { db, push, web, pause: *pause };
    let outcome = notifier.serve(&event.payload, Timestamp::now()).await;
    let code = outcome.as_ref().map_or_else(Error::code, |_| "ok");
    invocation.end(&Outcome { request_id: &event.context.request_id, what: "notify", code, status: None, connection: None });
    match outcome {
        Ok(count) => Ok(json!({ "told": count })),
        Err(error) => {
            problem::log(&error, &event.context.request_id);
            Err(error.into())
        }
    }
}
