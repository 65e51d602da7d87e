//! Handles messages of clients: selects the route, invokes the function and sends the gateway's responses. Messages of one socket run concurrently.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::connections::Connection;
use super::http_response::status;
use super::ids;
use super::outbox::PushResult;
use super::shared::{Counters, Shared};
use super::websocket_event::message_event;

/// Handles one message in its own task.
pub(super) fn receive(shared: &Arc<Shared>, connection: &Arc<Connection>, text: Utf8Bytes) {
    Counters::add(&shared.counters.messages);
    let (owned, connection) = (Arc::clone(shared), Arc::clone(connection));
    shared.spawn(async move { handle(&owned, &connection, &text).await });
}

async fn handle(shared: &Shared, connection: &Connection, text: &str) {
    let Some((key, route)) = connection.endpoint.selection.route(&connection.endpoint.routes, text) else {
        return notice(shared, connection, "Forbidden", &ids::request_id());
    };
    let (event, request_id) = message_event(connection, key, text);
    let timeout = Duration::from_millis(route.integration_timeout_ms.into());
    match shared.backend.call(&route.function, event, timeout).await {
        Err(failure) => {
            failure.log(&route.function, key);
            notice(shared, connection, "Internal server error", &request_id);
        }
        Ok(result) if route.responds => {
            if let Some(body) = body(&result) {
                send(shared, connection, body);
            }
        }
        // Without a route response, nothing is sent back, whatever the status.
        Ok(_) => {}
    }
}

/// The `body` of a successful result.
fn body(result: &[u8]) -> Option<String> {
    let result: Value = serde_json::from_slice(result).ok()?;
    status(result.get("statusCode")?).filter(http::StatusCode::is_success)?;
    result.get("body")?.as_str().map(str::to_owned)
}

/// A gateway frame with exactly AWS's spacing.
fn notice(shared: &Shared, connection: &Connection, message: &str, request_id: &str) {
    let id = &connection.id;
    send(shared, connection, format!(r#"{{"message": "{message}", "connectionId":"{id}", "requestId":"{request_id}"}}"#));
}

fn send(shared: &Shared, connection: &Connection, frame: String) {
    if connection.push(&frame.into(), &shared.limits()) == PushResult::Full {
        tracing::warn!(connection = connection.id, "the client does not read; a response to it is dropped");
    }
}
