//! Whether the DynamoDB tables are there, for the readiness probe. Reads no item.

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
        self.describe(&self.names.connections).await
    }

    /// Whether the table of tickets and limits answers.
    pub async fn ephemeral(&self) -> Result<()> {
        self.describe(&self.names.ephemeral).await
    }

    async fn describe(&self, name: &str) -> Result<()> {
        self.client.describe_table().table_name(name).send().await.map_err(Error::unavailable)?;
        Ok(())
    }
}
