//! The table of disposable data: socket tickets, rate-limit counters and leases. Every item has an expiry.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::aws::dynamodb::LazyClient;
use crate::error::{Error, Limit, RateStatus, Result};
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Ephemeral {
    pub(crate) client: LazyClient,
    pub(crate) table: String,
}

/// The owner of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketOwner {
    pub user: UserId,
    /// The session that requested the ticket.
    pub session: SessionId,
}

/// The count of a window, including the current call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowCount {
    pub count: u32,
    pub limit: Limit,
    /// Seconds until the window ends.
    pub reset: u32,
}

/// The result of charging a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketCharge {
    /// The charge was accepted.
    Accepted {
        /// When the bucket is empty again, in microseconds since 1970 like all times of a bucket.
        empty_at: i64,
    },
    /// The charge exceeds the capacity; nothing was written.
    Rejected {
        /// When the bucket is empty again, if known.
        empty_at: Option<i64>,
    },
}

/// A charge of a bucket that drains over time. Times and amounts are in the bucket's unit.
#[derive(Clone, Copy, Debug)]
pub struct NewCharge {
    pub amount: i64,
    /// When the bucket is empty, as far as the caller knows.
    pub known_empty_at: i64,
    pub now: i64,
    pub capacity: i64,
}

/// A charge, and whether the bucket is assumed to be empty.
#[derive(Clone, Copy)]
struct BucketState {
    amount: i64,
    now: i64,
    capacity: i64,
    empty: bool,
}

/// Attempts: the bucket can change between two writes.
const CHARGE_ATTEMPTS: u32 = 3;

impl WindowCount {
    pub fn exceeds_limit(self) -> bool {
        self.count > self.limit.quota
    }

    /// Converts the count into rate-limit status.
    pub fn rate(self) -> RateStatus {
        RateStatus { limit: self.limit, left: self.limit.quota.saturating_sub(self.count), reset: self.reset }
    }
}

impl Ephemeral {
    pub fn new(client: LazyClient, table: String) -> Self {
        Self { client, table }
    }

    /// Increments `key` in the current window with one write. Returns the seconds until the window ends when the limit is exceeded.
    pub async fn count(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Option<u32>> {
        let hits = self.increment(key, limit, now).await?;
        Ok(hits.exceeds_limit().then_some(hits.reset))
    }

    /// Increments `key` and returns the count of the window.
    pub async fn increment(&self, key: &str, limit: Limit, now: Timestamp) -> Result<WindowCount> {
        self.increment_by(key, 1, limit, now).await
    }

    /// Increments `key` by `several`.
    pub async fn increment_by(&self, key: &str, several: u32, limit: Limit, now: Timestamp) -> Result<WindowCount> {
        let hits = self.add(key, i64::from(several), limit, now).await?;
        let left = window(limit, now) + i64::from(limit.window) - now.seconds();
        Ok(WindowCount {
            count: u32::try_from(hits).unwrap_or(0),
            limit,
            reset: u32::try_from(left.max(1)).unwrap_or(limit.window),
        })
    }

    /// Charges a bucket that drains over time, unless the charge exceeds its capacity; an empty bucket accepts any charge. The bucket is stored as
    /// the time at which it is empty. One write, and a second one when the assumed state was wrong.
    pub async fn charge_bucket(&self, key: &str, charge: NewCharge) -> Result<BucketCharge> {
        let NewCharge { amount, known_empty_at, now, capacity } = charge;
        let mut empty = known_empty_at <= now;
        let mut found = None;
        for _ in 0..CHARGE_ATTEMPTS {
            match self.try_charge_bucket(key, BucketState { amount, now, capacity, empty }).await? {
                Ok(empty_at) => return Ok(BucketCharge::Accepted { empty_at }),
                Err(Some(empty_at)) if empty_at > now && !empty => {
                    return Ok(BucketCharge::Rejected { empty_at: Some(empty_at) });
                }
                Err(other) => (found, empty) = (other, !empty),
            }
        }
        Ok(BucketCharge::Rejected { empty_at: found })
    }

    /// Returns the new time of emptiness; or, when the assumption was wrong, the stored one if the service returns it.
    async fn try_charge_bucket(
        &self,
        key: &str,
        BucketState { amount, now, capacity, empty }: BucketState,
    ) -> Result<std::result::Result<i64, Option<i64>>> {
        let update = self.client.update_item().table_name(&self.table).key("key", AttributeValue::S(format!("bucket#{key}")));
        let update = if empty {
            update
                .update_expression("SET empty_at = :then, expires_at = :end")
                .condition_expression("attribute_not_exists(empty_at) OR empty_at <= :now")
                .expression_attribute_values(":then", number(&now.saturating_add(amount)))
        } else {
            update
                .update_expression("SET empty_at = empty_at + :much, expires_at = :end")
                .condition_expression("empty_at > :now AND empty_at <= :most")
                .expression_attribute_values(":much", number(&amount))
                .expression_attribute_values(":most", number(&now.saturating_add(capacity).saturating_sub(amount)))
        };
        // Whatever else is charged, the bucket is empty by then.
        let end = now.saturating_add(capacity).saturating_add(amount.max(0)).div_euclid(1_000_000).saturating_add(60);
        let written = update
            .expression_attribute_values(":now", number(&now))
            .expression_attribute_values(":end", number(&end))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let when = |item: &HashMap<String, AttributeValue>| item.get("empty_at")?.as_n().ok()?.parse::<i64>().ok();
        match written {
            Ok(written) => {
                let empty_at = written.attributes().and_then(when);
                empty_at.map(Ok).ok_or_else(|| Error::internal("DynamoDB returned a bucket without its value"))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Err(refused.item().and_then(when))),
                _ => Err(Error::unavailable(error)),
            },
        }
    }

