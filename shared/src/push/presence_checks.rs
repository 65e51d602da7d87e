//! Presence checks: a user who comes online is announced at once. Users who leave within the same two seconds are collected and checked together
//! after the grace period, by one message whose delay is that period.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

use crate::aws::ephemeral_table::Ephemeral;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::push::presence_record::PresenceRecord;
use crate::push::work_queues::{Later, until};
use crate::push::{Cloud, Push, log_push_failure};
use crate::time::Timestamp;

/// Users who leave are collected for this long.
const WINDOW_MS: i64 = 2000;
/// Each window has this many partitions, so that a mass disconnect does not contend on one item.
const PARTS: u64 = 8;
/// Time limit of presence lookups on the read path.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(500);

/// The event of the function `presence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceCheck {
    /// A user's first socket opened.
    #[serde(rename = "came")]
    CameOnline { user_id: u64 },
    /// The last sockets of users closed.
    Left {
        /// End of the window, in epoch milliseconds.
        until: i64,
        /// The partition of the window.
        part: u64,
    },
    /// Sessions of a user ended while their sockets are open.
    Ended {
        user_id: u64,
        /// The number of attempts that failed before.
        #[serde(default)]
        attempt: u32,
    },
}

impl Push {
    /// Reads the presence records of users. Fails when the registry does not answer in time.
    pub async fn presence_of(&self, users: &[UserId], now: Timestamp) -> Result<Vec<PresenceRecord>> {
        match self {
            Self::Cloud(cloud) => {
                let finding = Box::pin(cloud.registry.presence_of(users, now));
                tokio::time::timeout(LOOKUP_TIMEOUT, finding).await.map_err(Error::unavailable)?
            }
            Self::Memory(memory) => Ok(memory.presence_of(users).await),
        }
    }

    /// Returns the users who left in a window.
    pub async fn departed_users(&self, until: i64, part: u64) -> Result<Vec<UserId>> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.ephemeral.departed_users(until, part)).await,
            Self::Memory(memory) => Ok(memory.departed_users().await),
        }
    }

    /// Marks a user offline. Returns false when a socket opened since, or another instance did it first.
    pub async fn mark_offline(&self, found: &PresenceRecord) -> Result<bool> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.registry.mark_offline(found)).await,
            Self::Memory(memory) => Ok(memory.mark_offline(found).await),
        }
    }

    /// Schedules the offline check of a user who left or whose check was lost.
    pub async fn schedule_offline_check(&self, user: UserId, now: Timestamp) {
        match self {
            // Boxed for the same reason as in `Push::to_users`.
            Self::Cloud(cloud) => Box::pin(cloud.schedule_offline_check(user, now)).await,
            Self::Memory(memory) => memory.schedule_offline_check(user).await,
        }
    }

    /// Has a check run after a delay.
    pub async fn schedule_check(&self, check: PresenceCheck, delay: Duration, now: Timestamp) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.schedule_check(check, delay, now)).await,
            Self::Memory(memory) => {
                memory.checks.lock().await.push(ScheduledCheck { check, delay });
                Ok(())
            }
        }
    }
}

/// A check for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledCheck {
    pub check: PresenceCheck,
    pub delay: Duration,
}

impl Cloud {
    /// Announces a user as online.
    pub(super) async fn announce_online(&self, user: UserId, now: Timestamp) {
        self.request_check(PresenceCheck::CameOnline { user_id: user.0 }, Duration::ZERO, now).await;
    }

    /// The first user who leaves in a window schedules the check for all of them.
    pub(super) async fn schedule_offline_check(&self, user: UserId, now: Timestamp) {
        if self.config.presence_queue.is_none() {
            // Readers detect overdue records themselves.
            return;
        }
        let (end, part) = ((now.0.div_euclid(WINDOW_MS) + 1) * WINDOW_MS, user.0 % PARTS);
        match self.ephemeral.record_departure(user, end, part).await {
            Ok(true) => {
                let delay = until(Timestamp(end), now) + self.config.presence_grace;
                self.request_check(PresenceCheck::Left { until: end, part }, delay, now).await;
            }
            Ok(false) => {}
            Err(error) => log_push_failure("recording a departure", &error),
        }
    }

    /// Failures are logged, not returned.
    pub(super) async fn request_check(&self, check: PresenceCheck, delay: Duration, now: Timestamp) {
        if let Err(error) = self.schedule_check(check, delay, now).await {
            log_push_failure("scheduling a presence check", &error);
        }
    }

    async fn schedule_check(&self, check: PresenceCheck, delay: Duration, now: Timestamp) -> Result<()> {
        let Some(queue_url) = &self.config.presence_queue else { return Ok(()) };
        self.enqueue(&check, Later { queue_url, delay }, now).await
    }
}

impl Ephemeral {
    /// Records a user who left in the window that ends at `until`. Returns whether it is the first.
    async fn record_departure(&self, user: UserId, until: i64, part: u64) -> Result<bool> {
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", key(until, part))
            .update_expression("ADD leavers :user SET expires_at = :end")
            .expression_attribute_values(":user", AttributeValue::Ns(vec![user.to_string()]))
            .expression_attribute_values(":end", AttributeValue::N((until / 1000 + 600).to_string()))
            .return_values(ReturnValue::UpdatedOld)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(written.attributes().is_none_or(|before| !before.contains_key("leavers")))
    }

    async fn departed_users(&self, until: i64, part: u64) -> Result<Vec<UserId>> {
        let read = self.client.get_item().table_name(&self.table).key("key", key(until, part)).consistent_read(true);
        let found = read.send().await.map_err(Error::unavailable)?;
        let ids = found.item().and_then(|item| item.get("leavers")?.as_ns().ok());
        Ok(ids.into_iter().flatten().filter_map(|id| id.parse().ok()).collect())
    }
}

fn key(until: i64, part: u64) -> AttributeValue {
    AttributeValue::S(format!("left#{until}#{part}"))
}
