//! Requests to the function `notify`, and the pause between notifications: a user gets one per room at once, then at most one per pause, with the
//! latest message.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

use crate::aws::ephemeral_table::Ephemeral;
use crate::error::{Error, Result};
use crate::id::{MessageRef, RoomId, Seq, UserId};
use crate::push::{Cloud, Push, log_push_failure};
use crate::time::Timestamp;

/// Lambda retries for five minutes; sent notifications are remembered this many seconds.
const KEPT: i64 = 600;

/// The event of the function `notify`: notify these users of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyRequest {
    pub room_id: RoomId,
    pub seq: Seq,
    /// Users who are away and have a subscribed device.
    pub to: Vec<UserId>,
}

/// A notification: its recipient and its message.
#[derive(Clone, Copy, Debug)]
pub struct NotificationKey {
    pub user: UserId,
    pub message: MessageRef,
}

/// Whether the caller may notify now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Notify now.
    Now,
    /// The user was notified recently: notify at this time.
    After(Timestamp),
    /// Another invocation handles it.
    HeldElsewhere,
}

impl Push {
    /// The room size up to which all members are notified; none when notifications are off.
    pub fn notify_member_limit(&self) -> Option<usize> {
        match self {
            Self::Cloud(cloud) => cloud.config.notify_function.as_ref().map(|_| cloud.config.notify_members),
            Self::Memory(memory) => memory.notify_members,
        }
    }

    /// Invokes `notify`. Failures are logged, not returned.
    pub async fn request_notifications(&self, request: &NotifyRequest, now: Timestamp) {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.request_notifications(request, now)).await,
            Self::Memory(memory) => memory.notify_requests.lock().await.push(request.clone()),
        }
    }

    /// Acquires the right to notify a user of a room up to this message. Skips users who were already notified of this `seq` or a later one.
    pub async fn acquire_notify_lease(&self, of: NotificationKey, pause: Duration, now: Timestamp) -> Result<LeaseState> {
        let until = Timestamp(now.0.saturating_add_unsigned(u64::try_from(pause.as_millis()).unwrap_or_default()));
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.ephemeral.acquire_notify_lease(of, until, now)).await,
            Self::Memory(memory) => Ok(memory.turns.lock().await.acquire(of, until, now)),
        }
    }
}

impl Cloud {
    async fn request_notifications(&self, request: &NotifyRequest, now: Timestamp) {
        let Some(function) = &self.config.notify_function else { return };
        let done = match serde_json::to_vec(request) {
            Ok(body) => self.invoke_async(function, body, now).await,
            Err(error) => Err(Error::internal(error)),
        };
        if let Err(error) = done {
            log_push_failure("invoking notify", &error);
        }
    }
}

impl Ephemeral {
    /// One write when it is time to notify, two otherwise.
    async fn acquire_notify_lease(&self, of: NotificationKey, until: Timestamp, now: Timestamp) -> Result<LeaseState> {
        let NotificationKey { user, message: MessageRef { room, seq } } = of;
        let number = |value: i64| AttributeValue::N(value.to_string());
        let key = AttributeValue::S(format!("told#{user}#{room}"));
        let seq = AttributeValue::N(seq.to_string());
        let update = || {
            let update = self.client.update_item().table_name(&self.table).key("key", key.clone());
            update.expression_attribute_values(":seq", seq.clone())
        };
        let missed = |error: &UpdateItemError| error.is_conditional_check_failed_exception();
        let now_told = update()
            .update_expression("SET silent_until = :until, seq = :seq, expires_at = :end")
            .condition_expression("attribute_not_exists(silent_until) OR (silent_until <= :now AND seq < :seq)")
            .expression_attribute_values(":until", number(until.0))
            .expression_attribute_values(":now", number(now.0))
            .expression_attribute_values(":end", number(until.seconds() + KEPT))
            .send()
            .await;
        match now_told {
            Ok(_) => return Ok(LeaseState::Now),
            Err(error) if error.as_service_error().is_some_and(missed) => {}
            Err(error) => return Err(Error::unavailable(error)),
        }
        let waits = update()
            .update_expression("SET waits_until = silent_until")
            .condition_expression("seq < :seq AND (attribute_not_exists(waits_until) OR waits_until <> silent_until)")
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        match waits {
            Ok(waits) => {
                let until = waits.attributes().and_then(|item| item.get("waits_until")?.as_n().ok()?.parse().ok());
                Ok(until.map_or(LeaseState::HeldElsewhere, |until| LeaseState::After(Timestamp(until))))
            }
            Err(error) if error.as_service_error().is_some_and(missed) => Ok(LeaseState::HeldElsewhere),
            Err(error) => Err(Error::unavailable(error)),
        }
    }
}

/// The leases in memory.
#[derive(Debug, Default)]
pub(super) struct NotifyLeases {
    /// End of the pause, and the last `seq` notified.
    silent: BTreeMap<(UserId, RoomId), (Timestamp, Seq)>,
    waiting: BTreeSet<(UserId, RoomId, Timestamp)>,
}

impl NotifyLeases {
    fn acquire(&mut self, of: NotificationKey, until: Timestamp, now: Timestamp) -> LeaseState {
        let NotificationKey { user, message: MessageRef { room, seq } } = of;
        match self.silent.get(&(user, room)).copied() {
            Some((_, told)) if told >= seq => LeaseState::HeldElsewhere,
            Some((silent, _)) if silent > now && self.waiting.insert((user, room, silent)) => LeaseState::After(silent),
            Some((silent, _)) if silent > now => LeaseState::HeldElsewhere,
            _ => {
                self.silent.insert((user, room), (until, seq));
                LeaseState::Now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_notifies_at_once_and_once_more_at_its_end() {
        let mut turns = NotifyLeases::default();
        let of = |seq| NotificationKey { user: UserId(7), message: MessageRef { room: RoomId(1), seq: Seq(seq) } };
        let mut at = |now: i64, seq| turns.acquire(of(seq), Timestamp(now + 10), Timestamp(now));
        assert_eq!(
            (at(0, 1), at(1, 2), at(2, 3)),
            (LeaseState::Now, LeaseState::After(Timestamp(10)), LeaseState::HeldElsewhere)
        );
        assert_eq!(
            (at(10, 3), at(11, 4), at(12, 5)),
            (LeaseState::Now, LeaseState::After(Timestamp(20)), LeaseState::HeldElsewhere)
        );
        assert_eq!(
            (at(100, 3), at(100, 6), at(200, 6)),
            (LeaseState::HeldElsewhere, LeaseState::Now, LeaseState::HeldElsewhere),
            "nothing is told twice"
        );
    }
}
