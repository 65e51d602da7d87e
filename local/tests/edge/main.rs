//! The gateway against AWS's behaviour: real sockets, recorded events, closures as functions.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on may panic")]

mod bad_input;
mod client;
mod connections_api;
mod faults;
mod fixture;
mod golden;
mod http2;
mod http_api;
mod many;
mod readme;
mod rfc6455;
mod template;
mod template_errors;
mod template_queues;
mod template_rules;
mod tls;
mod websocket_api;
mod websocket_closes;
mod websocket_messages;
