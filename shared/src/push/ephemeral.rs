//! The table of what may be lost: tickets for sockets, and counters of rate limits. Every item carries its own end.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

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
        let hits = self.add(key, 1, limit, now).await?;
        let left = window(limit, now) + i64::from(limit.window) - now.seconds();
        Ok(Hits { count: u32::try_from(hits).unwrap_or(0), limit, reset: u32::try_from(left.max(1)).unwrap_or(limit.window) })
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
