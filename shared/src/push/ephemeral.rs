//! The table of what may be lost: tickets for sockets, counters of rate limits, and what one alone may do at a time. Every item carries its own end.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::error::{Error, Limit, Rate, Result};
use crate::id::{SessionId, UserId};
use crate::push::dynamodb::LazyClient;
use crate::time::Timestamp;

/// The table of tickets and counters.
#[derive(Clone, Debug)]
pub struct Ephemeral {
    pub(super) client: LazyClient,
    pub(super) table: String,
}

/// Whom a ticket stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The person.
    pub user: UserId,
    /// The session that asked for the ticket.
    pub session: SessionId,
}

/// What was counted in a window so far, this time included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hits {
    /// How many.
    pub count: u32,
    /// Of how many.
    pub limit: Limit,
    /// Seconds until the window ends.
    pub reset: u32,
}

/// What became of what was poured into a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poured {
    /// It is in, and the bucket will be empty then.
    In {
        /// Microseconds since 1970, as all of a bucket.
        empty_at: i64,
    },
    /// It would have run over; nothing was poured.
    Over {
        /// When it will be empty, if that is known.
        empty_at: Option<i64>,
    },
}

/// What is poured, into a bucket that is taken to be empty or not.
#[derive(Clone, Copy)]
struct Pour {
    much: i64,
    now: i64,
    holds: i64,
    empty: bool,
}

/// A bucket may become empty, or be filled, between two looks.
const POURS: u32 = 3;

impl Hits {
    /// Whether the limit is passed.
    pub fn are_too_many(self) -> bool {
        self.count > self.limit.quota
    }

    /// The same in the words of a header.
    pub fn rate(self) -> Rate {
        Rate { limit: self.limit, left: self.limit.quota.saturating_sub(self.count), reset: self.reset }
    }
}

impl Ephemeral {
    /// Uses the given table.
    pub fn new(client: LazyClient, table: String) -> Self {
        Self { client, table }
    }

