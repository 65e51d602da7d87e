//! The connection of an instance: one invocation leaves no state to the next.

use std::time::Duration;

use shared::store::Db;
use shared::telemetry::invocation;

use crate::fixture;

async fn answer(db: &Db, statement: String) -> i64 {
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut *connection).await.expect("an answer")
}

#[tokio::test]
async fn work_that_is_cut_off_leaves_no_half_answer_for_the_next() {
    let db = fixture::database().await;
    let mut cut = 0;
    // Different texts, so that each is prepared before it runs and the abort hits either step.
    for number in 0..200 {
        let work = answer(&db, format!("select {number} + 1000"));
        cut += u32::from(invocation::within(Duration::from_micros(number * 10), work).await.is_err());
        assert_eq!(answer(&db, format!("select {number} + 5000")).await, i64::try_from(number).expect("small") + 5000);
    }
    assert!(cut > 0, "nothing was cut off");
}
