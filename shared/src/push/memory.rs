//! Push without a cloud: keeps who is there and what would be sent, for tests of the rules.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use crate::error::Limit;
use crate::id::{ConnectionId, UserId};
use crate::protocol::frames::Frame;
use crate::push::Encoded;
use crate::push::attendance::Attendance;
use crate::push::notify::{Asked, Turns};
use crate::push::reach::Counted;
use crate::push::registry::Connection;
use crate::store::endings::Closing;
use crate::store::recipients::Recipients;
use crate::time::Timestamp;

/// What was kept so far.
#[derive(Debug, Default)]
pub struct Memory {
    heard: Mutex<Vec<(UserId, Frame)>>,
    people: Mutex<BTreeMap<UserId, Attendance>>,
    came: Mutex<Vec<UserId>>,
    left: Mutex<BTreeSet<UserId>>,
    delivered: Mutex<Vec<Delivered>>,
    pub(super) notifies: Option<usize>,
    pub(super) asked: Mutex<Vec<Asked>>,
    pub(super) turns: Mutex<Turns>,
    pub(super) reach: Option<Limit>,
    pub(super) reached: Mutex<Counted>,
}

/// A frame that reached a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The socket.
    pub connection: ConnectionId,
    /// The frame.
    pub text: String,
}

impl Memory {
    /// In rooms of up to so many members, those who are away are notified.
    #[must_use]
    pub fn notifying(members: usize) -> Self {
        Self { notifies: Some(members), ..Self::default() }
    }

    /// So many strangers may one reach.
    #[must_use]
    pub fn reaching(limit: Limit) -> Self {
        Self { reach: Some(limit), ..Self::default() }
    }

    /// What `notify` was asked since the last time.
    pub async fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().await)
    }

    pub(super) async fn hear(&self, users: &[UserId], frame: &Frame) {
        self.heard.lock().await.extend(users.iter().map(|user| (*user, frame.clone())));
    }

    pub(super) async fn taken(&self) -> Vec<(UserId, Frame)> {
        std::mem::take(&mut *self.heard.lock().await)
    }

    pub(super) async fn deliver(&self, audience: Vec<Connection>, recipients: &Recipients, encoded: &Encoded, now: Timestamp) {
        let open = audience.into_iter().filter(|connection| !recipients.has_ended(connection.session, now));
        self.delivered.lock().await.extend(open.map(|connection| Delivered {
            text: String::from_utf8_lossy(&encoded.bytes_for(&connection)).into_owned(),
            connection: connection.id,
        }));
    }

    /// What was posted for shards since the last time.
    pub async fn delivered(&self) -> Vec<Delivered> {
        std::mem::take(&mut *self.delivered.lock().await)
    }

    /// The sockets of these people whose sessions are not known to have ended.
    pub(super) async fn live(&self, recipients: &Recipients, now: Timestamp) -> Vec<Connection> {
        let there = self.attend(recipients.users()).await.into_iter().flat_map(|found| found.live);
        there.filter(|connection| !recipients.has_ended(connection.session, now)).collect()
    }

    /// Closes the sockets of these sessions.
    pub(super) async fn close(&self, user: UserId, closings: &[Closing], now: Timestamp) {
        let over = |connection: &Connection| closings.iter().any(|closing| closing.session == connection.session);
        let found = self.attend(&[user]).await;
        for connection in found.into_iter().flat_map(|found| found.live).filter(over) {
            self.forget(user, &connection.id, now).await;
        }
    }

    /// Those whose first socket opened since the last time.
    pub async fn came(&self) -> Vec<UserId> {
        std::mem::take(&mut *self.came.lock().await)
    }

    pub(super) async fn register(&self, connection: &Connection) {
        let mut people = self.people.lock().await;
        let person = people.entry(connection.user).or_insert_with(|| Attendance::nobody(connection.user));
        if person.is_coming(connection.connected_at) {
            self.came.lock().await.push(connection.user);
        }
        person.live.push(connection.clone());
        (person.told, person.opened) = (true, person.opened + 1);
    }

    pub(super) async fn forget(&self, user: UserId, connection: &ConnectionId, now: Timestamp) {
        let mut people = self.people.lock().await;
        let Some(person) = people.get_mut(&user) else { return };
        let before = person.live.len();
        person.live.retain(|live| live.id != *connection);
        person.seen = Some(now);
        if before > 0 && person.live.is_empty() {
            self.look_after(user).await;
        }
    }

    pub(super) async fn attend(&self, users: &[UserId]) -> Vec<Attendance> {
        let people = self.people.lock().await;
        users.iter().filter_map(|user| people.get(user).cloned()).collect()
    }

    pub(super) async fn settle(&self, found: &Attendance) -> bool {
        let mut people = self.people.lock().await;
        let Some(person) = people.get_mut(&found.user) else { return false };
        let settled = person.told && person.opened == found.opened;
        person.told &= !settled;
        settled
    }

    pub(super) async fn look_after(&self, user: UserId) {
        self.left.lock().await.insert(user);
    }

    /// Those who left since the last time, in whatever window.
    pub(super) async fn leavers(&self) -> Vec<UserId> {
        std::mem::take(&mut *self.left.lock().await).into_iter().collect()
    }
}
