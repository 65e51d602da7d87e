//! Push in memory: records presence and frames; for tests of the domain rules.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use crate::config::CoalescingConfig;
use crate::error::Limit;
use crate::id::{ConnectionId, RoomId, UserId};
use crate::protocol::frames::Frame;
use crate::push::Encoded;
use crate::push::coalescing::Coalescing;
use crate::push::contact_counters::ContactCounters;
use crate::push::notify::{NotifyLeases, NotifyRequest};
use crate::push::presence_checks::ScheduledCheck;
use crate::push::presence_record::PresenceRecord;
use crate::push::shards::Shard;
use crate::push::socket_index::Indexing;
use crate::push::socket_registry::Connection;
use crate::push::typing_slots::TypingSlots;
use crate::store::recipients::Recipients;
use crate::store::session_closings::SessionClosing;
use crate::time::Timestamp;

/// Everything recorded so far.
#[derive(Debug, Default)]
pub struct Memory {
    sent: Mutex<Vec<(UserId, Frame)>>,
    people: Mutex<BTreeMap<UserId, PresenceRecord>>,
    indexes: Mutex<BTreeMap<RoomId, Vec<Connection>>>,
    came: Mutex<Vec<UserId>>,
    left: Mutex<BTreeSet<UserId>>,
    delivered: Mutex<Vec<Delivered>>,
    pub(super) checks: Mutex<Vec<ScheduledCheck>>,
    pub(super) notify_members: Option<usize>,
    pub(super) notify_requests: Mutex<Vec<NotifyRequest>>,
    pub(super) turns: Mutex<NotifyLeases>,
    pub(super) reach: Option<Limit>,
    pub(super) contacts: Mutex<ContactCounters>,
    pub(super) typing: Mutex<TypingSlots>,
    work: Mutex<PushWork>,
    pub(super) coalescing: Option<Coalescing>,
    /// Shards for later; none where there is no queue.
    later: Option<Mutex<Vec<Shard>>>,
}

/// What pushing would have cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushWork {
    /// The registered sockets that frames were posted to.
    pub posts: Vec<ConnectionId>,
    /// Users looked up in the registry of sockets, and sockets read from the indexes of rooms.
    pub lookups: usize,
    /// Counters written in DynamoDB.
    pub writes: usize,
}

/// A frame posted to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub connection: ConnectionId,
    pub text: String,
}

impl Memory {
    /// Enables notifications in rooms of up to this many members.
    #[must_use]
    pub fn with_notifications(members: usize) -> Self {
        Self { notify_members: Some(members), ..Self::default() }
    }

    /// Enables the contact limit.
    #[must_use]
    pub fn with_contact_limit(limit: Limit) -> Self {
        Self { reach: Some(limit), ..Self::default() }
    }

    /// Enables coalescing, with a queue of deliveries.
    #[must_use]
    pub fn with_coalescing(config: CoalescingConfig) -> Self {
        Self { coalescing: Some(Coalescing::new(config)), later: Some(Mutex::default()), ..Self::default() }
    }

    /// The same without the queue.
    #[must_use]
    pub fn without_queue(self) -> Self {
        Self { later: None, ..self }
    }

    /// The same with notifications in rooms of up to this many members.
    #[must_use]
    pub fn notifying(self, members: usize) -> Self {
        Self { notify_members: Some(members), ..self }
    }

    /// Takes the shards that wait in the queue.
    pub async fn take_deliveries(&self) -> Vec<Shard> {
        match &self.later {
            Some(later) => std::mem::take(&mut *later.lock().await),
            None => Vec::new(),
        }
    }

    /// Queues a shard. Returns whether there is a queue.
    pub(super) async fn take_later(&self, shard: &Shard) -> bool {
        match &self.later {
            Some(later) => later.lock().await.push(shard.clone()),
            None => return false,
        }
        true
    }

    /// Records a frame of a window for the recipients among these sockets.
    pub(super) async fn note_delivery(&self, audience: &[Connection], recipients: &Recipients, frame: &Frame, now: Timestamp) {
        let is_reached = |socket: &&Connection| recipients.contains(socket.user) && !recipients.has_ended(socket.session, now);
        let reached: Vec<_> = audience.iter().filter(is_reached).cloned().collect();
        self.count_posts(&reached).await;
        let users: BTreeSet<_> = reached.iter().map(|socket| socket.user).collect();
        self.record(&users.into_iter().collect::<Vec<_>>(), frame).await;
    }

    /// Takes the recorded notification requests.
    pub async fn take_notify_requests(&self) -> Vec<NotifyRequest> {
        std::mem::take(&mut *self.notify_requests.lock().await)
    }

    /// Takes the posts and lookups so far.
    pub async fn take_work(&self) -> PushWork {
        std::mem::take(&mut *self.work.lock().await)
    }

