//! The outer ring of tests: the real binaries behind the local cloud, asked over HTTP and WebSockets as any client would.
//!
//! With `API_URL` and `WS_URL` set, the tests that need nothing but a client run against that deployment instead.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod api;
mod bad_input;
mod changes;
mod chat;
mod cloud;
mod credentials;
mod crowd;
mod faults;
mod limits;
mod promises;
mod reading;
mod rooms;
mod sessions;
mod socket;
