//! The open sockets by connection id. A socket is registered from its 101 response until it ends, and only then accepts posts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::ids;
use super::limits::Limits;
use super::outbox::{Outbox, PushResult};
use super::shared::{Counters, Shared};
use super::websocket_api::WebSocketEndpoint;

/// Public information about a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    pub id: String,
    /// Stage of its API.
    pub stage: String,
    /// Milliseconds since 1970.
    pub connected_at: u64,
    /// Milliseconds since 1970 of the last data frame in either direction.
    pub last_active_at: u64,
    pub source_ip: IpAddr,
    pub user_agent: Option<String>,
    /// The authorizer's `principalId`, if any.
    pub principal: Option<String>,
}

/// A socket's state.
pub(super) struct Connection {
    pub(super) id: String,
    /// Counts accepted sockets from 1.
    pub(super) number: u64,
    pub(super) endpoint: Arc<WebSocketEndpoint>,
    pub(super) connected_at: u64,
    pub(super) source_ip: IpAddr,
    pub(super) user_agent: Option<String>,
    /// The `Host` header of the handshake.
    pub(super) domain: String,
    /// The authorizer's context, repeated in every event.
    pub(super) authorizer: Option<Map<String, Value>>,
    pub(super) outbox: Outbox,
    began: Instant,
    /// Microseconds from `began` to the last data frame in either direction.
    active: AtomicU64,
    counters: Arc<Counters>,
}

impl Connection {
    pub(super) fn new(
        shared: &Shared,
        endpoint: Arc<WebSocketEndpoint>,
        domain: String,
        source_ip: IpAddr,
        user_agent: Option<String>,
    ) -> Self {
        Self {
            id: ids::connection_id(),
            number: 0,
            endpoint,
            connected_at: ids::now_ms(),
            source_ip,
            user_agent,
            domain,
            authorizer: None,
            outbox: Outbox::new(),
            began: Instant::now(),
            active: AtomicU64::new(0),
            counters: Arc::clone(&shared.counters),
        }
    }

    /// Sends a text frame, at once or after those that wait.
    pub(super) fn push(&self, frame: &Utf8Bytes, limits: &Limits) -> PushResult {
        let result = self.outbox.push(frame, limits);
        if result == PushResult::Written {
            self.sent(1);
        }
        result
    }

    /// Records sent frames.
    pub(super) fn sent(&self, frames: u64) {
        self.touch();
        self.counters.frames_sent.fetch_add(frames, Ordering::Relaxed);
    }

    /// Records a data frame.
    pub(super) fn touch(&self) {
        let active = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.active.store(active, Ordering::Relaxed);
    }

    /// When the last data frame went in either direction.
    pub(super) fn last_active(&self) -> Instant {
        self.began + self.active()
    }

    fn active(&self) -> Duration {
        Duration::from_micros(self.active.load(Ordering::Relaxed))
    }

    pub(super) fn info(&self) -> ConnectionInfo {
        ConnectionInfo {
            id: self.id.clone(),
            stage: self.endpoint.stage.clone(),
            connected_at: self.connected_at,
            last_active_at: self.connected_at + u64::try_from(self.active().as_millis()).unwrap_or_default(),
            source_ip: self.source_ip,
            user_agent: self.user_agent.clone(),
            principal: self.authorizer.as_ref().and_then(|block| block.get("principalId")?.as_str()).map(str::to_owned),
        }
    }
}

#[derive(Default)]
pub(super) struct Connections(RwLock<HashMap<String, Arc<Connection>>>);

impl Connections {
    pub(super) fn insert(&self, connection: &Arc<Connection>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(connection.id.clone(), Arc::clone(connection));
    }

    pub(super) fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Wakes the task of every socket.
    pub(super) fn wake(&self) {
        for connection in self.all() {
            connection.outbox.wake();
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
