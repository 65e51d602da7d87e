//! Events of the WebSocket API, typed.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::id::{ConnectionId, RoomRef, SessionId, UserId};
use crate::protocol::answers::Refusal;
use crate::protocol::dialect::Dialect;
use crate::protocol::frames::Frame;
use crate::push::socket_registry::Connection;
use crate::time::Timestamp;

/// An event of the WebSocket API. Header values stay unparsed strings: an invalid byte from a client must not fail the invocation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketEvent {
    headers: Option<HashMap<String, String>>,
    pub body: Option<String>,
    request_context: SocketContext,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SocketContext {
    connection_id: Option<String>,
    connected_at: i64,
    request_id: Option<String>,
    disconnect_status_code: Option<i64>,
    #[serde(default)]
    authorizer: HashMap<String, Value>,
}

impl SocketEvent {
    /// Returns a handshake header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().flatten().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// API Gateway's id of this event.
    pub fn request_id(&self) -> &str {
        self.request_context.request_id.as_deref().unwrap_or_default()
    }

    pub fn connection_id(&self) -> Option<&str> {
        self.request_context.connection_id.as_deref()
    }

    /// The close code of the socket.
    pub fn close_code(&self) -> Option<i64> {
        self.request_context.disconnect_status_code
    }
}

/// The socket's context that API Gateway sends with each event.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The socket and its user, as the authorizer set them.
    pub connection: Connection,
    /// The username at the time of connecting.
    pub username: String,
    /// The default room of frames without a room.
    pub bound: Option<RoomRef>,
    /// API Gateway's id of this event.
    pub request_id: String,
}

impl Socket {
    /// Reads the request context. Rejects events without the authorizer's context.
    pub fn of(event: &SocketEvent) -> Result<Self> {
        let context = &event.request_context;
        let found = |name: &str| context.authorizer.get(name).map(text);
        let id =
            |name: &str| found(name).and_then(|text| text.parse::<u64>().ok()).ok_or(Error::Unauthenticated("unauthenticated"));
        let flag = |name: &str| found(name).as_deref() == Some("true");
        let connection_id = context.connection_id.clone().ok_or_else(|| Error::internal("an event without a connection id"))?;
        let room = found("room").filter(|room| !room.is_empty());
        let bound = room.map(|room| room.parse().map_err(|_| Error::NotFound("room_not_found"))).transpose()?;
        Ok(Self {
            connection: Connection {
                user: UserId(id("user_id")?),
                id: ConnectionId(connection_id),
                session: SessionId(id("session_id")?),
                dialect: Dialect::of_flags(flag("lean"), flag("packed")),
                connected_at: Timestamp(context.connected_at),
            },
            username: found("username").unwrap_or_default(),
            bound,
            request_id: event.request_id().to_owned(),
        })
    }

    /// Resolves the room of a frame: its own, else the bound room, else General.
    pub fn room_or_bound(&self, room: Option<RoomRef>) -> RoomRef {
        room.or_else(|| self.bound.clone()).unwrap_or_else(RoomRef::general)
    }
}

/// API Gateway converts some context values to strings.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Converts an error into the frame that answers an action.
pub fn refusal(error: &Error, request_id: &str) -> Refusal {
    let detail = match error {
        Error::Invalid(violations) if violations.len() > 1 => {
            violations.iter().map(|violation| format!("{}: {}", violation.field, violation.detail)).collect::<Vec<_>>().join("; ")
        }
        _ => error.detail(),
    };
    Refusal {
        id: None,
        client_id: None,
        code: error.code(),
        detail,
        request_id: request_id.to_owned(),
        retry_after: error.retry_after(),
    }
}

/// The `bye` frame of a socket that exceeds its frame limit repeatedly.
pub fn too_many_frames() -> Frame {
    Frame::Bye { code: "too_many_frames", reason: "This socket repeatedly exceeded its frame limit.", resume: true }
}
