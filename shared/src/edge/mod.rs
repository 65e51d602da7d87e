//! The boundary: parses AWS events into typed input and turns results into AWS responses. No domain rules, no SQL.

pub mod cloudformation;
pub mod distribution;
pub mod extract;
pub mod http;
pub mod json_body;
pub mod pagination;
pub mod problem;
pub mod queue_events;
pub mod rate_limit_headers;
pub mod secrets;
pub mod socket;
