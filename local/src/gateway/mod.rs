//! API Gateway on this machine: the HTTP API, the WebSocket APIs and their `@connections` API on one port. Invalid input gets an error response or
//! ends the connection, never the gateway.

mod authorizer;
mod backend;
mod body;
mod connections;
mod connections_api;
mod cors;
mod http2;
mod http_api;
mod http_event;
mod http_response;
mod http_routes;
mod ids;
mod limits;
mod messages;
mod outbox;
mod peer;
mod post_faults;
mod route_selection;
mod shared;
mod socket;
mod static_files;
mod tls;
mod transport;
mod view;
mod websocket_api;
mod websocket_event;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::HOST;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::faults::Faults;
use crate::stack::{HttpApi, Stack};

pub use backend::{Backend, MemoryFunction};
pub use connections::ConnectionInfo;
pub use limits::Limits;
pub use shared::{Inspector, Stats};
pub use static_files::SECURITY_HEADERS;
pub use tls::Tls;
pub use view::GatewayView;

use body::RequestBody;
use http_api::HttpEndpoint;
use http_response::{Reply, message};
use peer::Peer;
use shared::{Counters, Shared};
use websocket_api::WebSocketEndpoint;

/// The account of every local ARN and event.
const ACCOUNT: &str = "000000000000";

/// Maximum bytes of a request body below `/_local/`.
const MAX_INSPECTION_BODY: usize = 1 << 20;

/// How long `stop` waits for running invocations.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Options of a gateway.
#[derive(Clone, Debug, Default)]
pub struct GatewayOptions {
    pub limits: Limits,
    /// Folder served at paths without a route.
    pub static_dir: Option<PathBuf>,
    /// TLS beside cleartext on the same port; without it, clients of TLS are turned away.
    pub tls: Option<Tls>,
}

/// The running gateway of one stack.
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Serves the stack's first HTTP API and all of its WebSocket APIs on the listener.
    pub fn start(listener: TcpListener, stack: &Stack, backend: Backend, options: GatewayOptions) -> io::Result<Self> {
        let address = listener.local_addr()?;
        check_stack(stack)?;
        let http = HttpEndpoint::new(stack.http_apis.values().next().unwrap_or(&HttpApi::default()));
        let sockets = stack.websocket_apis.values().map(|api| Arc::new(WebSocketEndpoint::new(api, &stack.region))).collect();
        let shared = Arc::new(Shared::new(backend, http, sockets, options));
        let accepting = tokio::spawn(accept(listener, address, Arc::clone(&shared)));
        tokio::spawn(follow_faults(Arc::downgrade(&shared), shared.faults.subscribe()));
        Ok(Self { shared, address, accepting })
    }

    /// Sets the handler of `/_local/`; only the first call has an effect.
    pub fn set_inspector(&self, inspector: Inspector) {
        drop(self.shared.inspector.set(inspector));
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.shared.open_connections()
    }

    /// A weak handle for inspection.
    pub fn view(&self) -> GatewayView {
        GatewayView::new(&self.shared)
    }

    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// The configured limits, before faults override them.
    pub fn limits(&self) -> Limits {
        self.shared.own_limits()
    }

    /// The faults of the gateway and the functions.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Changes the limits; durations apply to open sockets at once, sizes to new sockets.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.set_limits(limits);
    }

    /// Closes a socket with a code after its queued frames; `false` if it does not exist.
    pub fn close(&self, connection_id: &str, code: u16, reason: &'static str) -> bool {
        let frame = socket::close_frame(code.into(), reason);
        self.shared.connections.find(connection_id).is_some_and(|connection| connection.outbox.close(frame))
    }

    /// Stops accepting, closes every socket with 1001, runs their `$disconnect` and briefly waits for running invocations.
    pub async fn stop(self) {
        self.shut();
        let mut running = self.shared.running.subscribe();
        if timeout(STOP_TIMEOUT, running.wait_for(|running| *running == 0)).await.is_err() {
            tracing::warn!("the gateway stops with running invocations");
        }
    }

    fn shut(&self) {
        self.accepting.abort();
        self.shared.stopping.send_replace(true);
        for connection in self.shared.connections.all() {
            connection.outbox.close(socket::close_frame(CloseCode::Away, "Going away"));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shut();
    }
}

