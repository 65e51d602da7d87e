//! Whether the DynamoDB tables answer, for the readiness probe. Nobody's item is read.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::config;
use crate::error::{Error, Result};
use crate::push::dynamodb::LazyClient;

/// The two tables, as seen from outside.
#[derive(Debug)]
pub struct Tables {
    client: LazyClient,
    names: config::Tables,
}

impl Tables {
    /// Prepares to ask; nothing is opened yet.
    pub fn new(aws: &config::Aws, names: config::Tables) -> Self {
        Self { client: super::dynamodb::client(aws), names }
    }

    /// Whether the table of connections answers.
    pub async fn connections(&self) -> Result<()> {
        self.look_up(&self.names.connections, "user_id", AttributeValue::N("0".into())).await
    }

    /// Whether the table of tickets and limits answers.
    pub async fn ephemeral(&self) -> Result<()> {
        self.look_up(&self.names.ephemeral, "key", AttributeValue::S("nothing".into())).await
    }

    /// Asks for an item that is never there. `DescribeTable` would ask the control plane, whose quota the whole account shares.
    async fn look_up(&self, table: &str, key: &str, nothing: AttributeValue) -> Result<()> {
        self.client.get_item().table_name(table).key(key, nothing).send().await.map_err(Error::unavailable)?;
        Ok(())
    }
}
