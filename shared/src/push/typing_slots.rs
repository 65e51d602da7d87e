//! Typists of a room: a few per interval are announced, whichever instances serve them. When all members type, frames stay linear in the members.

use std::collections::BTreeMap;

use crate::error::Limit;
use crate::id::RoomId;
use crate::push::{Push, log_push_failure};
use crate::time::Timestamp;

/// Members announced as typing per room and interval of 2 seconds. Clients name two at most.
const SLOTS: Limit = Limit { quota: 3, window: 2 };

impl Push {
    /// Returns whether one more member of the room may be announced as typing to so many others in this interval. One write, and none in rooms that
    /// have a slot for each. Without an answer it may not: clients drop the state by themselves.
    pub async fn take_typing_slot(&self, room: RoomId, others: usize, now: Timestamp) -> bool {
        if usize::try_from(SLOTS.quota).is_ok_and(|slots| others < slots) {
            return true;
        }
        match self {
            Self::Cloud(cloud) => match cloud.ephemeral.count(&format!("typing#{room}"), SLOTS, now).await {
                Ok(full) => full.is_none(),
                Err(error) => {
                    log_push_failure("counting typists", &error);
                    false
                }
            },
            Self::Memory(memory) => {
                memory.count_write().await;
                memory.typing.lock().await.take(room, now)
            }
        }
    }
}

/// The counters in memory.
#[derive(Debug, Default)]
pub(super) struct TypingSlots {
    taken: BTreeMap<(RoomId, i64), u32>,
}

impl TypingSlots {
    fn take(&mut self, room: RoomId, now: Timestamp) -> bool {
        let taken = self.taken.entry((room, now.seconds().div_euclid(i64::from(SLOTS.window)))).or_default();
        *taken += 1;
        *taken <= SLOTS.quota
    }
}