/// Checks that the APIs can share one port, which AWS does not require.
fn check_stack(stack: &Stack) -> io::Result<()> {
    if stack.http_apis.len() > 1 {
        tracing::warn!("the stack has several HTTP APIs; only the first is served");
    }
    let mut stages: Vec<&str> = stack.websocket_apis.values().map(|api| api.stage.as_str()).collect();
    stages.sort_unstable();
    match stages.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("two WebSocket APIs have the stage {}; locally they share one port, so give them different stages", pair[0]),
        )),
    }
}

/// Makes open sockets re-evaluate their limits when the faults change.
async fn follow_faults(shared: Weak<Shared>, mut changes: watch::Receiver<()>) {
    while changes.changed().await.is_ok() {
        let Some(shared) = shared.upgrade() else { return };
        shared.limits_changed();
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let (owned, peer) = (Arc::clone(&shared), Peer::new(remote, address.port()));
                shared.spawn(transport::serve(stream, address, peer, owned));
            }
            Err(error) => {
                // Usually the process is out of file descriptors: wait until some are closed.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn answer(shared: &Arc<Shared>, peer: Peer, address: SocketAddr, request: Request<RequestBody>) -> Reply {
    let path = request.uri().path();
    let inspected = path == "/_local" || path.starts_with("/_local/");
    if !inspected {
        Counters::add(&shared.counters.http_requests);
    }
    if let Some(refusal) = check(&request, shared.limits().request_head) {
        return refusal;
    }
    if connections_api::Target::of(path).is_some() {
        return connections_api::serve(shared, peer, address.ip(), request).await;
    }
    if let Some(inspector) = shared.inspector.get().filter(|_| inspected) {
        // Only this machine may inspect and change the cloud.
        if !connections_api::is_local(peer, address.ip(), request.headers()) {
            return message(StatusCode::FORBIDDEN, "Forbidden");
        }
        return inspect(inspector, request, shared.limits().arrival).await;
    }
    let endpoint = shared
        .sockets
        .iter()
        .find(|endpoint| path.strip_prefix('/').is_some_and(|path| path.strip_suffix('/').unwrap_or(path) == endpoint.stage));
    if let Some(endpoint) = endpoint {
        return websocket_api::open(shared, &Arc::clone(endpoint), peer, request).await;
    }
    http_api::serve(shared, peer, request).await
}

async fn inspect(inspector: &Inspector, request: Request<RequestBody>, patience: Duration) -> Reply {
    let (head, body) = request.into_parts();
    match http_api::collect(body, MAX_INSPECTION_BODY, patience).await {
        Ok(body) => inspector(Request::from_parts(head, body)).await,
        Err(refusal) => refusal,
    }
}

/// Rejects requests that no API would pass to a function.
fn check(request: &Request<RequestBody>, largest_head: usize) -> Option<Reply> {
    let (line, head) = head_size(request.method(), request.uri(), request.headers());
    if line > largest_head {
        return Some(message(StatusCode::URI_TOO_LONG, "Request-URI Too Long"));
    }
    if head > largest_head {
        return Some(message(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large"));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<http::uri::Authority>().ok());
    let valid = host.is_some_and(|host| !host.as_str().contains('@')) && hosts.next().is_none();
    (!valid).then(|| message(StatusCode::BAD_REQUEST, "Bad Request"))
}

/// Bytes of the request line, and of the whole head, as HTTP/1.1 writes them.
fn head_size(method: &Method, uri: &Uri, headers: &HeaderMap) -> (usize, usize) {
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let line = path + method.as_str().len() + "  HTTP/1.1".len();
    let headers: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": ".len()).sum();
    (line, line + headers)
}