    pub(super) async fn count_write(&self) {
        self.work.lock().await.writes += 1;
    }

    pub(super) async fn count_posts(&self, sockets: &[Connection]) {
        self.work.lock().await.posts.extend(sockets.iter().map(|socket| socket.id.clone()));
    }

    pub(super) async fn record(&self, users: &[UserId], frame: &Frame) {
        self.sent.lock().await.extend(users.iter().map(|user| (*user, frame.clone())));
    }

    pub(super) async fn take_sent(&self) -> Vec<(UserId, Frame)> {
        std::mem::take(&mut *self.sent.lock().await)
    }

    pub(super) async fn deliver(&self, audience: Vec<Connection>, recipients: &Recipients, encoded: &Encoded, now: Timestamp) {
        let open = audience.into_iter().filter(|connection| !recipients.has_ended(connection.session, now));
        self.delivered.lock().await.extend(open.map(|connection| Delivered {
            text: String::from_utf8_lossy(&encoded.bytes_for(&connection)).into_owned(),
            connection: connection.id,
        }));
    }

    /// Takes the presence checks scheduled for later.
    pub async fn take_checks(&self) -> Vec<ScheduledCheck> {
        std::mem::take(&mut *self.checks.lock().await)
    }

    /// Takes the frames posted for shards.
    pub async fn take_delivered(&self) -> Vec<Delivered> {
        std::mem::take(&mut *self.delivered.lock().await)
    }

    /// The sockets of the recipients, without those of ended sessions.
    pub(super) async fn live(&self, recipients: &Recipients, now: Timestamp) -> Vec<Connection> {
        self.work.lock().await.lookups += recipients.len();
        let there = self.presence_of(recipients.users()).await.into_iter().flat_map(|found| found.live);
        there.filter(|connection| !recipients.has_ended(connection.session, now)).collect()
    }

    pub(super) async fn close(&self, user: UserId, closings: &[SessionClosing], now: Timestamp) {
        let over = |connection: &Connection| closings.iter().any(|closing| closing.session == connection.session);
        let found = self.presence_of(&[user]).await;
        for connection in found.into_iter().flat_map(|found| found.live).filter(over) {
            self.unregister(user, &connection.id, now).await;
        }
    }

    /// Takes the users whose first socket opened.
    pub async fn take_arrivals(&self) -> Vec<UserId> {
        std::mem::take(&mut *self.came.lock().await)
    }

    pub(super) async fn register(&self, connection: &Connection) {
        let mut people = self.people.lock().await;
        let person = people.entry(connection.user).or_insert_with(|| PresenceRecord::never_connected(connection.user));
        if person.should_announce_online(connection.connected_at) {
            self.came.lock().await.push(connection.user);
        }
        person.live.push(connection.clone());
        (person.announced_online, person.opened_count) = (true, person.opened_count + 1);
    }

    pub(super) async fn index(&self, indexing: Indexing<'_>) {
        let mut indexes = self.indexes.lock().await;
        for room in indexing.rooms {
            let index = indexes.entry(*room).or_default();
            index.retain(|known| indexing.sockets.iter().all(|socket| socket.id != known.id));
            index.extend_from_slice(indexing.sockets);
        }
    }

    pub(super) async fn indexed_sockets(&self, room: RoomId) -> Vec<Connection> {
        let found = self.indexes.lock().await.get(&room).cloned().unwrap_or_default();
        self.work.lock().await.lookups += found.len();
        found
    }

    pub(super) async fn unregister(&self, user: UserId, connection: &ConnectionId, now: Timestamp) {
        self.indexes.lock().await.values_mut().for_each(|index| index.retain(|socket| socket.id != *connection));
        let mut people = self.people.lock().await;
        let Some(person) = people.get_mut(&user) else { return };
        let before = person.live.len();
        person.live.retain(|live| live.id != *connection);
        person.last_closed_at = Some(now);
        if before > 0 && person.live.is_empty() {
            self.schedule_offline_check(user).await;
        }
    }

    pub(super) async fn presence_of(&self, users: &[UserId]) -> Vec<PresenceRecord> {
        let people = self.people.lock().await;
        users.iter().filter_map(|user| people.get(user).cloned()).collect()
    }

    pub(super) async fn mark_offline(&self, found: &PresenceRecord) -> bool {
        let mut people = self.people.lock().await;
        let Some(person) = people.get_mut(&found.user) else { return false };
        let settled = person.announced_online && person.opened_count == found.opened_count;
        person.announced_online &= !settled;
        settled
    }

    pub(super) async fn schedule_offline_check(&self, user: UserId) {
        self.left.lock().await.insert(user);
    }

    /// Takes the users who left, across all windows.
    pub(super) async fn departed_users(&self) -> Vec<UserId> {
        std::mem::take(&mut *self.left.lock().await).into_iter().collect()
    }
}
