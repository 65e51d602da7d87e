//! The origin of an unauthenticated request.

use crate::time::Timestamp;

/// The client of a request without a [`Caller`](crate::caller::Caller).
#[derive(Clone, Debug)]
pub struct AnonymousCaller {
    /// IP address as the gateway saw it.
    pub ip: String,
    /// When the request was received.
    pub now: Timestamp,
}
