//! API Gateway on this machine: the HTTP API, the WebSocket APIs and their `@connections` on one port. Whatever a client sends, the gateway answers or hangs up; it never falls over.

mod authorizer;
mod backend;
mod connections;
mod connections_api;
mod cors;
mod http_api;
mod http_event;
mod http_response;
mod http_routes;
mod limits;
mod messages;
mod misdelivery;
mod outbox;
mod peer;
mod selection;
mod shared;
mod socket;
mod stamp;
mod static_files;
mod view;
mod websocket_api;
mod websocket_event;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::HOST;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::faults::Faults;
use crate::loopback;
use crate::stack::{HttpApi, Stack};

pub use backend::{Backend, MemoryFunction};
pub use connections::ConnectionInfo;
pub use limits::Limits;
pub use shared::{Inspector, Stats};
pub use view::View;

use http_api::HttpEdge;
use http_response::{Reply, message};
use peer::Peer;
use shared::{Counters, Shared};
use websocket_api::SocketEdge;

/// The account of every local ARN and event.
const ACCOUNT: &str = "000000000000";

/// Bytes of a body below `/_local/`.
const LARGEST_INSPECTION: usize = 1 << 20;

/// How long a stop waits for invocations to end.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// The edges of one stack, running.
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
    pub fn start(
        listener: TcpListener,
        stack: &Stack,
        backend: Backend,
        limits: Limits,
        static_dir: Option<PathBuf>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        check_stack(stack)?;
        let http = HttpEdge::new(stack.http_apis.values().next().unwrap_or(&HttpApi::default()));
        let sockets = stack.websocket_apis.values().map(|api| Arc::new(SocketEdge::new(api, &stack.region))).collect();
        let shared = Arc::new(Shared::new(backend, http, sockets, (limits, static_dir)));
        let accepting = tokio::spawn(accept(listener, address, Arc::clone(&shared)));
        tokio::spawn(follow_faults(Arc::downgrade(&shared), shared.faults.changes()));
        Ok(Self { shared, address, accepting })
    }

    /// Lets somebody answer below `/_local/`; the first one stays.
    pub fn set_inspector(&self, inspector: Inspector) {
        drop(self.shared.inspector.set(inspector));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The open sockets.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.shared.open_connections()
    }

    /// A look at this gateway for whoever shows it.
    pub fn view(&self) -> View {
        View::new(&self.shared)
    }

    /// Totals since the start.
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// The limits that were set; faults may compress them.
    pub fn limits(&self) -> Limits {
        self.shared.own_limits()
    }

    /// What is to break at the edges, and behind them.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Changes the limits; times hold for open sockets at once, sizes for sockets opened later.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.set_limits(limits);
        self.shared.connections.wake();
    }

    /// Closes one socket with a code, after what is queued for it; `false` if there is none.
    pub fn close(&self, connection_id: &str, code: u16, reason: &'static str) -> bool {
        let frame = socket::close_frame(code.into(), reason);
        self.shared.connections.find(connection_id).is_some_and(|connection| connection.outbox.close(frame))
    }

    /// Takes nothing new, closes every socket with 1001, runs their `$disconnect` and waits a little for what is under way.
    pub async fn stop(self) {
        self.shut();
        let mut running = self.shared.running.subscribe();
        if timeout(STOP_PATIENCE, running.wait_for(|running| *running == 0)).await.is_err() {
            tracing::warn!("the gateway stops although invocations have not ended");
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

/// Everything shares one port here, which AWS does not ask for.
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

/// Open sockets look at their limits anew when other faults are set.
async fn follow_faults(shared: Weak<Shared>, mut changes: watch::Receiver<()>) {
    while changes.changed().await.is_ok() {
        let Some(shared) = shared.upgrade() else { return };
        shared.connections.wake();
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let (owned, peer) = (Arc::clone(&shared), Peer::new(remote, address.port()));
                shared.spawn(connection(stream, address, peer, owned));
            }
            Err(error) => {
                // Out of file descriptors, most likely: others will end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// One TCP connection, for as long as it speaks HTTP.
async fn connection(stream: TcpStream, address: SocketAddr, peer: Peer, shared: Arc<Shared>) {
    // Frames and responses are whole when they are written: waiting for more only adds delay.
    drop(stream.set_nodelay(true));
    let mut stopping = shared.stopping.subscribe();
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&shared, peer, address, request).await) }
    });
    let http = loopback::server(shared.limits().arrival).max_buf_size(64 << 10).serve_connection(TokioIo::new(stream), service);
    let mut http = std::pin::pin!(http.with_upgrades());
    // A connection that breaks is the client's affair: there is nobody left to tell.
    tokio::select! {
        _ = http.as_mut() => return,
        () = async { drop(stopping.wait_for(|stopping| *stopping).await) } => {}
    }
    http.as_mut().graceful_shutdown();
    drop(http.await);
}

async fn answer(shared: &Arc<Shared>, peer: Peer, address: SocketAddr, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    let inspected = path == "/_local" || path.starts_with("/_local/");
    if !inspected {
        Counters::add(&shared.counters.http_requests);
    }
    if let Some(refusal) = check(&request, shared.limits().request_head) {
        return refusal;
    }
    if let Some(inspector) = shared.inspector.get().filter(|_| inspected) {
        return inspect(inspector, (peer, address), request, shared.limits().arrival).await;
    }
    let edge = shared
        .sockets
        .iter()
        .find(|edge| path.strip_prefix('/').is_some_and(|path| path.strip_suffix('/').unwrap_or(path) == edge.stage));
    if let Some(edge) = edge {
        return websocket_api::open(shared, &Arc::clone(edge), peer, request).await;
    }
    if connections_api::is_path(path) {
        return connections_api::serve(shared, peer, address.ip(), request).await;
    }
    http_api::serve(shared, peer, request).await
}

/// What is inspected and changed from outside is so from this machine only.
async fn inspect(
    inspector: &Inspector,
    (peer, address): (Peer, SocketAddr),
    request: Request<Incoming>,
    patience: Duration,
) -> Reply {
    if !connections_api::is_local(peer, address.ip(), request.headers()) {
        return message(StatusCode::FORBIDDEN, "Forbidden");
    }
    let (head, body) = request.into_parts();
    match http_api::collect(body, LARGEST_INSPECTION, patience).await {
        Ok(body) => inspector(Request::from_parts(head, body)).await,
        Err(refusal) => refusal,
    }
}

/// What no API would let through to a function.
fn check(request: &Request<Incoming>, largest_head: usize) -> Option<Reply> {
    let line = request.uri().path_and_query().map_or(0, |path| path.as_str().len())
        + request.method().as_str().len()
        + "  HTTP/1.1".len();
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": ".len()).sum();
    if line > largest_head {
        return Some(message(StatusCode::URI_TOO_LONG, "Request-URI Too Long"));
    }
    if line + headers > largest_head {
        return Some(message(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large"));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<http::uri::Authority>().ok());
    let valid = host.is_some_and(|host| !host.as_str().contains('@')) && hosts.next().is_none();
    (!valid).then(|| message(StatusCode::BAD_REQUEST, "Bad Request"))
}
