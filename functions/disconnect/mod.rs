//! A socket has closed: it leaves the registry. Best effort: API Gateway does not promise this event, and entries die by themselves.

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::edge::{problem, socket::Socket};
use shared::push::Push;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The way to the sockets.
    pub push: Push,
}

/// Forgets the socket.
pub async fn handle(
    state: Arc<State>,
    event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
) -> Result<Value, lambda_runtime::Error> {
    let context = &event.payload.request_context;
    let request_id = context.request_id.clone().unwrap_or_default();
    let code = context.disconnect_status_code;
    let outcome = match Socket::of(&event.payload) {
        Ok(socket) => state.push.forget(socket.connection.user, &socket.connection.id).await,
        Err(error) => Err(error),
    };
    tracing::info!(request_id, code, "disconnect");
    if let Err(error) = outcome {
        problem::log(&error, &request_id);
    }
    Ok(json!({ "statusCode": 200 }))
}
