//! Whether the stores answer and fit this build. Asks each of them, at once, and never fails itself.

use crate::error::Result;
use crate::media::Media;
use crate::push::tables::Tables;
use crate::store::{Db, migrations};
use crate::time::Timestamp;

/// One store, and what is wrong with it.
#[derive(Debug)]
pub struct Check {
    /// The store's name for an operator.
    pub name: &'static str,
    /// Nothing, when it answers.
    pub failure: Option<Failure>,
}

/// What is wrong with a store.
#[derive(Debug)]
pub enum Failure {
    /// It does not answer, or refuses.
    Unreachable(crate::error::Error),
    /// Its schema is older than this build needs.
    Outdated {
        /// The version that it has.
        found: i64,
        /// The version that this build brings.
        needed: i64,
    },
}

/// Tries every store. `db` is whatever came of preparing the connection.
pub async fn check(db: Result<&Db>, tables: &Tables, media: &Media, now: Timestamp) -> [Check; 4] {
    let (mysql, connections, ephemeral, bucket) =
        futures_util::future::join4(schema(db), tables.connections(), tables.ephemeral(), media.probe(now)).await;
    [
        Check { name: "mysql", failure: mysql.unwrap_or_else(|error| Some(Failure::Unreachable(error))) },
        Check { name: "connections_table", failure: connections.err().map(Failure::Unreachable) },
        Check { name: "ephemeral_table", failure: ephemeral.err().map(Failure::Unreachable) },
        Check { name: "media_bucket", failure: bucket.err().map(Failure::Unreachable) },
    ]
}

/// A newer schema is fine: old code runs on it while a deployment goes on.
async fn schema(db: Result<&Db>) -> Result<Option<Failure>> {
    let found = migrations::version(&mut *db?.acquire().await?).await?.unwrap_or_default();
    let needed = migrations::newest();
    Ok((found < needed).then_some(Failure::Outdated { found, needed }))
}
