//! The database user of the functions: reads and changes rows of its own database and nothing else. Migrations run as another user.

use percent_encoding::percent_decode_str;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor};

use crate::config::Secret;
use crate::error::{Error, Result};
use crate::store::{database, server_identity};

/// Creates the user of the URL `user`, or gives it the password of that URL, with the rights that functions need. `admin` may create users.
pub async fn grant(admin: &Secret, user: &Secret) -> Result<()> {
    let (admin, user) = (unlogged(admin)?, database::options(user)?);
    let missing = |what: &str| Error::internal(format!("the functions' secret has no {what}"));
    let url = user.to_url_lossy();
    let password =
        percent_decode_str(url.password().ok_or_else(|| missing("password"))?).decode_utf8().map_err(Error::internal)?;
    let database = user.get_database().ok_or_else(|| missing("database"))?;
    let name = user.get_username();
    if name == admin.get_username() {
        return Err(Error::internal("the functions and the migration must log in as different users"));
    }
    // The statements take no parameters. Secrets Manager generates nothing that would end a literal.
    let is_literal =
        |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || matches!(c, '\'' | '"' | '`' | '\\'));
    if ![name, password.as_ref(), database].into_iter().all(is_literal) {
        return Err(Error::internal(
            "name, password and database in the functions' secret must have no quotes, backslashes or control characters",
        ));
    }
    // Underscores and percent signs of a granted database are wildcards.
    let pattern = database.replace('_', "\\_").replace('%', "\\%");
    let statements = [
        format!("create user if not exists '{name}'@'%' identified by '{password}'"),
        format!("alter user '{name}'@'%' identified by '{password}'"),
        format!("grant select, insert, update, delete on `{pattern}`.* to '{name}'@'%'"),
    ];
    let granted = async {
        let mut connection = admin.connect().await?;
        for statement in statements {
            // A server's message about such a statement does not quote the password.
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        connection.close().await
    };
    let granted: Result<(), sqlx::Error> = granted.await;
    granted.map_err(|error| {
        server_identity::connection_failed(error.into(), &admin).during(format!("creating the functions' user {name}"))
    })
}

/// A logged statement, such as a slow one, would show the password.
fn unlogged(url: &Secret) -> Result<MySqlConnectOptions> {
    Ok(database::options(url)?.disable_statement_logging())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_is_logged_however_slow_it_is() {
        let url = Secret::new("mysql://root@127.0.0.1/chat");
        let logged = |options: &MySqlConnectOptions| format!("{options:?}").matches("statements_level: Off").count();
        let (usual, here) = (database::options(&url).expect("a URL"), unlogged(&url).expect("a URL"));
        // One for all statements, one for slow ones.
        assert_eq!((logged(&usual), logged(&here)), (0, 2), "{here:?}");
    }
}
