//! Which rooms are lively enough to coalesce, and the delivery at a window's end. Each instance knows the rooms in which it pushed lately: what it
//! does not know costs frames, never a message.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::config::CoalescingConfig;
use crate::error::{Error, Limit};
use crate::id::{Head, RoomId};
use crate::protocol::frames::Frame;
use crate::push::audience::Audience;
use crate::push::shards::{Shard, ShardPayload};
use crate::push::socket_registry::Connection;
use crate::push::{Encoded, Push, log_push_failure};
use crate::store::recipients::Recipients;
use crate::time::Timestamp;

/// The length of a window. SQS counts delays in whole seconds.
pub const WINDOW: Duration = Duration::from_secs(1);
/// How long a room counts as crowded after a broadcast that found it so.
const KNOWN_MS: i64 = 60_000;
/// Rooms that an instance remembers at most.
const MAX_KNOWN: usize = 1000;
/// The time limit for leaving a delivery: the room's row is locked meanwhile.
const LEAVING: Duration = Duration::from_millis(300);
/// The pause after a failure.
const PAUSE_MS: i64 = 10_000;

/// The rooms that this instance may coalesce.
#[derive(Debug)]
pub(super) struct Coalescing {
    config: CoalescingConfig,
    /// When each crowded room was last found so.
    crowded: Mutex<BTreeMap<RoomId, Timestamp>>,
    /// No window opens before, in epoch milliseconds: the queue did not take a delivery.
    paused_until: AtomicI64,
}

impl Coalescing {
    pub(super) fn new(config: CoalescingConfig) -> Self {
        Self { config, crowded: Mutex::default(), paused_until: AtomicI64::new(0) }
    }

    fn note(&self, room: RoomId, sockets: &[Connection], now: Timestamp) {
        let CoalescingConfig { sockets: least, most, .. } = self.config;
        let packed = sockets.iter().filter(|socket| socket.dialect.is_packed()).count();
        let mut crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
        if least == 0 || packed < least || sockets.len() > most {
            crowded.remove(&room);
            return;
        }
        if crowded.len() >= MAX_KNOWN {
            crowded.retain(|_, found_at| now.since(*found_at) < KNOWN_MS);
        }
        if crowded.len() < MAX_KNOWN {
            crowded.insert(room, now);
        }
    }

    fn is_crowded(&self, room: RoomId, now: Timestamp) -> bool {
        let crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
        let known = crowded.get(&room).is_some_and(|found_at| now.since(*found_at) < KNOWN_MS);
        known && now.0 >= self.paused_until.load(Ordering::Relaxed)
    }
}

impl Push {
    fn coalescing(&self) -> Option<&Coalescing> {
        match self {
            Self::Cloud(cloud) => Some(&cloud.coalescing),
            Self::Memory(memory) => memory.coalescing.as_ref(),
        }
    }

    /// The rate up to which a room gets single messages; none where nothing is coalesced.
    pub fn coalescing_rate(&self) -> Option<Limit> {
        self.coalescing().filter(|coalescing| coalescing.config.sockets > 0).map(|coalescing| coalescing.config.rate)
    }

    /// Remembers how many sockets a room's audience has.
    pub fn note_crowd(&self, room: RoomId, audience: &Audience, now: Timestamp) {
        if let Some(coalescing) = self.coalescing() {
            coalescing.note(room, audience.sockets(), now);
        }
    }

    /// Whether enough sockets with `conchat.v2` were in the room lately, and not so many that it gets hints.
    pub fn is_crowded(&self, room: RoomId, now: Timestamp) -> bool {
        self.coalescing().is_some_and(|coalescing| coalescing.is_crowded(room, now))
    }

    /// Leaves the delivery of a window that this message opens in the queue. Returns whether it is there.
    pub async fn leave_window(&self, room_id: RoomId, opening: Head, now: Timestamp) -> bool {
        let Head { seq: first, rev } = opening;
        let shard = Shard::of(ShardPayload::Window { room_id, first, rev }, &[]);
        let left = tokio::time::timeout(LEAVING, self.deliver_later(&shard, WINDOW, now)).await;
        let left = left.unwrap_or_else(|elapsed| Err(Error::unavailable(elapsed)));
        let left = left.inspect_err(|error| log_push_failure("leaving a window's delivery", error)).unwrap_or_default();
        if !left && let Some(coalescing) = self.coalescing() {
            coalescing.paused_until.store(now.0 + PAUSE_MS, Ordering::Relaxed);
        }
        left
    }

