//! A weak handle to a running gateway for inspection: it keeps nothing alive.

use std::sync::{Arc, Weak};

use super::connections::ConnectionInfo;
use super::shared::{Shared, Stats};

/// A weak handle to a gateway.
#[derive(Clone)]
pub struct GatewayView(Weak<Shared>);

impl std::fmt::Debug for GatewayView {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("View")
    }
}

impl GatewayView {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    /// The open sockets; none once the gateway has stopped.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.0.upgrade().map(|shared| shared.open_connections()).unwrap_or_default()
    }

    /// Totals since the start.
    pub fn stats(&self) -> Stats {
        self.0.upgrade().map(|shared| shared.counters.read()).unwrap_or_default()
    }
}
