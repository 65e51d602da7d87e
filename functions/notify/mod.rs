//! Sends push notifications to devices of users who are away. Invoked by senders; the only function that calls hosts chosen by users.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::notifications;
use shared::edge::problem;
use shared::push::Push;
use shared::push::notify::NotifyRequest;
use shared::push::web::WebPush;
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

#[derive(Debug)]
pub struct State {
    pub db: Db,
    /// Presence and notification leases.
    pub push: Push,
    /// Sends Web Push messages.
    pub web: WebPush,
    /// Minimum interval between notifications per user and room.
    pub pause: Duration,
}

/// Notifies of one message. Lambda retries after an error.
pub async fn handle(state: Arc<State>, event: LambdaEvent<NotifyRequest>) -> Result<Value, lambda_runtime::Error> {
    let request = (&event.payload, state.pause);
    let invocation = Invocation::begin();
    let served = notifications::serve(&state.db, &state.push, &state.web, request, Timestamp::now()).await;
    let code = served.as_ref().map_or_else(shared::error::Error::code, |_| "ok");
    invocation.end(&Outcome { request_id: &event.context.request_id, what: "notify", code, status: None, connection: None });
    match served {
        Ok(notified) => Ok(json!({ "told": notified })),
        Err(error) => {
            problem::log(&error, &event.context.request_id);
            Err(error.into())
        }
    }
}
