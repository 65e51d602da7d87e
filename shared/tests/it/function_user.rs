//! The database user of the functions: what it may do, how its password changes, and which secrets are refused.

use local::mysql::{MySql, MySqlOptions};
use shared::config::Secret;
use shared::error::Error;
use shared::store::{Db, function_user, migrations};
use sqlx::{AssertSqlSafe, Executor};

use crate::fixture;
use crate::rotation::url;

async fn run(as_user: &Secret, statement: &str) -> Result<(), String> {
    let db = Db::lazy(as_user).expect("a URL");
    let mut connection = db.acquire().await.map_err(|error| error.code().to_owned())?;
    connection.execute(AssertSqlSafe(statement.to_owned())).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_functions_user_changes_rows_of_its_database_and_nothing_else() {
    let admin = fixture::migrated().await;
    let other = fixture::migrated().await;
    let name = format!("functions_{}", std::process::id());
    let user = url(&admin, &name, "first");
    function_user::grant(&admin, &user).await.expect("created");
    for allowed in [
        "insert into rooms (kind, name, active_at, changed_at, created_at) values ('group', 'x', 1, 1, 1)",
        "update rooms set name = 'y' where name = 'x'",
        "delete from rooms where name = 'y'",
        "select max(version) from _sqlx_migrations",
    ] {
        assert_eq!(run(&user, allowed).await, Ok(()), "{allowed}");
    }
    for refused in [
        "create table more (id int)",
        "alter table rooms add column more int",
        "drop table messages",
        "truncate table messages",
        "create user 'more'@'%'",
        "grant select on *.* to 'more'@'%'",
        "select user from mysql.user",
        "set global max_connections = 1",
    ] {
        let message = run(&user, refused).await.expect_err(refused);
        assert!(message.contains("denied"), "{refused}: {message}");
    }
    let (_, elsewhere) = other.expose().rsplit_once('/').expect("a database");
    let elsewhere = format!("select count(*) from {elsewhere}.rooms");
    assert!(run(&user, &elsewhere).await.is_err_and(|message| message.contains("denied")));

    // The secret has another password, and the migration runs again.
    let second = url(&admin, &name, "second");
    assert_eq!(run(&second, "select 1").await, Err("unavailable".into()));
    function_user::grant(&admin, &second).await.expect("changed");
    assert_eq!(run(&second, "update rooms set name = name").await, Ok(()));
    assert_eq!(run(&user, "select 1").await, Err("unavailable".into()));
    run(&admin, &format!("drop user '{name}'@'%'")).await.expect("dropped");
}

/// After a failover, an open connection can lead to the former writer, which answers but only reads.
#[tokio::test]
async fn a_connection_to_a_server_that_only_reads_is_not_used_again() {
    let server = MySql::temporary(MySqlOptions::default()).await.expect("MariaDB starts");
    let admin = Secret::new(server.url());
    let user = url(&admin, "conchat_functions", "secret");
    migrations::up(&admin).await.expect("migrated");
    function_user::grant(&admin, &user).await.expect("created");
    let db = Db::lazy(&user).expect("a URL");
    let connection_id = async || {
        let mut connection = db.acquire().await.expect("a connection");
        sqlx::query_scalar::<_, i64>("select cast(connection_id() as signed)").fetch_one(&mut *connection).await.expect("an id")
    };
    let first = connection_id().await;
    assert_eq!(connection_id().await, first);

    run(&admin, "set global read_only = 1").await.expect("set");
    let refused = db.acquire().await.expect("a connection").execute("update rooms set name = name").await;
    let refused = Error::from(refused.expect_err("the server only reads"));
    assert_eq!(refused.code(), "unavailable", "{:?}", refused.causes());
    let second = connection_id().await;
    assert_ne!(second, first);
    assert_eq!(connection_id().await, second);
}

#[tokio::test]
async fn a_secret_that_names_no_user_of_its_own_is_refused() {
    let admin = fixture::migrated().await;
    let (own, _) = admin.expose().trim_start_matches("mysql://").split_once(':').expect("a user");
    for (name, password, expected) in [
        (own, "first", "different users"),
        ("o'brien", "first", "no quotes"),
        ("functions", "fir%27st", "no quotes"),
        ("functions", "fir%5Cst", "no quotes"),
        ("functions", "", "no password"),
    ] {
        let error = function_user::grant(&admin, &url(&admin, name, password)).await.expect_err("refused");
        let causes = error.causes().expect("causes");
        assert!(causes.contains(expected) && !causes.contains("fir"), "{causes}");
    }
}
