//! Closing sockets: a last frame that says why, then the close. Those of a session that has ended count as closed only once API Gateway says so.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::protocol::frames::{Dialect, Frame};
use crate::push::audience::YOUNG_MS;
use crate::push::posts::Posted;
use crate::push::presence::Look;
use crate::push::registry::Connection;
use crate::push::{Cloud, Push, unheard};
use crate::store::endings::Closing;
use crate::time::Timestamp;

/// A person's sockets are closed within this time, or later by somebody else.
const WITHIN: Duration = Duration::from_secs(2);
/// Whoever meets sockets that should be closed asks for it no oftener, per instance.
const BETWEEN_ASKING_MS: i64 = 2000;

impl Push {
    /// Says `bye` to one socket and closes it.
    pub async fn close(&self, connection: &Connection, bye: &Frame, now: Timestamp) {
        if let Self::Cloud(cloud) = self {
            Box::pin(cloud.end(std::slice::from_ref(connection), bye, now)).await;
        }
    }

    /// Closes the sockets of sessions that have ended, all at once. Gives those sessions that have none left.
    pub async fn close_sessions(&self, user: UserId, closings: &[Closing], now: Timestamp) -> Result<Vec<SessionId>> {
        match self {
            Self::Cloud(cloud) => {
                let closing = Box::pin(cloud.close_sessions(user, closings, now));
                tokio::time::timeout(WITHIN, closing).await.map_err(Error::unavailable)?
            }
            Self::Memory(memory) => {
                memory.close(user, closings, now).await;
                Ok(closings.iter().map(|closing| closing.session).collect())
            }
        }
    }

    /// Has somebody else close the sockets of a person's ended sessions.
    pub async fn ask_to_close(&self, user: UserId, now: Timestamp) {
        if let Self::Cloud(cloud) = self {
            Box::pin(cloud.look(Look::Ended { user_id: user.0 }, now)).await;
        }
    }
}

impl Cloud {
    /// Closes sockets of one person as far as that can be done, and forgets them.
    pub(super) async fn end(&self, connections: &[Connection], bye: &Frame, now: Timestamp) {
        let Some(first) = connections.first() else { return };
        join_all(connections.iter().map(|connection| self.say_and_close(connection, bye, now))).await;
        let ids: Vec<_> = connections.iter().map(|connection| connection.id.clone()).collect();
        if let Err(error) = self.forget(first.user, &ids, now).await {
            unheard("forgetting closed connections", &error);
        }
    }

    async fn close_sessions(&self, user: UserId, closings: &[Closing], now: Timestamp) -> Result<Vec<SessionId>> {
        let found = self.registry.find_all(user, now).await?;
        let why = |connection: &Connection| closings.iter().find(|closing| closing.session == connection.session);
        let closing = found.iter().filter_map(|connection| {
            let bye = why(connection)?.cause.bye();
            Some(async move { (connection, self.say_and_close(connection, &bye, now).await) })
        });
        let (mut gone, mut open) = (Vec::new(), BTreeSet::new());
        for (connection, closed) in join_all(closing).await {
            if closed {
                gone.push(connection.id.clone());
            } else {
                open.insert(connection.session.0);
            }
        }
        self.forget(user, &gone, now).await?;
        Ok(closings.iter().map(|closing| closing.session).filter(|session| !open.contains(&session.0)).collect())
    }

    /// Whether the socket is surely no more. One that is just being opened answers that it is gone, and then comes.
    async fn say_and_close(&self, connection: &Connection, bye: &Frame, now: Timestamp) -> bool {
        self.posts.post(&connection.id, bye.encode(Dialect::Lean), now).await;
        match self.posts.close(&connection.id, now).await {
            Posted::Accepted => true,
            Posted::Gone => now.since(connection.connected_at) >= YOUNG_MS,
            Posted::Throttled | Posted::Failed => false,
        }
    }

    /// The same as [`Push::ask_to_close`], but not over and over.
    pub(super) async fn ask_to_close(&self, user: UserId, now: Timestamp) {
        let before = self.asked_at.load(Ordering::Relaxed);
        let due = now.since(Timestamp(before)) >= BETWEEN_ASKING_MS;
        if due && self.asked_at.compare_exchange(before, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.look(Look::Ended { user_id: user.0 }, now).await;
        }
    }
}
