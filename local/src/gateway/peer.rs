//! The remote end of a TCP connection.

use std::net::{IpAddr, SocketAddr};

/// The client's address and the local port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// IPv4-mapped IPv6 addresses are converted to IPv4.
    pub(super) ip: IpAddr,
    /// The gateway's port.
    pub(super) port: u16,
    /// Whether it came over TLS.
    pub(super) is_secure: bool,
}

impl Peer {
    pub(super) fn new(remote: SocketAddr, port: u16) -> Self {
        Self { ip: remote.ip().to_canonical(), port, is_secure: false }
    }

    /// The scheme as `X-Forwarded-Proto` names it.
    pub(super) fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }
}
