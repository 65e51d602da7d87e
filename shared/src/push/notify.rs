//! Requests to the function `notify`, which come through its queue, and the pause between notifications: a user gets one per room at once, then at
//! most one per pause, with the latest message.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

use crate::aws::ephemeral_table::Ephemeral;
use crate::error::{Error, Result};
use crate::id::{MessageRef, RoomId, Seq, SessionId, UserId};
use crate::push::work_queues::Later;
use crate::push::{Cloud, Push, log_push_failure};
use crate::time::Timestamp;

/// The queue gives a failed request again for twelve minutes; sent notifications are remembered this many seconds.
const KEPT: i64 = 1200;

/// The event of the function `notify`: notify these users of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyRequest {
    pub room_id: RoomId,
    pub seq: Seq,
    /// Users who are away and have a subscribed device.
    pub to: Vec<UserId>,
    /// When the pause ends that these users waited for, in epoch milliseconds; none for a new message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_end: Option<i64>,
    /// The devices to try again, when their push services were busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<DeviceRetry>,
}

/// Devices of busy push services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRetry {
    /// The number of attempts so far.
    pub attempt: u32,
    /// The sessions whose devices they are.
    pub sessions: Vec<SessionId>,
}

impl NotifyRequest {
    /// Requests notifications of a new message.
    pub fn of(message: MessageRef, to: Vec<UserId>) -> Self {
        Self { room_id: message.room, seq: message.seq, to, pause_end: None, retry: None }
    }
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
            Self::Cloud(cloud) => cloud.config.notify_queue.as_ref().map(|_| cloud.config.notify_members),
            Self::Memory(memory) => memory.notify_members,
        }
    }

    /// Requests notifications now. Failures are logged, not returned.
    pub async fn request_notifications(&self, request: &NotifyRequest, now: Timestamp) {
        if let Err(error) = self.request_notifications_later(request, Duration::ZERO, now).await {
            log_push_failure("requesting notifications", &error);
        }
    }

    /// Requests notifications after a delay.
    pub async fn request_notifications_later(&self, request: &NotifyRequest, delay: Duration, now: Timestamp) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.request_notifications(request, delay, now)).await,
            Self::Memory(memory) => {
                memory.notify_requests.lock().await.push(request.clone());
                Ok(())
            }
        }
    }

    /// Acquires the right to try devices again for the last notification of a user and room, once for each attempt.
    pub async fn acquire_notify_retry(&self, of: NotificationKey, attempt: u32) -> Result<bool> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.ephemeral.acquire_notify_retry(of, attempt)).await,
            Self::Memory(memory) => Ok(memory.turns.lock().await.acquire_retry(of, attempt)),
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
    async fn request_notifications(&self, request: &NotifyRequest, delay: Duration, now: Timestamp) -> Result<()> {
        let Some(queue_url) = &self.config.notify_queue else { return Ok(()) };
        self.enqueue(request, Later { queue_url, delay }, now).await
    }
}

