//! Closing sockets: a `bye` frame with the reason, then the close. The sockets of an ended session count as closed only after API Gateway confirms.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::protocol::dialect::Dialect;
use crate::protocol::frames::Frame;
use crate::push::audience::YOUNG_MS;
use crate::push::posts::PostOutcome;
use crate::push::presence_checks::PresenceCheck;
use crate::push::socket_registry::Connection;
use crate::push::{Cloud, Push, log_push_failure};
use crate::store::session_closings::SessionClosing;
use crate::time::Timestamp;

/// Time limit for closing one user's sockets; the sweep retries the rest.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Minimum interval between close requests of one instance.
const REQUEST_INTERVAL_MS: i64 = 2000;

/// The first attempt of `presence` to close a user's sockets.
fn closing_check(user: UserId) -> PresenceCheck {
    PresenceCheck::Ended { user_id: user.0, attempt: 0 }
}

impl Push {
    /// Sends `bye` to one socket and closes it.
    pub async fn close(&self, connection: &Connection, bye: &Frame, now: Timestamp) {
        if let Self::Cloud(cloud) = self {
            Box::pin(cloud.end(std::slice::from_ref(connection), bye, now)).await;
        }
    }

    /// Closes the sockets of ended sessions in parallel. Returns the sessions without remaining sockets.
    pub async fn close_sessions(&self, user: UserId, closings: &[SessionClosing], now: Timestamp) -> Result<Vec<SessionId>> {
        match self {
            Self::Cloud(cloud) => {
                let closing = Box::pin(cloud.close_sessions(user, closings, now));
                tokio::time::timeout(CLOSE_TIMEOUT, closing).await.map_err(Error::unavailable)?
            }
            Self::Memory(memory) => {
                memory.close(user, closings, now).await;
                Ok(closings.iter().map(|closing| closing.session).collect())
            }
        }
    }

    /// Has `presence` close the sockets of a user's ended sessions.
    pub async fn request_close(&self, user: UserId, now: Timestamp) {
        if let Self::Cloud(cloud) = self {
            Box::pin(cloud.request_check(closing_check(user), Duration::ZERO, now)).await;
        }
    }
}

impl Cloud {
    /// Closes sockets of one user, best effort, and unregisters them.
    pub(super) async fn end(&self, connections: &[Connection], bye: &Frame, now: Timestamp) {
        let Some(first) = connections.first() else { return };
        join_all(connections.iter().map(|connection| self.send_bye_and_close(connection, bye, now))).await;
        let ids: Vec<_> = connections.iter().map(|connection| connection.id.clone()).collect();
        if let Err(error) = self.unregister(first.user, &ids, now).await {
            log_push_failure("forgetting closed connections", &error);
        }
    }

    async fn close_sessions(&self, user: UserId, closings: &[SessionClosing], now: Timestamp) -> Result<Vec<SessionId>> {
        let found = self.registry.find_all(&[user], now).await?;
        let why = |connection: &Connection| closings.iter().find(|closing| closing.session == connection.session);
        let closing = found.iter().filter_map(|connection| {
            let bye = why(connection)?.cause.bye();
            Some(async move { (connection, self.send_bye_and_close(connection, &bye, now).await) })
        });
        let (mut gone, mut open) = (Vec::new(), BTreeSet::new());
        for (connection, closed) in join_all(closing).await {
            if closed {
                gone.push(connection.id.clone());
            } else {
                open.insert(connection.session.0);
            }
        }
        self.unregister(user, &gone, now).await?;
        Ok(closings.iter().map(|closing| closing.session).filter(|session| !open.contains(&session.0)).collect())
    }

    /// Returns whether the socket is gone for certain. A socket that is still opening answers 410 and opens afterwards.
    async fn send_bye_and_close(&self, connection: &Connection, bye: &Frame, now: Timestamp) -> bool {
        self.posts.send(&connection.id, bye.encode(Dialect::Lean), now).await;
        match self.posts.close(&connection.id).await {
            PostOutcome::Accepted => true,
            PostOutcome::Gone => now.since(connection.connected_at) >= YOUNG_MS,
            PostOutcome::Throttled | PostOutcome::Failed => false,
        }
    }

    /// The same as [`Push::request_close`], rate-limited per instance.
    pub(super) async fn request_close(&self, user: UserId, now: Timestamp) {
        let before = self.close_requested_at.load(Ordering::Relaxed);
        let due = now.since(Timestamp(before)) >= REQUEST_INTERVAL_MS;
        if due && self.close_requested_at.compare_exchange(before, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.request_check(closing_check(user), Duration::ZERO, now).await;
        }
    }
}
