//! Schema migrations, up and down. Idempotent and safe to run concurrently, under a named lock of the server.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::MySqlConnection;
use sqlx::{ConnectOptions, Connection as _, Executor};

use crate::config::Secret;
use crate::error::{Error, Result};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// From this version on, a migration is a single statement, which the server applies as a whole or not at all.
pub const ONE_STATEMENT_SINCE: i64 = 13;

/// Migrates to the newest version. Returns the version of the database, which a later release may have raised further.
pub async fn up(url: &Secret) -> Result<i64> {
    let mut connection = connect_locked(url).await?;
    match MIGRATOR.run(&mut connection).await {
        Ok(()) => {}
        Err(MigrateError::VersionMissing(_)) if is_of_a_later_release(&mut connection).await? => {}
        Err(MigrateError::ExecuteMigration(sqlx::Error::Database(refusal), version)) => {
            if version >= ONE_STATEMENT_SINCE {
                delete_failed(&mut connection, version).await?;
            }
            return Err(Error::internal(format!("migration {version} was refused: {refusal}")));
        }
        Err(MigrateError::Dirty(version)) => {
            let what = format!(
                "migration {version} stopped half-way: check whether its change was applied, then run `settle` (docs/operations.md, Upgrades)"
            );
            return Err(Error::internal(what));
        }
        Err(error) => return Err(Error::internal(error)),
    }
    let version = version(&mut connection).await?.unwrap_or_default();
    connection.close().await?;
    Ok(version)
}

/// Settles a migration that stopped half-way, once an operator has checked whether its change was applied.
pub async fn settle(url: &Secret, version: i64, applied: bool) -> Result<()> {
    let mut connection = connect_locked(url).await?;
    let settled = if applied {
        sqlx::query!("update _sqlx_migrations set success = true where version = ? and not success", version)
            .execute(&mut connection)
            .await?
            .rows_affected()
    } else {
        delete_failed(&mut connection, version).await?
    };
    connection.close().await?;
    if settled == 0 {
        return Err(Error::invalid("version", "unknown", format!("no migration {version} stopped half-way")));
    }
    Ok(())
}

/// Deletes the record of a failed migration, so that the next run repeats it.
async fn delete_failed(connection: &mut MySqlConnection, version: i64) -> Result<u64> {
    Ok(sqlx::query!("delete from _sqlx_migrations where version = ? and not success", version)
        .execute(connection)
        .await?
        .rows_affected())
}

/// Whether the database contains this build's newest migration with the same checksum. Unknown migrations then only add to it.
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

/// Reverts all migrations after version `target`; 0 removes the whole schema.
pub async fn down(url: &Secret, target: i64) -> Result<()> {
    let mut connection = connect_locked(url).await?;
    MIGRATOR.undo(&mut connection, target).await.map_err(Error::internal)?;
    connection.close().await?;
    Ok(())
}

/// sqlx requests the lock without a timeout, which MariaDB answers with NULL and no lock. This takes it with a timeout, which every server supports.
/// Closing the connection releases it.
async fn connect_locked(url: &Secret) -> Result<MySqlConnection> {
    let options = super::database::options(url)?;
    let connected = async {
        let mut connection = options.connect().await?;
        connection.execute("set names utf8mb4").await?;
        Ok(connection)
    };
    let connected: Result<MySqlConnection, sqlx::Error> = connected.await;
    let mut connection = connected.map_err(|error| super::server_identity::connection_failed(error.into(), &options))?;
    let held: Option<i64> =
        sqlx::query_scalar("select get_lock(concat('conchat.migrations.', database()), 60)").fetch_one(&mut connection).await?;
    if held == Some(1) { Ok(connection) } else { Err(Error::unavailable("another migration holds the lock")) }
}

/// Returns the newest applied version, if any.
pub async fn version(connection: &mut MySqlConnection) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(r#"select max(version) as "version: i64" from _sqlx_migrations where success"#)
        .fetch_one(connection)
        .await?)
}

/// Returns the newest version of this build.
pub fn newest() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}
