//! Who is at the other end of a TCP connection, as the gateway sees it.

use std::net::{IpAddr, SocketAddr};

/// A client's address and the port it came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Never an IPv4 address in IPv6 clothes.
    pub(super) ip: IpAddr,
    /// The gateway's own port.
    pub(super) port: u16,
}

impl Peer {
    pub(super) fn new(remote: SocketAddr, port: u16) -> Self {
        Self { ip: remote.ip().to_canonical(), port }
    }
}
