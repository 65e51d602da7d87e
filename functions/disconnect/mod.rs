//! A socket has closed: it leaves the registry. Best effort: API Gateway does not promise this event, and entries die by themselves.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::edge::problem;
use shared::edge::socket::{Event, Socket};
use shared::push::Push;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The way to the sockets.
    pub push: Push,
}

/// Forgets the socket.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Event>) -> Result<Value, lambda_runtime::Error> {
    let (request_id, code) = (event.payload.request_id(), event.payload.close_code());
    let outcome = match Socket::of(&event.payload) {
        Ok(socket) => state.push.forget(socket.connection.user, &socket.connection.id).await,
        Err(error) => Err(error),
    };
    tracing::info!(request_id, code, "disconnect");
    if let Err(error) = outcome {
        problem::log(&error, request_id);
    }
    Ok(json!({ "statusCode": 200 }))
}
