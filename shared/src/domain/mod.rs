//! The rules. Whatever both doors (HTTP and socket) can do is one function here; no SQL text, no HTTP, no AWS.

pub mod accounts;
pub mod messages;
mod passwords;
pub mod readiness;
mod refresh;
pub mod rooms;
mod secrets;
pub mod sessions;
pub mod throttle;
pub mod tickets;
pub mod tokens;
pub mod visitor;
pub mod welcome;
