//! The schema's history. Forward and back, safe to run twice and at once: a named lock on the server is held meanwhile.

use sqlx::migrate::Migrator;
use sqlx::mysql::MySqlConnection;
use sqlx::{ConnectOptions, Connection as _, Executor};

use crate::config::Secret;
use crate::error::{Error, Result};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema to its newest version. Gives that version.
pub async fn up(url: &Secret) -> Result<i64> {
    let mut connection = locked(url).await?;
    MIGRATOR.run(&mut connection).await.map_err(Error::internal)?;
    connection.close().await?;
    Ok(newest())
}

/// Takes back all migrations after version `target`; 0 empties the database of everything that is ours.
pub async fn down(url: &Secret, target: i64) -> Result<()> {
    let mut connection = locked(url).await?;
    MIGRATOR.undo(&mut connection, target).await.map_err(Error::internal)?;
    connection.close().await?;
    Ok(())
}

/// sqlx asks for a lock without a time limit, which MariaDB answers with NULL and no lock; so this one is asked for with a limit, which every
/// server honours. It ends with the connection.
async fn locked(url: &Secret) -> Result<MySqlConnection> {
    let mut connection = super::connection::options(url)?.connect().await?;
    connection.execute("set names utf8mb4").await?;
    let held: Option<i64> =
        sqlx::query_scalar("select get_lock(concat('conchat.migrations.', database()), 60)").fetch_one(&mut connection).await?;
    if held == Some(1) { Ok(connection) } else { Err(Error::unavailable("another migration holds the lock")) }
}

/// The newest version that the database has, if it has any.
pub async fn version(connection: &mut MySqlConnection) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(r#"select max(version) as "version: i64" from _sqlx_migrations where success"#)
        .fetch_one(connection)
        .await?)
}

/// The version that this build brings.
pub fn newest() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}
