//! Asking the function `notify` to tell those who are away, and whose turn it is: of one room a person hears at once, and then at most once in a
//! pause, with what it has come to by then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{RoomId, UserId};
use crate::push::ephemeral::Ephemeral;
use crate::push::{Cloud, Push, unheard};
use crate::time::Timestamp;

/// Lambda asks again for five minutes; for so long it is known who was told what, in seconds.
const KEPT: i64 = 600;

/// What the function `notify` is asked to do: tell these people of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The room.
    pub room_id: RoomId,
    /// The message's place.
    pub seq: u64,
    /// Who is away and has a device that can be told.
    pub to: Vec<UserId>,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Tell now.
    Now,
    /// The person was told just now: tell then.
    Then(Timestamp),
    /// Somebody else waits to tell.
    Others,
}

impl Push {
    /// In rooms of how many members all of them are told while they are away; none where nobody is.
    pub fn notifies(&self) -> Option<usize> {
        match self {
            Self::Cloud(cloud) => cloud.config.notify_function.as_ref().map(|_| cloud.config.notify_members),
            Self::Memory(memory) => memory.notifies,
        }
    }

    /// Has people told. Failures are logged and end here.
    pub async fn ask_to_notify(&self, asked: &Asked, now: Timestamp) {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.ask_to_notify(asked, now)).await,
            Self::Memory(memory) => memory.asked.lock().await.push(asked.clone()),
        }
    }

    /// Whether it is time to tell a person of a room that it has come to this message. Who was told that, or more, is not told again.
    pub async fn turn(&self, of: (UserId, RoomId, u64), pause: Duration, now: Timestamp) -> Result<Turn> {
        let until = Timestamp(now.0.saturating_add_unsigned(u64::try_from(pause.as_millis()).unwrap_or_default()));
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.ephemeral.turn(of, until, now)).await,
            Self::Memory(memory) => Ok(memory.turns.lock().await.turn(of, until, now)),
        }
    }
}

impl Cloud {
    async fn ask_to_notify(&self, asked: &Asked, now: Timestamp) {
        let Some(function) = &self.config.notify_function else { return };
        let done = match serde_json::to_vec(asked) {
            Ok(body) => self.call_later(function, body, now).await,
            Err(error) => Err(Error::internal(error)),
        };
        if let Err(error) = done {
            unheard("asking to notify", &error);
        }
    }
}

impl Ephemeral {
    /// One write when it is time to tell, and two when it is not.
    async fn turn(&self, (user, room, seq): (UserId, RoomId, u64), until: Timestamp, now: Timestamp) -> Result<Turn> {
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
            Ok(_) => return Ok(Turn::Now),
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
                Ok(until.map_or(Turn::Others, |until| Turn::Then(Timestamp(until))))
            }
            Err(error) if error.as_service_error().is_some_and(missed) => Ok(Turn::Others),
            Err(error) => Err(Error::unavailable(error)),
        }
    }
}

/// The same in memory.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Until when nothing is told, and what was told last.
    silent: BTreeMap<(UserId, RoomId), (Timestamp, u64)>,
    waiting: BTreeSet<(UserId, RoomId, Timestamp)>,
}

impl Turns {
    fn turn(&mut self, (user, room, seq): (UserId, RoomId, u64), until: Timestamp, now: Timestamp) -> Turn {
        match self.silent.get(&(user, room)).copied() {
            Some((_, told)) if told >= seq => Turn::Others,
            Some((silent, _)) if silent > now && self.waiting.insert((user, room, silent)) => Turn::Then(silent),
            Some((silent, _)) if silent > now => Turn::Others,
            _ => {
                self.silent.insert((user, room), (until, seq));
                Turn::Now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_told_at_once_and_once_more_at_its_end() {
        let mut turns = Turns::default();
        let mut at = |now: i64, seq| turns.turn((UserId(7), RoomId(1), seq), Timestamp(now + 10), Timestamp(now));
        assert_eq!((at(0, 1), at(1, 2), at(2, 3)), (Turn::Now, Turn::Then(Timestamp(10)), Turn::Others));
        assert_eq!((at(10, 3), at(11, 4), at(12, 5)), (Turn::Now, Turn::Then(Timestamp(20)), Turn::Others));
        assert_eq!((at(100, 3), at(100, 6), at(200, 6)), (Turn::Others, Turn::Now, Turn::Others), "nothing is told twice");
    }
}
