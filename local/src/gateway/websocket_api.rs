//! WebSocket handshakes: checks the request, asks the authorizer and `$connect`, then registers the connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::stack::{WebSocketApi, WebSocketAuthorizer, WebSocketRoute};

use super::backend::IntegrationError;
use super::body::RequestBody;
use super::connections::Connection;
use super::http_response::{Reply, message, status};
use super::peer::Peer;
use super::route_selection::RouteSelection;
use super::shared::{Counters, Shared};
use super::websocket_event::Handshake;
use super::{authorizer, socket};

/// One WebSocket API with its routes.
pub(super) struct WebSocketEndpoint {
    pub(super) id: String,
    pub(super) stage: String,
    /// The ARN that an authorizer's policy must allow.
    pub(super) method_arn: String,
    pub(super) selection: RouteSelection,
    pub(super) routes: BTreeMap<String, WebSocketRoute>,
    authorizer: Option<WebSocketAuthorizer>,
}

impl WebSocketEndpoint {
    pub(super) fn new(api: &WebSocketApi, region: &str) -> Self {
        Self {
            id: api.id.clone(),
            stage: api.stage.clone(),
            method_arn: format!("arn:aws:execute-api:{region}:{}:{}/{}/$connect", super::ACCOUNT, api.id, api.stage),
            selection: RouteSelection::new(&api.route_selection_expression),
            routes: api.routes.clone(),
            authorizer: api.authorizer.clone(),
        }
    }
}

/// Handles a request for the stage's URL.
pub(super) async fn open(
    shared: &Arc<Shared>,
    endpoint: &Arc<WebSocketEndpoint>,
    peer: Peer,
    mut request: Request<RequestBody>,
) -> Reply {
    let accept = match check(&request, shared.limits().socket_url) {
        Ok(accept) => accept,
        Err(refusal) => return *refusal,
    };
    if shared.is_stopping() {
        return message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let handshake = Handshake::new(request.headers(), request.uri(), &peer);
    let text =
        |name| request.headers().get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let domain = text(HOST).unwrap_or_default();
    let connection = Connection::new(shared, Arc::clone(endpoint), domain, peer.ip, text(USER_AGENT));
    let (decision, decided) = oneshot::channel();
    // A separate task: if the client disconnects meanwhile, `$disconnect` must still follow `$connect`.
    let owned = Arc::clone(shared);
    shared.spawn(async move { admit(owned, connection, handshake, decision, upgrade).await });
    match decided.await {
        Ok(Ok(protocol)) => switching_protocols(&accept, protocol),
        Ok(Err(status)) => message(status, reason(status)),
        Err(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
    }
}

/// The status of a refusal, or the subprotocol of an accepted handshake.
type Decision = Result<Option<HeaderValue>, StatusCode>;

async fn admit(
    shared: Arc<Shared>,
    mut connection: Connection,
    handshake: Handshake,
    decision: oneshot::Sender<Decision>,
    upgrade: OnUpgrade,
) {
    let accepted = match authorize(&shared, &mut connection, &handshake).await {
        Ok(()) => connect(&shared, &connection, &handshake).await,
        Err(status) => Err(status),
    };
    if accepted.is_err() {
        // The receiver is gone if the client has disconnected.
        drop(decision.send(accepted));
        return;
    }
    // Free the handshake: the socket does not need it.
    drop(handshake);
    connection.number = Counters::add(&shared.counters.connected);
    let connection = Arc::new(connection);
    // From here on the socket accepts posts; they wait in the outbox until the 101 is sent.
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
        None => socket::Disconnection::lost(),
    };
    socket::finish(&shared, &connection, ended).await;
}

async fn authorize(shared: &Shared, connection: &mut Connection, handshake: &Handshake) -> Result<(), StatusCode> {
    let endpoint = Arc::clone(&connection.endpoint);
    let Some(authorizer) = &endpoint.authorizer else { return Ok(()) };
    if !authorizer.identity_sources.iter().all(|source| handshake.has_identity(source)) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let began = Instant::now();
    let event = handshake.authorizer_event(connection);
    let answer = shared.backend.call(&authorizer.function, event, shared.limits().authorizer_timeout).await;
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    connection.authorizer = Some(authorizer::decide(answer, &endpoint.method_arn, latency)?);
    Ok(())
}

async fn connect(shared: &Shared, connection: &Connection, handshake: &Handshake) -> Decision {
    // Without a `$connect` route, every client is accepted.
    let Some(route) = connection.endpoint.routes.get("$connect") else { return Ok(None) };
    let timeout = Duration::from_millis(route.integration_timeout_ms.into());
    match shared.backend.call(&route.function, handshake.connect_event(connection), timeout).await {
        Ok(result) => parse_connect_result(&result, handshake),
        Err(failure) => {
            failure.log(&route.function, "$connect");
            Err(match failure {
                IntegrationError::Throttled => StatusCode::TOO_MANY_REQUESTS,
                IntegrationError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                IntegrationError::Function(_) | IntegrationError::TooLarge | IntegrationError::Missing => StatusCode::BAD_GATEWAY,
            })
        }
    }
}

/// A 2xx status accepts; any other status becomes the handshake's response.
fn parse_connect_result(result: &Bytes, handshake: &Handshake) -> Decision {
    let result: Value = serde_json::from_slice(result).map_err(|_| StatusCode::BAD_GATEWAY)?;
    let status = result.get("statusCode").and_then(status).ok_or(StatusCode::BAD_GATEWAY)?;
    if !status.is_success() {
        return Err(status);
    }
    let headers = result.get("headers").and_then(Value::as_object);
    let protocol =
        headers.and_then(|headers| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol")));
    let protocol = protocol.and_then(|(_, value)| value.as_str()).filter(|protocol| handshake.offers_protocol(protocol));
    Ok(protocol.and_then(|protocol| HeaderValue::from_str(protocol).ok()))
}

/// Validates the handshake by RFC 6455 and computes `Sec-WebSocket-Accept`.
fn check(request: &Request<RequestBody>, longest_url: usize) -> Result<String, Box<Reply>> {
    let headers = request.headers();
    let bad = || Box::new(message(StatusCode::BAD_REQUEST, "Bad Request"));
    if request.uri().path_and_query().is_some_and(|url| url.as_str().len() > longest_url) {
        return Err(Box::new(message(StatusCode::URI_TOO_LONG, "Request-URI Too Long")));
    }
    if !header_contains(headers, UPGRADE, "websocket") || !header_contains(headers, CONNECTION, "upgrade") {
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

fn header_contains(headers: &HeaderMap, name: http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Whether the key is sixteen bytes in base64.
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

fn switching_protocols(accept: &str, protocol: Option<HeaderValue>) -> Reply {
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
