//! The limits of API Gateway, with AWS's values as defaults; tests and faults compress them.

use std::time::Duration;

/// What the edges allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A socket without a data frame either way for so long is closed with 1001.
    pub idle: Duration,
    /// A socket lives no longer; then 1001.
    pub lifetime: Duration,
    /// Bytes of one incoming frame; beyond it 1009.
    pub frame: usize,
    /// Bytes of one message, in or out; beyond it 1009, or 413 to a post.
    pub message: usize,
    /// Bytes of an HTTP request's body.
    pub http_body: usize,
    /// Bytes of the event that a function gets.
    pub payload: usize,
    /// Bytes of a request's line and headers together.
    pub request_head: usize,
    /// Bytes of the URL that a socket is opened with.
    pub socket_url: usize,
    /// How long a connection may be without a request, a request's head may take to arrive, and then its body, which is answered with 408.
    pub arrival: Duration,
    /// How long an HTTP route waits for its function.
    pub http_timeout: Duration,
    /// How long the authorizer may take. Routes of a WebSocket API have timeouts of their own.
    pub authorizer_timeout: Duration,
    /// Bytes that may wait for a slow client; a post beyond them gets 429.
    pub queued_bytes: usize,
    /// Frames that may wait for a slow client.
    pub queued_frames: usize,
    /// How long a closing handshake, or a stop, waits for the other side.
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
