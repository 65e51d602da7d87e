//! Opening a socket: the handshake is checked, the authorizer and `$connect` decide, and only then does the connection exist.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::stack::{WebSocketApi, WebSocketAuthorizer, WebSocketRoute};

use super::backend::Failure;
use super::connections::Connection;
use super::http_response::{Reply, message, status};
use super::peer::Peer;
use super::selection::Selection;
use super::shared::{Counters, Shared};
use super::websocket_event::Opening;
use super::{authorizer, socket};

/// One WebSocket API, ready to be served.
pub(super) struct SocketEdge {
    pub(super) id: String,
    pub(super) stage: String,
    /// What an authorizer's policy must allow.
    pub(super) method_arn: String,
    pub(super) selection: Selection,
    pub(super) routes: BTreeMap<String, WebSocketRoute>,
    authorizer: Option<WebSocketAuthorizer>,
}

impl SocketEdge {
    pub(super) fn new(api: &WebSocketApi, region: &str) -> Self {
        Self {
            id: api.id.clone(),
            stage: api.stage.clone(),
            method_arn: format!("arn:aws:execute-api:{region}:{}:{}/{}/$connect", super::ACCOUNT, api.id, api.stage),
            selection: Selection::new(&api.route_selection_expression),
            routes: api.routes.clone(),
            authorizer: api.authorizer.clone(),
        }
    }
}

/// Answers a request for the stage's URL.
pub(super) async fn open(shared: &Arc<Shared>, edge: &Arc<SocketEdge>, peer: Peer, mut request: Request<Incoming>) -> Reply {
    let accept = match check(&request, shared.limits().socket_url) {
        Ok(accept) => accept,
        Err(refusal) => return *refusal,
    };
    if shared.is_stopping() {
        return message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let opening = Opening::new(request.headers(), request.uri(), &peer);
    let text =
        |name| request.headers().get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let connection = Connection::new(Arc::clone(edge), text(HOST).unwrap_or_default(), peer.ip, text(USER_AGENT));
    let (decision, decided) = oneshot::channel();
    // A task of its own: when the client leaves meanwhile, what `$connect` did must still be undone by `$disconnect`.
    let owned = Arc::clone(shared);
    shared.spawn(async move { admit(owned, connection, opening, (decision, upgrade)).await });
    match decided.await {
        Ok(Ok(protocol)) => switching(&accept, protocol),
        Ok(Err(status)) => message(status, reason(status)),
        Err(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
    }
}

/// The status of the refusal, or the subprotocol of the acceptance.
type Decision = Result<Option<HeaderValue>, StatusCode>;

async fn admit(
    shared: Arc<Shared>,
    mut connection: Connection,
    opening: Opening,
    answer: (oneshot::Sender<Decision>, OnUpgrade),
) {
    let (decision, upgrade) = answer;
    let accepted = match authorize(&shared, &mut connection, &opening).await {
        Ok(()) => connect(&shared, &connection, &opening).await,
        Err(status) => Err(status),
    };
    if accepted.is_err() {
        // Nobody listens any more if the client has left; then there is nobody to refuse.
        drop(decision.send(accepted));
        return;
    }
    // The opening request is not needed for the rest of the socket's life.
    drop(opening);
    connection.number = Counters::add(&shared.counters.connected);
    let connection = Arc::new(connection);
    // From here on it can be posted to: what comes before the 101 is out waits in its queue.
    shared.connections.insert(&connection);
    if shared.is_stopping() {
        connection.outbox.close(socket::close_frame(CloseCode::Away, "Going away"));
    }
    let upgraded = match decision.send(accepted) {
        Ok(()) => upgrade.await.ok(),
        Err(_) => None,
    };
    let ended = match upgraded {
        Some(upgraded) => socket::run(&shared, &connection, upgraded).await,
        None => socket::Ended::lost(),
    };
    socket::finish(&shared, &connection, ended).await;
}

async fn authorize(shared: &Shared, connection: &mut Connection, opening: &Opening) -> Result<(), StatusCode> {
    let edge = Arc::clone(&connection.edge);
    let Some(authorizer) = &edge.authorizer else { return Ok(()) };
    if !authorizer.identity_sources.iter().all(|source| opening.has_identity(source)) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let began = Instant::now();
    let event = opening.authorizer_event(connection);
    let answer = shared.backend.call(&authorizer.function, event, shared.limits().authorizer_timeout).await;
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    connection.authorizer = Some(authorizer::decide(answer, &edge.method_arn, latency)?);
    Ok(())
}

async fn connect(shared: &Shared, connection: &Connection, opening: &Opening) -> Decision {
    // Without a `$connect` route every client is accepted.
    let Some(route) = connection.edge.routes.get("$connect") else { return Ok(None) };
    let timeout = Duration::from_millis(route.integration_timeout_ms.into());
    match shared.backend.call(&route.function, opening.connect_event(connection), timeout).await {
        Ok(result) => judge(&result, opening),
        Err(failure) => {
            failure.tell(&route.function, "$connect");
            Err(match failure {
                Failure::Throttled => StatusCode::TOO_MANY_REQUESTS,
                Failure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                Failure::Function(_) | Failure::TooLarge | Failure::Missing => StatusCode::BAD_GATEWAY,
            })
        }
    }
}

/// A 2xx accepts; any other status is the handshake's.
fn judge(result: &Bytes, opening: &Opening) -> Decision {
    let result: Value = serde_json::from_slice(result).map_err(|_| StatusCode::BAD_GATEWAY)?;
    let status = result.get("statusCode").and_then(status).ok_or(StatusCode::BAD_GATEWAY)?;
    if !status.is_success() {
        return Err(status);
    }
    let headers = result.get("headers").and_then(Value::as_object);
    let protocol =
        headers.and_then(|headers| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol")));
    let protocol = protocol.and_then(|(_, value)| value.as_str()).filter(|protocol| opening.offers_protocol(protocol));
    Ok(protocol.and_then(|protocol| HeaderValue::from_str(protocol).ok()))
}

/// The value of `Sec-WebSocket-Accept`, if the request is a handshake as RFC 6455 wants it.
fn check(request: &Request<Incoming>, longest_url: usize) -> Result<String, Box<Reply>> {
    let headers = request.headers();
    let bad = || Box::new(message(StatusCode::BAD_REQUEST, "Bad Request"));
    if request.uri().path_and_query().is_some_and(|url| url.as_str().len() > longest_url) {
        return Err(Box::new(message(StatusCode::URI_TOO_LONG, "Request-URI Too Long")));
    }
    if !names(headers, UPGRADE, "websocket") || !names(headers, CONNECTION, "upgrade") {
        return Err(Box::new(upgrade_required()));
    }
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(bad());
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Box::new(upgrade_required()));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).filter(|key| is_nonce(key));
    key.map(derive_accept_key).ok_or_else(bad)
}

fn names(headers: &HeaderMap, name: http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Sixteen bytes in base64.
fn is_nonce(key: &[u8]) -> bool {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

fn upgrade_required() -> Reply {
    let mut reply = message(StatusCode::UPGRADE_REQUIRED, "Upgrade Required");
    reply.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    reply.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    reply
}

fn switching(accept: &str, protocol: Option<HeaderValue>) -> Reply {
    let mut reply = Response::new(http_body_util::Full::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    reply
}

fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY => "Internal server error",
        StatusCode::GATEWAY_TIMEOUT => "Endpoint request timed out",
        status => status.canonical_reason().unwrap_or("Forbidden"),
    }
}
