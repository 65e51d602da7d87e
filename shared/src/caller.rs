//! The caller of a request: built once per request from a verified session.

use crate::id::{ConnectionId, SessionId, UserId};
use crate::time::Timestamp;

/// The authenticated user behind a request, and the time of the request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub user: UserId,
    /// The username, as frames show it.
    pub username: String,
    /// The session of the credential.
    pub session: SessionId,
    /// The socket of the request, unless it came over HTTP. Its answer says what the user's other sockets get as frames.
    pub connection: Option<ConnectionId>,
    /// When the request arrived; every row that it writes carries this time.
    pub now: Timestamp,
}

/// The sender of a message. Over a socket, the statement that locks the room verifies the session.
#[derive(Clone, Debug)]
pub struct MessageSender {
    pub user: UserId,
    pub session: SessionId,
    pub connection: Option<ConnectionId>,
    pub now: Timestamp,
    /// None while the session is not verified.
    pub username: Option<String>,
}

impl MessageSender {
    pub(crate) fn verified(&self, username: String) -> Caller {
        let Self { user, session, connection, now, .. } = self.clone();
        Caller { user, username, session, connection, now }
    }
}

impl From<&Caller> for MessageSender {
    fn from(caller: &Caller) -> Self {
        let Caller { user, username, session, connection, now } = caller.clone();
        Self { user, session, connection, now, username: Some(username) }
    }
}
