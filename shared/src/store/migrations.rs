//! The schema's history. Forward and back, safe to run twice and at once: a named lock on the server is held meanwhile.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::MySqlConnection;
use sqlx::{ConnectOptions, Connection as _, Executor};

use crate::config::Secret;
use crate::error::{Error, Result};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// From this one on, a migration is one statement, which a server does as a whole or not at all.
pub const ONE_STATEMENT_SINCE: i64 = 13;

/// Brings the schema to its newest version. Gives the version that it then has: a later release may have been here before.
pub async fn up(url: &Secret) -> Result<i64> {
    let mut connection = locked(url).await?;
    match MIGRATOR.run(&mut connection).await {
        Ok(()) => {}
        Err(MigrateError::VersionMissing(_)) if is_of_a_later_release(&mut connection).await? => {}
        Err(MigrateError::ExecuteMigration(sqlx::Error::Database(refusal), version)) => {
            if version >= ONE_STATEMENT_SINCE {
                forget(&mut connection, version).await?;
            }
            return Err(Error::internal(format!("migration {version} was refused: {refusal}")));
        }
        Err(MigrateError::Dirty(version)) => {
            let what = format!(
                "migration {version} stopped half-way: see whether its change is there, then settle it (docs/operations.md, Upgrades)"
            );
            return Err(Error::internal(what));
        }
        Err(error) => return Err(Error::internal(error)),
    }
    let version = version(&mut connection).await?.unwrap_or_default();
    connection.close().await?;
    Ok(version)
}

/// Ends the doubt about a migration that stopped half-way, whose change somebody has looked for: it is there as a whole, or nothing of it is.
pub async fn settle(url: &Secret, version: i64, applied: bool) -> Result<()> {
    let mut connection = locked(url).await?;
    let settled = if applied {
        sqlx::query!("update _sqlx_migrations set success = true where version = ? and not success", version)
            .execute(&mut connection)
            .await?
            .rows_affected()
    } else {
        forget(&mut connection, version).await?
    };
    connection.close().await?;
    if settled == 0 {
        return Err(Error::invalid("version", "unknown", format!("no migration {version} stopped half-way")));
    }
    Ok(())
}

/// As if it had not begun: the next run does it again.
async fn forget(connection: &mut MySqlConnection, version: i64) -> Result<u64> {
    Ok(sqlx::query!("delete from _sqlx_migrations where version = ? and not success", version)
        .execute(connection)
        .await?
        .rows_affected())
}

/// Whether our newest migration is among those of the database, letter for letter. Then the ones that we do not know only added to it.
async fn is_of_a_later_release(connection: &mut MySqlConnection) -> Result<bool> {
    let Some(ours) =
        MIGRATOR.iter().filter(|migration| !migration.migration_type.is_down_migration()).max_by_key(|one| one.version)
    else {
        return Ok(false);
    };
    Ok(sqlx::query_scalar!(
        r#"select exists(select 1 from _sqlx_migrations where version = ? and checksum = ? and success) as "found: bool""#,
        ours.version,
        &*ours.checksum,
    )
    .fetch_one(connection)
    .await?)
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
