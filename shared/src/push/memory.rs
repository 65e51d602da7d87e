//! Push without a cloud: keeps who is there and what would be sent, for tests of the rules.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use crate::id::{ConnectionId, UserId};
use crate::protocol::frames::Frame;
use crate::push::attendance::Attendance;
use crate::push::notify::{Asked, Turns};
use crate::push::registry::Connection;
use crate::time::Timestamp;

/// What was kept so far.
#[derive(Debug, Default)]
pub struct Memory {
    heard: Mutex<Vec<(UserId, Frame)>>,
    people: Mutex<BTreeMap<UserId, Attendance>>,
    came: Mutex<Vec<UserId>>,
    left: Mutex<BTreeSet<UserId>>,
    pub(super) notifies: Option<usize>,
    pub(super) asked: Mutex<Vec<Asked>>,
    pub(super) turns: Mutex<Turns>,
}

impl Memory {
    /// In rooms of up to so many members, those who are away are notified.
    #[must_use]
    pub fn notifying(members: usize) -> Self {
        Self { notifies: Some(members), ..Self::default() }
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
