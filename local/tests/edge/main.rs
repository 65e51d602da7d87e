//! The edges of the local cloud against the behaviour of AWS: real sockets, recorded events, functions played by closures.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on may panic")]

mod bad_input;
mod connections_api;
mod faults;
mod golden;
mod http_api;
mod many;
mod play;
mod readme;
mod rfc6455;
mod template;
mod template_errors;
mod template_queues;
mod websocket_api;
mod websocket_closes;
mod websocket_messages;
mod wire;