    /// Counts one under `key` in the present window, with one write. Gives the seconds until the window ends once the limit is passed.
    pub async fn count(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Option<u32>> {
        let hits = self.hit(key, limit, now).await?;
        Ok(hits.are_too_many().then_some(hits.reset))
    }

    /// The same, and gives how one stands.
    pub async fn hit(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Hits> {
        self.hits(key, 1, limit, now).await
    }

    /// The same for several at once.
    pub async fn hits(&self, key: &str, several: u32, limit: Limit, now: Timestamp) -> Result<Hits> {
        let hits = self.add(key, i64::from(several), limit, now).await?;
        let left = window(limit, now) + i64::from(limit.window) - now.seconds();
        Ok(Hits { count: u32::try_from(hits).unwrap_or(0), limit, reset: u32::try_from(left.max(1)).unwrap_or(limit.window) })
    }

    /// Pours so much into a bucket that empties by itself, unless it would run over; into an empty one anything may be poured. The bucket is the moment
    /// when it will be empty. One write, and a second one where that is not as it was known.
    pub async fn pour(&self, key: &str, much: i64, known: i64, (now, holds): (i64, i64)) -> Result<Poured> {
        let mut empty = known <= now;
        let mut found = None;
        for _ in 0..POURS {
            match self.pour_into(key, Pour { much, now, holds, empty }).await? {
                Ok(empty_at) => return Ok(Poured::In { empty_at }),
                Err(Some(empty_at)) if empty_at > now && !empty => return Ok(Poured::Over { empty_at: Some(empty_at) }),
                Err(other) => (found, empty) = (other, !empty),
            }
        }
        Ok(Poured::Over { empty_at: found })
    }

    /// When the bucket will be empty; or, where it is not as it was taken to be, when it is if that is told.
    async fn pour_into(
        &self,
        key: &str,
        Pour { much, now, holds, empty }: Pour,
    ) -> Result<std::result::Result<i64, Option<i64>>> {
        let update = self.client.update_item().table_name(&self.table).key("key", AttributeValue::S(format!("bucket#{key}")));
        let update = if empty {
            update
                .update_expression("SET empty_at = :then, expires_at = :end")
                .condition_expression("attribute_not_exists(empty_at) OR empty_at <= :now")
                .expression_attribute_values(":then", number(&now.saturating_add(much)))
        } else {
            update
                .update_expression("SET empty_at = empty_at + :much, expires_at = :end")
                .condition_expression("empty_at > :now AND empty_at <= :most")
                .expression_attribute_values(":much", number(&much))
                .expression_attribute_values(":most", number(&now.saturating_add(holds).saturating_sub(much)))
        };
        // Empty by then, whatever else is poured in.
        let end = now.saturating_add(holds).saturating_add(much.max(0)).div_euclid(1_000_000).saturating_add(60);
        let poured = update
            .expression_attribute_values(":now", number(&now))
            .expression_attribute_values(":end", number(&end))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let when = |item: &HashMap<String, AttributeValue>| item.get("empty_at")?.as_n().ok()?.parse::<i64>().ok();
        match poured {
            Ok(poured) => {
                let empty_at = poured.attributes().and_then(when);
                empty_at.map(Ok).ok_or_else(|| Error::internal("a bucket came back without its fill"))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Err(refused.item().and_then(when))),
                _ => Err(Error::unavailable(error)),
            },
        }
    }

    /// Takes what one alone may hold at a time, until it is given back or this time is over. False while another holds it.
    pub async fn take(&self, key: &str, holder: &str, until: Timestamp, now: Timestamp) -> Result<bool> {
        let taken = self
            .lease(key)
            .update_expression("SET holder = :holder, held_until = :until, expires_at = :end")
            .condition_expression("attribute_not_exists(held_until) OR held_until < :now")
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()))
            .expression_attribute_values(":until", number(&until.0))
            .expression_attribute_values(":now", number(&now.0))
            .expression_attribute_values(":end", number(&(until.seconds() + 60)))
            .send()
            .await;
        unless_refused(taken.map(drop))
    }

    /// Gives back what this holder holds.
    pub async fn give_back(&self, key: &str, holder: &str) -> Result<()> {
        let given = self
            .lease(key)
            .update_expression("REMOVE held_until")
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()))
            .send()
            .await;
        unless_refused(given.map(drop)).map(drop)
    }

    fn lease(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("key", AttributeValue::S(format!("lease#{key}")))
    }

    /// Takes back one that was counted at `now`.
    pub async fn uncount(&self, key: &str, limit: Limit, now: Timestamp) -> Result<()> {
        self.add(key, -1, limit, now).await.map(drop)
    }

    /// Keeps a ticket, known by its digest alone.
    pub async fn put_ticket(&self, digest: &str, holder: Holder, expires_at: Timestamp) -> Result<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("key", AttributeValue::S(format!("ticket#{digest}")))
            .item("user_id", number(&holder.user))
            .item("session_id", number(&holder.session))
            .item("expires_at", number(&expires_at.seconds()))
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }

    /// Takes a ticket out, so that of many who try at once one succeeds. None when it is unknown, used or expired.
    pub async fn take_ticket(&self, digest: &str, now: Timestamp) -> Result<Option<Holder>> {
        let taken = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("key", AttributeValue::S(format!("ticket#{digest}")))
            .condition_expression("expires_at > :now")
            .expression_attribute_values(":now", number(&now.seconds()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match taken {
            Ok(taken) => Ok(taken.attributes().and_then(holder)),
            Err(error) if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) => {
                Ok(None)
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    async fn add(&self, key: &str, hits: i64, limit: Limit, now: Timestamp) -> Result<i64> {
        let start = window(limit, now);
        let counted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", AttributeValue::S(format!("rate#{key}#{start}")))
            .update_expression("ADD hits :hits SET expires_at = :end")
            .expression_attribute_values(":hits", number(&hits))
            // DynamoDB sweeps late and never early; a minute more outlives every clock.
            .expression_attribute_values(":end", number(&(start + i64::from(limit.window) + 60)))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(Error::unavailable)?;
        counted
            .attributes()
            .and_then(|item| item.get("hits")?.as_n().ok()?.parse().ok())
            .ok_or_else(|| Error::internal("a counter came back without its value"))
    }
}

/// Whether a condition held.
fn unless_refused(written: std::result::Result<(), SdkError<UpdateItemError>>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => Ok(false),
        Err(error) => Err(Error::unavailable(error)),
    }
}

/// When the window that holds `now` began, in seconds.
fn window(limit: Limit, now: Timestamp) -> i64 {
    let length = i64::from(limit.window.max(1));
    now.seconds().div_euclid(length) * length
}

fn holder(item: &HashMap<String, AttributeValue>) -> Option<Holder> {
    let id = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    Some(Holder { user: UserId(id("user_id")?), session: SessionId(id("session_id")?) })
}

fn number(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_multiples_of_their_length() {
        let limit = Limit { quota: 1, window: 300 };
        assert_eq!(window(limit, Timestamp(599_999)), 300);
        assert_eq!(window(limit, Timestamp(600_000)), 600);
        assert_eq!(window(Limit { quota: 1, window: 0 }, Timestamp(1_500)), 1);
    }
}
