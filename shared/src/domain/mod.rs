//! Business rules. Each operation that HTTP and sockets share is one function here, without SQL, HTTP or AWS calls.

pub mod admin;
pub mod auth;
pub mod erasure;
pub mod export;
pub mod fanout;
pub mod idempotency;
pub mod limits;
pub mod messages;
pub mod notifications;
mod paging;
pub mod people;
pub mod readiness;
pub mod reports;
pub mod rooms;
pub mod search;
pub mod sweep;
pub mod sync;
pub mod uploads;
