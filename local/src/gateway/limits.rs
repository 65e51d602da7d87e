//! The limits of API Gateway, with AWS's values as defaults.

use std::time::Duration;

/// Limits of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time without a data frame after which a socket is closed with 1001.
    pub idle: Duration,
    /// Maximum lifetime of a socket, then 1001.
    pub lifetime: Duration,
    /// Maximum bytes of one incoming frame, else 1009.
    pub frame: usize,
    /// Maximum bytes of one message; exceeding it closes with 1009, or answers a post with 413.
    pub message: usize,
    /// Maximum bytes of an HTTP request body.
    pub http_body: usize,
    /// Maximum bytes of a function's event.
    pub payload: usize,
    /// Maximum bytes of the request line and headers together.
    pub request_head: usize,
    /// Maximum bytes of a handshake's URL.
    pub socket_url: usize,
    /// Time limit for an idle connection, for a request's head, and for its body (408).
    pub arrival: Duration,
    /// How long an HTTP route waits for its function.
    pub http_timeout: Duration,
    /// Timeout of the authorizer. WebSocket routes have their own timeouts.
    pub authorizer_timeout: Duration,
    /// Bytes queued for a slow client; further posts get 429.
    pub queued_bytes: usize,
    /// Frames queued for a slow client.
    pub queued_frames: usize,
    /// How long a closing handshake, or `stop`, waits for the peer.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(10),
            lifetime: Duration::from_hours(2),
            frame: 32 << 10,
            message: 128 << 10,
            http_body: 10_000_000,
            payload: 6 << 20,
            request_head: 10_240,
            socket_url: 4096,
            arrival: Duration::from_mins(1),
            http_timeout: Duration::from_secs(30),
            authorizer_timeout: Duration::from_secs(29),
            queued_bytes: 1 << 20,
            queued_frames: 256,
            grace: Duration::from_secs(1),
        }
    }
}
