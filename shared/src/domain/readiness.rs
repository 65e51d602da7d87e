//! Readiness: whether each store answers and fits this build. All are checked concurrently; failures are part of the result.

use crate::aws::table_probes::TableProbes;
use crate::error::Result;
use crate::media::Media;
use crate::store::{Db, migrations};

/// The result for one store.
#[derive(Debug)]
pub struct Check {
    /// The store's name for operators.
    pub name: &'static str,
    /// `None` when the store is ready.
    pub failure: Option<Failure>,
}

/// Why a store is not ready.
#[derive(Debug)]
pub enum Failure {
    /// It does not answer, or refuses.
    Unreachable(crate::error::Error),
    /// Its schema is older than this build requires.
    Outdated { found: i64, needed: i64 },
}

/// Checks every store. `db` is the result of preparing the connection.
pub async fn check(db: Result<&Db>, tables: &TableProbes, media: &Media) -> [Check; 5] {
    let (mysql, connections, room_sockets, ephemeral, bucket) =
        futures_util::future::join5(schema(db), tables.connections(), tables.room_sockets(), tables.ephemeral(), media.probe())
            .await;
    [
        Check { name: "mysql", failure: mysql.unwrap_or_else(|error| Some(Failure::Unreachable(error))) },
        Check { name: "connections_table", failure: connections.err().map(Failure::Unreachable) },
        Check { name: "room_sockets_table", failure: room_sockets.err().map(Failure::Unreachable) },
        Check { name: "ephemeral_table", failure: ephemeral.err().map(Failure::Unreachable) },
        Check { name: "media_bucket", failure: bucket.err().map(Failure::Unreachable) },
    ]
}

/// A newer schema is fine: old code runs on it during a deployment.
async fn schema(db: Result<&Db>) -> Result<Option<Failure>> {
    let found = migrations::version(&mut *db?.acquire().await?).await?.unwrap_or_default();
    let needed = migrations::newest();
    Ok((found < needed).then_some(Failure::Outdated { found, needed }))
}
