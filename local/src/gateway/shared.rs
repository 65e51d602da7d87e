//! State shared by all tasks of a gateway; the limits may change at run time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use tokio::sync::watch;

use crate::faults::Faults;

use super::GatewayOptions;
use super::backend::Backend;
use super::connections::{ConnectionInfo, Connections};
use super::http_api::HttpEndpoint;
use super::limits::Limits;
use super::tls::Tls;
use super::websocket_api::WebSocketEndpoint;

pub(super) struct Shared {
    pub(super) backend: Backend,
    pub(super) http: HttpEndpoint,
    pub(super) sockets: Vec<Arc<WebSocketEndpoint>>,
    pub(super) static_dir: Option<PathBuf>,
    pub(super) tls: Option<Tls>,
    pub(super) connections: Connections,
    pub(super) counters: Arc<Counters>,
    /// Set once, when the gateway stops.
    pub(super) stopping: watch::Sender<bool>,
    /// Number of tasks that `stop` waits for.
    pub(super) running: watch::Sender<usize>,
    /// The handler of `/_local/`.
    pub(super) inspector: OnceLock<Inspector>,
    pub(super) faults: Faults,
    limits: RwLock<Limits>,
    /// Counts changes of the effective limits, so that sockets need not look at each event.
    limits_revision: AtomicU64,
}

/// Handles requests below `/_local/`, which do not belong to the stack.
pub type Inspector = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Full<Bytes>>> + Send + Sync>;

impl Shared {
    pub(super) fn new(
        backend: Backend,
        http: HttpEndpoint,
        sockets: Vec<Arc<WebSocketEndpoint>>,
        options: GatewayOptions,
    ) -> Self {
        Self {
            faults: backend.faults(),
            backend,
            http,
            sockets,
            static_dir: options.static_dir,
            tls: options.tls,
            connections: Connections::default(),
            counters: Arc::default(),
            stopping: watch::Sender::new(false),
            running: watch::Sender::new(0),
            inspector: OnceLock::new(),
            limits: RwLock::new(options.limits),
            limits_revision: AtomicU64::new(0),
        }
    }

    /// The effective limits: the configured ones with overrides of faults.
    pub(super) fn limits(&self) -> Limits {
        let limits = self.own_limits();
        let (idle, lifetime) = self.faults.socket_limits();
        Limits { idle: idle.unwrap_or(limits.idle), lifetime: lifetime.unwrap_or(limits.lifetime), ..limits }
    }

    pub(super) fn own_limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
        self.limits_changed();
    }

    /// Makes every open socket re-evaluate its limits.
    pub(super) fn limits_changed(&self) {
        self.limits_revision.fetch_add(1, Ordering::Release);
        self.connections.wake();
    }

    pub(super) fn limits_revision(&self) -> u64 {
        self.limits_revision.load(Ordering::Acquire)
    }

    pub(super) fn open_connections(&self) -> Vec<ConnectionInfo> {
        let all = self.connections.all();
        all.iter().filter(|connection| connection.outbox.is_open()).map(|connection| connection.info()).collect()
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Completes when the gateway stops.
    pub(super) async fn stopped(&self) {
        drop(self.stopping.subscribe().wait_for(|stopping| *stopping).await);
    }

    /// Spawns a task that `stop` waits for.
    pub(super) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let guard = TaskGuard::new(self);
        tokio::spawn(async move {
            let _guard = guard;
            task.await;
        });
    }
}

/// Counts a task while it runs, even if it panics.
struct TaskGuard(Arc<Shared>);

impl TaskGuard {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.running.send_modify(|running| *running += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// Totals since the start.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) tls_handshakes: AtomicU64,
    pub(super) tls_resumed: AtomicU64,
    pub(super) http_requests: AtomicU64,
    pub(super) connected: AtomicU64,
    pub(super) disconnected: AtomicU64,
    pub(super) messages: AtomicU64,
    pub(super) posts: AtomicU64,
    pub(super) posts_gone: AtomicU64,
    pub(super) posts_throttled: AtomicU64,
    pub(super) frames_sent: AtomicU64,
}

/// A snapshot of the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Accepted TCP connections.
    pub accepted: u64,
    /// TLS handshakes, among them resumed ones.
    pub tls_handshakes: u64,
    /// TLS handshakes that resumed an earlier session.
    pub tls_resumed: u64,
    /// All requests except those below `/_local/`.
    pub http_requests: u64,
    /// Opened sockets.
    pub connected: u64,
    /// Ended sockets.
    pub disconnected: u64,
    pub messages: u64,
    /// Accepted posts.
    pub posts: u64,
    /// Posts answered with 410.
    pub posts_gone: u64,
    /// Posts answered with 429.
    pub posts_throttled: u64,
    /// Data frames sent.
    pub frames_sent: u64,
}

impl Counters {
    /// Increments a counter and returns its new value.
    pub(super) fn add(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn read(&self) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            accepted: of(&self.accepted),
            tls_handshakes: of(&self.tls_handshakes),
            tls_resumed: of(&self.tls_resumed),
            http_requests: of(&self.http_requests),
            connected: of(&self.connected),
            disconnected: of(&self.disconnected),
            messages: of(&self.messages),
            posts: of(&self.posts),
            posts_gone: of(&self.posts_gone),
            posts_throttled: of(&self.posts_throttled),
            frames_sent: of(&self.frames_sent),
        }
    }
}
