//! What every task of one gateway shares; the limits may change while it runs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use tokio::sync::watch;

use crate::faults::Faults;

use super::backend::Backend;
use super::connections::{ConnectionInfo, Connections};
use super::http_api::HttpEdge;
use super::limits::Limits;
use super::websocket_api::SocketEdge;

pub(super) struct Shared {
    pub(super) backend: Backend,
    pub(super) http: HttpEdge,
    pub(super) sockets: Vec<Arc<SocketEdge>>,
    pub(super) static_dir: Option<PathBuf>,
    pub(super) connections: Connections,
    pub(super) counters: Counters,
    /// Set once, when the gateway stops.
    pub(super) stopping: watch::Sender<bool>,
    /// Tasks that a stop waits for.
    pub(super) running: watch::Sender<usize>,
    /// Who answers below `/_local/`.
    pub(super) inspector: OnceLock<Inspector>,
    pub(super) faults: Faults,
    limits: RwLock<Limits>,
}

/// Answers requests below `/_local/`, which are no part of the stack.
pub type Inspector = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Full<Bytes>>> + Send + Sync>;

impl Shared {
    pub(super) fn new(backend: Backend, http: HttpEdge, sockets: Vec<Arc<SocketEdge>>, rest: (Limits, Option<PathBuf>)) -> Self {
        Self {
            faults: backend.faults(),
            backend,
            http,
            sockets,
            static_dir: rest.1,
            connections: Connections::default(),
            counters: Counters::default(),
            stopping: watch::Sender::new(false),
            running: watch::Sender::new(0),
            inspector: OnceLock::new(),
            limits: RwLock::new(rest.0),
        }
    }

    /// The limits in force: those that were set, with what faults compress.
    pub(super) fn limits(&self) -> Limits {
        let limits = self.own_limits();
        let (idle, lifetime) = self.faults.time();
        Limits { idle: idle.unwrap_or(limits.idle), lifetime: lifetime.unwrap_or(limits.lifetime), ..limits }
    }

    pub(super) fn own_limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    pub(super) fn open_connections(&self) -> Vec<ConnectionInfo> {
        let all = self.connections.all();
        all.iter().filter(|connection| connection.outbox.is_open()).map(|connection| connection.info()).collect()
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Runs a task that a stop waits for.
    pub(super) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let guard = Running::new(self);
        tokio::spawn(async move {
            let _guard = guard;
            task.await;
        });
    }
}

/// Counts a task for as long as it lives, even if it panics.
struct Running(Arc<Shared>);

impl Running {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.running.send_modify(|running| *running += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// Totals since the start.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) http_requests: AtomicU64,
    pub(super) connected: AtomicU64,
    pub(super) disconnected: AtomicU64,
    pub(super) messages: AtomicU64,
    pub(super) posts: AtomicU64,
    pub(super) posts_gone: AtomicU64,
    pub(super) posts_throttled: AtomicU64,
    pub(super) frames_sent: AtomicU64,
}

/// A reading of the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests of every kind, besides those that look at the cloud itself.
    pub http_requests: u64,
    /// Sockets opened.
    pub connected: u64,
    /// Sockets ended.
    pub disconnected: u64,
    /// Messages from clients.
    pub messages: u64,
    /// Posts accepted for a socket.
    pub posts: u64,
    /// Posts answered 410.
    pub posts_gone: u64,
    /// Posts answered 429.
    pub posts_throttled: u64,
    /// Data frames given to sockets.
    pub frames_sent: u64,
}

impl Counters {
    /// Counts one more and gives its number.
    pub(super) fn add(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn read(&self) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
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