    /// Parts an audience into what this invocation serves itself, and shards for others.
    pub fn shards_of(&self, what: &ShardPayload, audience: &Audience) -> (Vec<Connection>, Vec<Shard>) {
        let size = match self {
            Self::Cloud(cloud) => cloud.config.shard.max(1),
            Self::Memory(_) => usize::MAX,
        };
        let mut parts = audience.sockets().chunks(size);
        let own = parts.next().unwrap_or_default().to_vec();
        (own, parts.map(|part| Shard::of(what.clone(), part)).collect())
    }

    /// Posts frames one after the other to the sockets whose users are still recipients. Returns the sockets that did not answer; they get no further
    /// frame.
    pub async fn deliver_in_order(
        &self,
        mut audience: Vec<Connection>,
        recipients: &Recipients,
        frames: &[Frame],
        now: Timestamp,
    ) -> Vec<Connection> {
        let mut unanswered: Vec<Connection> = Vec::new();
        for frame in frames {
            if audience.is_empty() {
                break;
            }
            if let Self::Memory(memory) = self {
                memory.note_delivery(&audience, recipients, frame, now).await;
            }
            let encoded = Encoded::of(frame, &audience);
            let missed = self.deliver(audience.clone(), recipients, &encoded, now).await;
            audience.retain(|socket| !missed.contains(socket));
            unanswered.extend(missed);
        }
        unanswered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ConnectionId, SessionId, UserId};
    use crate::protocol::dialect::Dialect;

    const ROOM: RoomId = RoomId(7);
    const NOW: Timestamp = Timestamp(1_000_000);

    fn sockets(packed: u64, lean: u64) -> Vec<Connection> {
        let socket = |number| Connection {
            user: UserId(number),
            id: ConnectionId(number.to_string()),
            session: SessionId(1),
            dialect: Dialect::of_flags(true, number < packed),
            connected_at: NOW,
        };
        (0..packed + lean).map(socket).collect()
    }

    #[test]
    fn a_room_is_crowded_while_enough_of_its_sockets_take_packed_frames() {
        let coalescing = Coalescing::new(CoalescingConfig { sockets: 20, rate: Limit { quota: 4, window: 1 }, most: 1000 });
        for (packed, lean, crowded) in [(19, 50, false), (20, 0, true), (20, 980, true), (20, 981, false), (500, 0, true)] {
            coalescing.note(ROOM, &sockets(packed, lean), NOW);
            assert_eq!(coalescing.is_crowded(ROOM, NOW), crowded, "{packed} and {lean}");
        }
        assert!(!coalescing.is_crowded(RoomId(8), NOW), "another room is unknown");
        assert!(coalescing.is_crowded(ROOM, Timestamp(NOW.0 + KNOWN_MS - 1)));
        assert!(!coalescing.is_crowded(ROOM, Timestamp(NOW.0 + KNOWN_MS)), "old knowledge does not count");
        coalescing.paused_until.store(NOW.0 + 1, Ordering::Relaxed);
        assert!(!coalescing.is_crowded(ROOM, NOW) && coalescing.is_crowded(ROOM, Timestamp(NOW.0 + 1)));
    }

    #[test]
    fn zero_sockets_turn_it_off_and_the_memory_is_bounded() {
        let rate = Limit { quota: 4, window: 1 };
        let off = Coalescing::new(CoalescingConfig { sockets: 0, rate, most: 1000 });
        off.note(ROOM, &sockets(50, 0), NOW);
        assert!(!off.is_crowded(ROOM, NOW));
        let on = Coalescing::new(CoalescingConfig { sockets: 1, rate, most: 1000 });
        (0..2000).for_each(|room| on.note(RoomId(room), &sockets(1, 0), NOW));
        assert_eq!(on.crowded.lock().expect("no panic").len(), MAX_KNOWN);
        let later = Timestamp(NOW.0 + KNOWN_MS);
        on.note(RoomId(5000), &sockets(1, 0), later);
        assert!(on.is_crowded(RoomId(5000), later), "old entries make room");
    }
}
