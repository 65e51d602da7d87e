//! Who asks, and when. Built once per request from a checked session; everything below trusts it.

use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

/// The authenticated person behind a request, and the request's one time.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The person.
    pub user: UserId,
    /// The person's unique name, as frames show it.
    pub username: String,
    /// The session that the credential belongs to.
    pub session: SessionId,
    /// When the request was received; every row that it writes carries this time.
    pub now: Timestamp,
}
