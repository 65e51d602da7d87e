//! The edges of the local cloud against the behaviour of AWS: real sockets, recorded events, functions played by closures.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on may panic")]

mod connections_api;
mod http_api;
mod play;
mod template;
mod template_errors;
mod websocket_api;
mod websocket_closes;
mod websocket_messages;
mod wire;
