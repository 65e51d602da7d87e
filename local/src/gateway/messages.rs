//! A message from a client: route, function, and the few frames that the gateway itself sends back. Messages of one socket run at the same time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::connections::Connection;
use super::http_response::status;
use super::outbox::Posted;
use super::shared::{Counters, Shared};
use super::stamp;
use super::websocket_event::message_event;

/// Takes one message; the function runs in a task of its own.
pub(super) fn receive(shared: &Arc<Shared>, connection: &Arc<Connection>, text: Utf8Bytes) {
    Counters::add(&shared.counters.messages);
    let (owned, connection) = (Arc::clone(shared), Arc::clone(connection));
    shared.spawn(async move { handle(&owned, &connection, &text).await });
}

async fn handle(shared: &Shared, connection: &Connection, text: &str) {
    let Some((key, route)) = connection.edge.selection.route(&connection.edge.routes, text) else {
        return notice(shared, connection, "Forbidden", &stamp::id());
    };
    let (event, request_id) = message_event(connection, key, text);
    let timeout = Duration::from_millis(route.integration_timeout_ms.into());
    match shared.backend.call(&route.function, event, timeout).await {
        Err(failure) => {
            failure.tell(&route.function, key);
            notice(shared, connection, "Internal server error", &request_id);
        }
        Ok(result) if route.responds => {
            if let Some(body) = body(&result) {
                send(shared, connection, body);
            }
        }
        // Without a route response nothing goes back, whatever the status.
        Ok(_) => {}
    }
}

/// The `body` of a successful result.
fn body(result: &[u8]) -> Option<String> {
    let result: Value = serde_json::from_slice(result).ok()?;
    status(result.get("statusCode")?).filter(http::StatusCode::is_success)?;
    result.get("body")?.as_str().map(str::to_owned)
}

/// A frame in exactly the spacing of the service.
fn notice(shared: &Shared, connection: &Connection, message: &str, request_id: &str) {
    let id = &connection.id;
    send(shared, connection, format!(r#"{{"message": "{message}", "connectionId":"{id}", "requestId":"{request_id}"}}"#));
}

fn send(shared: &Shared, connection: &Connection, frame: String) {
    if connection.outbox.push(frame.into(), &shared.limits()) == Posted::Full {
        tracing::warn!(connection = connection.id, "the client does not read; an answer to it is dropped");
    }
}
