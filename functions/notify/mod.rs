//! Tells devices of messages while their people are away. Asked by whoever sends; the only function that calls hosts which people name.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::domain::notifications;
use shared::edge::problem;
use shared::push::Push;
use shared::push::notify::Asked;
use shared::push::web::WebPush;
use shared::store::Db;
use shared::telemetry::invocation::{End, Invocation};
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// Who is there, and whose turn it is.
    pub push: Push,
    /// The way to devices.
    pub web: WebPush,
    /// Of one room nobody is told more often.
    pub pause: Duration,
}

/// Tells of one message. An error has Lambda ask again.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Asked>) -> Result<Value, lambda_runtime::Error> {
    let asked = (&event.payload, state.pause);
    let invocation = Invocation::begin();
    let served = notifications::serve(&state.db, &state.push, &state.web, asked, Timestamp::now()).await;
    let code = served.as_ref().map_or_else(shared::error::Error::code, |_| "ok");
    invocation.end(&End { request_id: &event.context.request_id, what: "notify", code, status: None, connection: None });
    match served {
        Ok(told) => Ok(json!({ "told": told })),
        Err(error) => {
            problem::log(&error, &event.context.request_id);
            Err(error.into())
        }
    }
}
