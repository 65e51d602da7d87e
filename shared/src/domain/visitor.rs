//! Someone who has not shown yet who they are.

use crate::time::Timestamp;

/// The origin of a request without a [`Caller`](crate::caller::Caller).
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The address, as the gateway saw it.
    pub ip: String,
    /// When the request was received.
    pub now: Timestamp,
}
