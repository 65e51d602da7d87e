//! Events of the WebSocket API, typed: which socket, whose it is, what its frame wants.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::id::{ConnectionId, RoomRef, SessionId, UserId};
use crate::protocol::frames::{Frame, Refusal};
use crate::push::registry::Connection;
use crate::time::Timestamp;

/// An event of the WebSocket API, as far as it is read. Headers are whatever a client sent, so they are texts here and nothing stricter: a stray
/// byte in one of them must not fail the invocation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    headers: Option<HashMap<String, String>>,
    /// The frame's text.
    pub body: Option<String>,
    request_context: Context,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    connection_id: Option<String>,
    connected_at: i64,
    request_id: Option<String>,
    disconnect_status_code: Option<i64>,
    #[serde(default)]
    authorizer: HashMap<String, Value>,
}

impl Event {
    /// A header of the handshake.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().flatten().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// API Gateway's id of this event.
    pub fn request_id(&self) -> &str {
        self.request_context.request_id.as_deref().unwrap_or_default()
    }

    /// The socket.
    pub fn connection_id(&self) -> Option<&str> {
        self.request_context.connection_id.as_deref()
    }

    /// With which code the socket was closed.
    pub fn close_code(&self) -> Option<i64> {
        self.request_context.disconnect_status_code
    }
}

/// What API Gateway tells of a socket with each of its events.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The socket and its person, as the authorizer found them.
    pub connection: Connection,
    /// The person's username at the time of connecting.
    pub username: String,
    /// The room that frames without a room go to.
    pub bound: Option<RoomRef>,
    /// API Gateway's id of this event.
    pub request_id: String,
}

impl Socket {
    /// Reads the request context. An event without the authorizer's findings is not one of ours.
    pub fn of(event: &Event) -> Result<Self> {
        let context = &event.request_context;
        let found = |name: &str| context.authorizer.get(name).map(text);
        let id =
            |name: &str| found(name).and_then(|text| text.parse::<u64>().ok()).ok_or(Error::Unauthenticated("unauthenticated"));
        let connection_id = context.connection_id.clone().ok_or_else(|| Error::internal("an event without a connection id"))?;
        let room = found("room").filter(|room| !room.is_empty());
        let bound = room.map(|room| room.parse().map_err(|_| Error::NotFound("room_not_found"))).transpose()?;
        Ok(Self {
            connection: Connection {
                user: UserId(id("user_id")?),
                id: ConnectionId(connection_id),
                session: SessionId(id("session_id")?),
                lean: found("lean").as_deref() == Some("true"),
                connected_at: Timestamp(context.connected_at),
            },
            username: found("username").unwrap_or_default(),
            bound,
            request_id: event.request_id().to_owned(),
        })
    }

    /// Where a frame without a room goes: the bound room, else General.
    pub fn room_or_bound(&self, room: Option<RoomRef>) -> RoomRef {
        room.or_else(|| self.bound.clone()).unwrap_or_else(RoomRef::general)
    }
}

/// Context values come back as text or as they were.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An error as the frame that answers an action.
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

/// The `bye` of a socket that went on sending frames after it was told to wait.
pub fn flooding() -> Frame {
    Frame::Bye { code: "too_many_frames", reason: "This socket sent more frames than it may, and did not stop.", resume: true }
}
