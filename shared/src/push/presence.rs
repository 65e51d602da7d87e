//! Who is to be looked at because they came or left. Coming is told at once; those who leave within two seconds are gathered, and looked at
//! together when the grace is over: one function waits for all of them.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::UserId;
use crate::push::attendance::Attendance;
use crate::push::ephemeral::Ephemeral;
use crate::push::{Cloud, Push, unheard};
use crate::time::Timestamp;

/// Those who leave are gathered for so long.
const WINDOW_MS: i64 = 2000;
/// Of each window so many parts are looked at apart: a mass of people who leave at once does not queue on one item.
const PARTS: u64 = 8;
/// Whoever only wants to know who is there does not wait longer for it.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the function `presence` is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Somebody's first socket opened.
    Came {
        /// Who.
        user_id: u64,
    },
    /// The last sockets of some people closed.
    Left {
        /// The end of the window in which they did, epoch milliseconds.
        until: i64,
        /// Which part of them.
        part: u64,
    },
    /// Sessions of somebody have ended, and their sockets are still open.
    Ended {
        /// Whose.
        user_id: u64,
    },
}

impl Push {
    /// What the registry knows of these people; none where it does not answer in time.
    pub async fn attend(&self, users: &[UserId], now: Timestamp) -> Result<Vec<Attendance>> {
        match self {
            Self::Cloud(cloud) => {
                let finding = Box::pin(cloud.registry.attend(users, now));
                tokio::time::timeout(PATIENCE, finding).await.map_err(Error::unavailable)?
            }
            Self::Memory(memory) => Ok(memory.attend(users).await),
        }
    }

    /// Who left in a window.
    pub async fn leavers(&self, until: i64, part: u64) -> Result<Vec<UserId>> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.ephemeral.leavers(until, part)).await,
            Self::Memory(memory) => Ok(memory.leavers().await),
        }
    }

    /// Takes a person whom nobody is online for any longer to be away. False when a socket opened since, or somebody else was quicker.
    pub async fn settle(&self, found: &Attendance) -> Result<bool> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.registry.settle(found)).await,
            Self::Memory(memory) => Ok(memory.settle(found).await),
        }
    }

    /// Has somebody looked at who left, or should have been told to have left long ago.
    pub async fn look_after(&self, user: UserId, now: Timestamp) {
        match self {
            // Boxed, as `Push::to_users` is.
            Self::Cloud(cloud) => Box::pin(cloud.look_after(user, now)).await,
            Self::Memory(memory) => memory.look_after(user).await,
        }
    }
}

impl Cloud {
    /// Has it told that a person came.
    pub(super) async fn look_at(&self, user: UserId, now: Timestamp) {
        self.look(Look::Came { user_id: user.0 }, now).await;
    }

    /// The first who leaves in a window asks for the look at all who do.
    pub(super) async fn look_after(&self, user: UserId, now: Timestamp) {
        if self.config.presence_function.is_none() {
            // Readers find out.
            return;
        }
        let (until, part) = ((now.0.div_euclid(WINDOW_MS) + 1) * WINDOW_MS, user.0 % PARTS);
        match self.ephemeral.note_leaver(user, until, part).await {
            Ok(true) => self.look(Look::Left { until, part }, now).await,
            Ok(false) => {}
            Err(error) => unheard("noting who left", &error),
        }
    }

    pub(super) async fn look(&self, look: Look, now: Timestamp) {
        let Some(function) = &self.config.presence_function else { return };
        let asked = match serde_json::to_vec(&look) {
            Ok(body) => self.call_later(function, body, now).await,
            Err(error) => Err(Error::internal(error)),
        };
        if let Err(error) = asked {
            unheard("asking for a look at somebody", &error);
        }
    }
}

impl Ephemeral {
    /// Notes who left in the window that ends at `until`. Says whether it is the first.
    async fn note_leaver(&self, user: UserId, until: i64, part: u64) -> Result<bool> {
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

    async fn leavers(&self, until: i64, part: u64) -> Result<Vec<UserId>> {
        let read = self.client.get_item().table_name(&self.table).key("key", key(until, part)).consistent_read(true);
        let found = read.send().await.map_err(Error::unavailable)?;
        let ids = found.item().and_then(|item| item.get("leavers")?.as_ns().ok());
        Ok(ids.into_iter().flatten().filter_map(|id| id.parse().ok()).collect())
    }
}

fn key(until: i64, part: u64) -> AttributeValue {
    AttributeValue::S(format!("left#{until}#{part}"))
}