impl Ephemeral {
    /// One write when it is time to notify, two otherwise. A request that is delivered twice gets the same time twice, because the first delivery
    /// may have failed afterwards.
    async fn acquire_notify_lease(&self, of: NotificationKey, until: Timestamp, now: Timestamp) -> Result<LeaseState> {
        let NotificationKey { user, message: MessageRef { room, seq } } = of;
        let number = |value: i64| AttributeValue::N(value.to_string());
        let key = lease_key(user, room);
        let seq = AttributeValue::N(seq.to_string());
        let update = || {
            let update = self.client.update_item().table_name(&self.table).key("key", key.clone());
            update.expression_attribute_values(":seq", seq.clone())
        };
        let missed = |error: &UpdateItemError| error.is_conditional_check_failed_exception();
        let now_told = update()
            .update_expression("SET silent_until = :until, seq = :seq, expires_at = :end REMOVE attempt")
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
            .update_expression("SET waits_until = silent_until, waits_seq = :seq")
            .condition_expression(
                "seq < :seq AND (attribute_not_exists(waits_until) OR waits_until <> silent_until OR waits_seq = :seq)",
            )
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

    /// Refuses an attempt that ran already, and any after a newer notification, which the push service would replace by this one.
    async fn acquire_notify_retry(&self, of: NotificationKey, attempt: u32) -> Result<bool> {
        let NotificationKey { user, message: MessageRef { room, seq } } = of;
        let taken = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", lease_key(user, room))
            .update_expression("SET attempt = :attempt")
            .condition_expression("seq = :seq AND (attribute_not_exists(attempt) OR attempt < :attempt)")
            .expression_attribute_values(":seq", AttributeValue::N(seq.to_string()))
            .expression_attribute_values(":attempt", AttributeValue::N(attempt.to_string()))
            .send()
            .await;
        match taken {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }
}

fn lease_key(user: UserId, room: RoomId) -> AttributeValue {
    AttributeValue::S(format!("told#{user}#{room}"))
}

/// The leases in memory.
#[derive(Debug, Default)]
pub(super) struct NotifyLeases {
    /// End of the pause, and the last `seq` notified.
    silent: BTreeMap<(UserId, RoomId), (Timestamp, Seq)>,
    /// The message that waits for the end of a pause.
    waiting: BTreeMap<(UserId, RoomId, Timestamp), Seq>,
    /// The last attempt to reach busy devices since the last notification.
    attempts: BTreeMap<(UserId, RoomId), u32>,
}

impl NotifyLeases {
    fn acquire(&mut self, of: NotificationKey, until: Timestamp, now: Timestamp) -> LeaseState {
        let NotificationKey { user, message: MessageRef { room, seq } } = of;
        match self.silent.get(&(user, room)).copied() {
            Some((_, told)) if told >= seq => LeaseState::HeldElsewhere,
            Some((silent, _)) if silent > now => {
                let waits = *self.waiting.entry((user, room, silent)).or_insert(seq) == seq;
                if waits { LeaseState::After(silent) } else { LeaseState::HeldElsewhere }
            }
            _ => {
                self.silent.insert((user, room), (until, seq));
                self.attempts.remove(&(user, room));
                LeaseState::Now
            }
        }
    }

    fn acquire_retry(&mut self, of: NotificationKey, attempt: u32) -> bool {
        let NotificationKey { user, message: MessageRef { room, seq } } = of;
        let is_last = self.silent.get(&(user, room)).is_some_and(|(_, told)| *told == seq);
        let is_new = self.attempts.get(&(user, room)).is_none_or(|last| *last < attempt);
        if is_last && is_new {
            self.attempts.insert((user, room), attempt);
        }
        is_last && is_new
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

    #[test]
    fn a_request_that_is_delivered_twice_waits_for_the_same_time() {
        let mut turns = NotifyLeases::default();
        let of = |seq| NotificationKey { user: UserId(7), message: MessageRef { room: RoomId(1), seq: Seq(seq) } };
        let mut at = |now: i64, seq| turns.acquire(of(seq), Timestamp(now + 10), Timestamp(now));
        assert_eq!((at(0, 1), at(0, 1)), (LeaseState::Now, LeaseState::HeldElsewhere));
        let end = LeaseState::After(Timestamp(10));
        assert_eq!((at(1, 2), at(2, 2), at(3, 3), at(4, 2)), (end, end, LeaseState::HeldElsewhere, end));
    }

    #[test]
    fn requests_of_earlier_releases_are_still_read() {
        let request: NotifyRequest = serde_json::from_str(r#"{"room_id":1,"seq":2,"to":[3]}"#).expect("a request");
        let message = MessageRef { room: RoomId(1), seq: Seq(2) };
        assert_eq!(request, NotifyRequest::of(message, vec![UserId(3)]));
    }
}
