//! A socket has closed: it leaves the registry, and with a person's last one begins the grace after which they are told to be away. Best effort:
//! API Gateway does not promise this event; entries die by themselves, and readers see that.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::edge::problem;
use shared::edge::socket::{Event, Socket};
use shared::error::Error;
use shared::push::Push;
use shared::telemetry::invocation::{End, Invocation};
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The way to the sockets.
    pub push: Push,
}

/// Forgets the socket.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Event>) -> Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let request_id = event.payload.request_id();
    let outcome = match Socket::of(&event.payload) {
        Ok(socket) => state.push.forget(socket.connection.user, &socket.connection.id, Timestamp::now()).await,
        Err(error) => Err(error),
    };
    let code = outcome.as_ref().map_or_else(Error::code, |()| "ok");
    let status = event.payload.close_code().and_then(|code| u16::try_from(code).ok());
    invocation.end(&End { request_id, what: "disconnect", code, status, connection: event.payload.connection_id() });
    if let Err(error) = outcome {
        problem::log(&error, request_id);
    }
    Ok(json!({ "statusCode": 200 }))
}
