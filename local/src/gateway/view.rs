//! A look at a running gateway from outside: it keeps nothing alive, and once the gateway is gone there is nothing to see.

use std::sync::{Arc, Weak};

use super::connections::ConnectionInfo;
use super::shared::{Shared, Stats};

/// A look at a gateway.
#[derive(Clone)]
pub struct View(Weak<Shared>);

impl std::fmt::Debug for View {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("View")
    }
}

impl View {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    /// The open sockets.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.0.upgrade().map(|shared| shared.open_connections()).unwrap_or_default()
    }

    /// Totals since the start.
    pub fn stats(&self) -> Stats {
        self.0.upgrade().map(|shared| shared.counters.read()).unwrap_or_default()
    }
}
