//! Handles a closed socket: unregisters it; the user's last one starts the offline grace period. Best effort: API Gateway does not guarantee this
//! event, so entries expire and readers check their age.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::edge::problem;
use shared::edge::socket::{Socket, SocketEvent};
use shared::error::Error;
use shared::push::Push;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

#[derive(Debug)]
pub struct State {
    pub push: Push,
}

/// Unregisters the socket.
pub async fn handle(state: Arc<State>, event: LambdaEvent<SocketEvent>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let request_id = event.payload.request_id();
    let outcome = match Socket::of(&event.payload) {
        Ok(socket) => state.push.unregister(socket.connection.user, &socket.connection.id, Timestamp::now()).await,
        Err(error) => Err(error),
    };
    let code = outcome.as_ref().map_or_else(Error::code, |()| "ok");
    let status = event.payload.close_code().and_then(|code| u16::try_from(code).ok());
    invocation.end(&Outcome { request_id, what: "disconnect", code, status, connection: event.payload.connection_id() });
    if let Err(error) = outcome {
        problem::log(&error, request_id);
    }
    Ok(json!({ "statusCode": 200 }))
}
