//! Rotation of the store's password: followed at run time, without repeated reads for a wrong one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared::config::{Secret, SecretReader};
use shared::store::Db;
use sqlx::{AssertSqlSafe, Executor};

use crate::fixture;

/// The same database with another user and password.
pub(crate) fn url(admin: &Secret, user: &str, password: &str) -> Secret {
    let (_, place) = admin.expose().rsplit_once('@').expect("a URL with a user");
    Secret::new(format!("mysql://{user}:{password}@{place}"))
}

async fn run(db: &Db, statement: String) {
    db.acquire().await.expect("a connection").execute(AssertSqlSafe(statement)).await.expect("done");
}

async fn answers(db: &Db) -> Result<i64, &'static str> {
    let mut connection = db.acquire().await.map_err(|error| error.code())?;
    sqlx::query_scalar("select count(*) from rooms").fetch_one(&mut *connection).await.map_err(|_| "statement")
}

#[tokio::test]
async fn a_rotated_password_is_read_again_and_a_wrong_one_is_not_asked_for_over_and_over() {
    let admin_url = fixture::migrated().await;
    let admin = Db::lazy(&admin_url).expect("a URL");
    let user = format!("rotated_{}", std::process::id());
    run(&admin, format!("create user '{user}'@'%' identified by 'first'")).await;
    run(&admin, format!("grant select on *.* to '{user}'@'%'")).await;

    let readings = Arc::new(AtomicUsize::new(0));
    let (counted, second) = (Arc::clone(&readings), url(&admin_url, &user, "second"));
    let again = SecretReader::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let second = second.clone();
        Box::pin(async move { Ok(second) })
    });
    let db = Db::with_secret_source(&url(&admin_url, &user, "first"), Some(again)).expect("a URL");
    assert_eq!(answers(&db).await, Ok(1));

    run(&admin, format!("alter user '{user}'@'%' identified by 'second'")).await;
    assert_eq!(answers(&db).await, Ok(1), "an open connection goes on");
    assert_eq!(readings.load(Ordering::Relaxed), 0);
    db.acquire().await.expect("a connection").discard();
    assert_eq!(answers(&db).await, Ok(1), "a new one reads the secret again");
    assert_eq!(readings.load(Ordering::Relaxed), 1);

    // The secret lags behind: the store already has the next password.
    run(&admin, format!("alter user '{user}'@'%' identified by 'third'")).await;
    db.acquire().await.expect("a connection").discard();
    for _ in 0..5 {
        assert_eq!(answers(&db).await, Err("unavailable"), "clients come again");
    }
    assert_eq!(readings.load(Ordering::Relaxed), 1, "and the secret was just read");
    run(&admin, format!("drop user '{user}'@'%'")).await;
}
