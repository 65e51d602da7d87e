//! The open sockets by their ids. One is in here from the moment its 101 goes out until its socket ends, and only then can be posted to.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

use super::outbox::Outbox;
use super::stamp;
use super::websocket_api::SocketEdge;

/// One socket, as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Connection id.
    pub id: String,
    /// Stage of its API.
    pub stage: String,
    /// Milliseconds since 1970.
    pub connected_at: u64,
    /// Milliseconds since 1970: the last data frame either way.
    pub last_active_at: u64,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The client's `User-Agent`, if it sent one.
    pub user_agent: Option<String>,
    /// Who it is, if an authorizer said so.
    pub principal: Option<String>,
}

/// What a socket keeps for its whole life.
pub(super) struct Connection {
    pub(super) id: String,
    /// The first socket that was accepted is 1.
    pub(super) number: u64,
    pub(super) edge: Arc<SocketEdge>,
    pub(super) connected_at: u64,
    pub(super) source_ip: IpAddr,
    pub(super) user_agent: Option<String>,
    /// The `Host` that the client used.
    pub(super) domain: String,
    /// What the authorizer said; repeated in every event.
    pub(super) authorizer: Option<Map<String, Value>>,
    pub(super) outbox: Outbox,
    last_active_at: AtomicU64,
}

impl Connection {
    pub(super) fn new(edge: Arc<SocketEdge>, domain: String, source_ip: IpAddr, user_agent: Option<String>) -> Self {
        let now = stamp::now_ms();
        Self {
            id: stamp::connection_id(),
            number: 0,
            edge,
            connected_at: now,
            source_ip,
            user_agent,
            domain,
            authorizer: None,
            outbox: Outbox::new(),
            last_active_at: AtomicU64::new(now),
        }
    }

    pub(super) fn touch(&self) {
        self.last_active_at.store(stamp::now_ms(), Ordering::Relaxed);
    }

    pub(super) fn info(&self) -> ConnectionInfo {
        ConnectionInfo {
            id: self.id.clone(),
            stage: self.edge.stage.clone(),
            connected_at: self.connected_at,
            last_active_at: self.last_active_at.load(Ordering::Relaxed),
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

    /// Lets every socket look at its limits.
    pub(super) fn wake(&self) {
        for connection in self.all() {
            connection.outbox.wake();
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
