//! Busy rooms: beyond a threshold of live connections a room coalesces its changes into one hint per second, with the latest `rev`.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use crate::aws::ephemeral_table::Ephemeral;
use crate::error::{Error, Result};
use crate::id::{Rev, RoomId};

impl Ephemeral {
    /// Raises the `rev` of a room for the second that ends at `due` (epoch milliseconds). Returns whether this is the first change of that second.
    pub(super) async fn raise_busy_rev(&self, room: RoomId, due: i64, rev: Rev) -> Result<bool> {
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", key(room, due))
            .update_expression("SET rev = :rev, expires_at = :expires")
            .condition_expression("attribute_not_exists(rev) OR rev < :rev")
            .expression_attribute_values(":rev", AttributeValue::N(rev.to_string()))
            .expression_attribute_values(":expires", AttributeValue::N((due / 1000 + 60).to_string()))
            .return_values(ReturnValue::UpdatedOld)
            .send()
            .await;
        match written {
            Ok(old) => Ok(old.attributes().is_none_or(|old| !old.contains_key("rev"))),
            Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Returns the highest `rev` recorded for that second.
    pub(super) async fn busy_rev(&self, room: RoomId, due: i64) -> Result<Rev> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("key", key(room, due))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(found.item().and_then(|item| item.get("rev")?.as_n().ok()?.parse().ok()).map(Rev).unwrap_or_default())
    }
}

fn key(room: RoomId, due: i64) -> AttributeValue {
    AttributeValue::S(format!("busy#{room}#{due}"))
}