    /// Acquires a lease until it is released or expires. Returns false while another holder has it.
    pub async fn acquire_lease(&self, key: &str, holder: &str, until: Timestamp, now: Timestamp) -> Result<bool> {
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
        condition_held(taken.map(drop))
    }

    /// Releases a lease of this holder.
    pub async fn release_lease(&self, key: &str, holder: &str) -> Result<()> {
        let given = self
            .lease(key)
            .update_expression("REMOVE held_until")
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()))
            .send()
            .await;
        condition_held(given.map(drop)).map(drop)
    }

    fn lease(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("key", AttributeValue::S(format!("lease#{key}")))
    }

    /// Reverts one increment made at `now`.
    pub async fn decrement(&self, key: &str, limit: Limit, now: Timestamp) -> Result<()> {
        self.add(key, -1, limit, now).await.map(drop)
    }

    /// Stores a ticket under its digest.
    pub async fn put_ticket(&self, digest: &str, holder: TicketOwner, expires_at: Timestamp) -> Result<()> {
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

    /// Consumes a ticket atomically. Returns none when it is unknown, used or expired.
    pub async fn take_ticket(&self, digest: &str, now: Timestamp) -> Result<Option<TicketOwner>> {
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
            // DynamoDB deletes expired items late; the extra minute covers clock differences.
            .expression_attribute_values(":end", number(&(start + i64::from(limit.window) + 60)))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(Error::unavailable)?;
        counted
            .attributes()
            .and_then(|item| item.get("hits")?.as_n().ok()?.parse().ok())
            .ok_or_else(|| Error::internal("DynamoDB returned a counter without its value"))
    }
}

/// Returns whether the condition of a write held.
fn condition_held(written: std::result::Result<(), SdkError<UpdateItemError>>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => Ok(false),
        Err(error) => Err(Error::unavailable(error)),
    }
}

/// The start of the window that contains `now`, in seconds.
fn window(limit: Limit, now: Timestamp) -> i64 {
    let length = i64::from(limit.window.max(1));
    now.seconds().div_euclid(length) * length
}

fn holder(item: &HashMap<String, AttributeValue>) -> Option<TicketOwner> {
    let id = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    Some(TicketOwner { user: UserId(id("user_id")?), session: SessionId(id("session_id")?) })
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
