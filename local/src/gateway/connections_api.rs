//! The management API of sockets: `POST`, `GET` and `DELETE /<stage>/@connections/<id>`, for callers on this machine only.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::body::RequestBody;
use super::connections::Connection;
use super::http_api::collect;
use super::http_response::{self, Reply};
use super::limits::Limits;
use super::outbox::PushResult;
use super::peer::Peer;
use super::shared::{Counters, Shared};
use super::{ids, post_faults, socket};
use crate::http_server::is_local_host;

/// A path of this API: `/<stage>/@connections/<id>`, percent-encoded or not.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    stage: &'a str,
    id: &'a str,
}

impl<'a> Target<'a> {
    /// `None` for paths of the other APIs.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let (stage, rest) = path.strip_prefix('/')?.split_once('/')?;
        let (segment, id) = rest.split_once('/').unwrap_or((rest, ""));
        let is_ours = segment == "@connections" || percent_decode_str(segment).eq("@connections".bytes());
        is_ours.then_some(Self { stage, id })
    }

    /// Whether it names a stage and a connection, open or not.
    pub(super) fn is_served(self, shared: &Shared) -> bool {
        !self.id.is_empty() && shared.sockets.iter().any(|endpoint| endpoint.stage == self.stage)
    }
}

/// Handles one call.
pub(super) async fn serve(shared: &Shared, peer: Peer, listening: IpAddr, request: Request<RequestBody>) -> Reply {
    if !is_local(peer, listening, request.headers()) || !is_signed(request.headers()) {
        return error(StatusCode::FORBIDDEN, "ForbiddenException", "Missing Authentication Token");
    }
    let (head, body) = request.into_parts();
    let Some(target) = Target::of(head.uri.path()).filter(|target| target.is_served(shared)) else {
        return error(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden");
    };
    let connection = find(shared, target);
    match head.method {
        Method::POST => {
            let limits = shared.limits();
            match collect(body, limits.message, limits.arrival).await {
                Ok(body) => post(shared, connection.as_ref(), body, &limits),
                Err(reply) if reply.status() == StatusCode::PAYLOAD_TOO_LARGE => too_long(),
                Err(reply) => reply,
            }
        }
        Method::GET => connection.map_or_else(gone, |connection| describe(&connection)),
        Method::DELETE => connection.map_or_else(gone, |connection| delete(&connection)),
        _ => error(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden"),
    }
}

/// The open connection.
pub(super) fn find(shared: &Shared, target: Target<'_>) -> Option<Arc<Connection>> {
    let id = percent_decode_str(target.id).decode_utf8_lossy();
    shared.connections.find(&id).filter(|connection| connection.endpoint.stage == target.stage && connection.outbox.is_open())
}

/// Whether a request comes from this machine and names it as its host.
pub(super) fn is_local(peer: Peer, listening: IpAddr, headers: &HeaderMap) -> bool {
    peer.ip.is_loopback() && is_local_host(headers, listening)
}

/// Posts a text.
pub(super) fn post(shared: &Shared, connection: Option<&Arc<Connection>>, body: Bytes, limits: &Limits) -> Reply {
    if body.len() > limits.message {
        return too_long();
    }
    let Some(connection) = connection else {
        Counters::add(&shared.counters.posts_gone);
        return gone();
    };
    let Ok(frame) = Utf8Bytes::try_from(body) else {
        return error(
            StatusCode::BAD_REQUEST,
            "BadRequestException",
            "The data must be UTF-8, because it is sent as a text frame",
        );
    };
    match post_faults::post(&shared.faults, connection, frame, limits) {
        PushResult::Written | PushResult::Queued => {
            Counters::add(&shared.counters.posts);
            Response::new(Full::new(Bytes::new()))
        }
        PushResult::Full => {
            Counters::add(&shared.counters.posts_throttled);
            error(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException", "The client reads too slowly; its buffer is full")
        }
        PushResult::Gone => {
            Counters::add(&shared.counters.posts_gone);
            gone()
        }
    }
}

fn describe(connection: &Connection) -> Reply {
    let info = connection.info();
    let body = json!({
        "connectedAt": ids::iso_time(info.connected_at),
        "identity": { "sourceIp": info.source_ip, "userAgent": info.user_agent.unwrap_or_default() },
        "lastActiveAt": ids::iso_time(info.last_active_at),
    });
    http_response::json(StatusCode::OK, body.to_string())
}

fn delete(connection: &Connection) -> Reply {
    if !connection.outbox.close(socket::close_frame(CloseCode::Normal, "")) {
        return gone();
    }
    let mut reply = Response::new(Full::new(Bytes::new()));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

fn too_long() -> Reply {
    error(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException", "Message too long")
}

fn gone() -> Reply {
    error(StatusCode::GONE, "GoneException", "Gone")
}

/// SDKs read the error type from the header.
fn error(status: StatusCode, kind: &'static str, message: &str) -> Reply {
    let mut reply = http_response::message(status, message);
    reply.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// Requires a signature but does not verify it, because the local cloud has no keys.
pub(super) fn is_signed(headers: &HeaderMap) -> bool {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 ") && value.contains("/execute-api/aws4_request"))
}
