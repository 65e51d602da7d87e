//! Checks for the readiness probe that the DynamoDB tables answer. Reads no user's item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::aws::dynamodb::{self, LazyClient};
use crate::config;
use crate::error::{Error, Result};

#[derive(Debug)]
pub struct TableProbes {
    client: LazyClient,
    names: config::TableNames,
}

impl TableProbes {
    /// Opens no connection before the first call.
    pub fn new(aws: &config::Aws, names: config::TableNames) -> Self {
        Self { client: dynamodb::client(aws), names }
    }

    /// Checks the table of connections.
    pub async fn connections(&self) -> Result<()> {
        self.probe(&self.names.connections, [("user_id", AttributeValue::N("0".into()))].into()).await
    }

    /// Checks the table of sockets in large rooms.
    pub async fn room_sockets(&self) -> Result<()> {
        let nothing = || AttributeValue::S("nothing".into());
        self.probe(&self.names.room_sockets, [("room", nothing()), ("socket", nothing())].into()).await
    }

    /// Checks the table of tickets and counters.
    pub async fn ephemeral(&self) -> Result<()> {
        self.probe(&self.names.ephemeral, [("key", AttributeValue::S("nothing".into()))].into()).await
    }

    /// Reads an item that never exists. `DescribeTable` uses the control plane, whose quota the whole account shares.
    async fn probe(&self, table: &str, missing_key: HashMap<&str, AttributeValue>) -> Result<()> {
        let key = missing_key.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.client.get_item().table_name(table).set_key(Some(key)).send().await.map_err(Error::unavailable)?;
        Ok(())
    }
}
