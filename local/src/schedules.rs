//! Plays `EventBridge` Scheduler: functions are invoked asynchronously, each at its rate, for as long as the cloud is up. A start of the cloud is not the
//! making of a schedule: the first invocation comes after the first interval.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    lambda::Lambda,
    stack::{Schedule, Stack},
};

/// How often the clock is looked at: faults may shorten a rate at any time.
const LOOK: Duration = Duration::from_millis(500);

/// Starts the clocks of all functions; dropping them stops them.
pub(crate) fn start(stack: &Stack, lambda: &Lambda) -> JoinSet<()> {
    let mut clocks = JoinSet::new();
    for function in stack.functions.values() {
        for schedule in &function.schedules {
            clocks.spawn(run(function.id.clone(), schedule.clone(), stack.region.clone(), lambda.clone()));
        }
    }
    clocks
}

async fn run(function: String, schedule: Schedule, region: String, lambda: Lambda) {
    let mut last = Instant::now();
    loop {
        let every = lambda.faults().schedule_rate().unwrap_or(schedule.every);
        let left = every.saturating_sub(last.elapsed());
        if !left.is_zero() {
            tokio::time::sleep(left.min(LOOK)).await;
            continue;
        }
        last = Instant::now();
        let input = schedule.input.clone().unwrap_or_else(|| notification(&schedule.name, &region));
        if let Err(error) = lambda.invoke_event(&function, Bytes::from(input)) {
            tracing::warn!(function, schedule = schedule.name, %error, "a scheduled invocation was refused");
        }
    }
}

/// What a target gets whose schedule has no `Input`.
fn notification(schedule: &str, region: &str) -> String {
    let now = OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": now,
        "region": region,
        "resources": [format!("arn:aws:scheduler:{region}:000000000000:schedule/default/{schedule}")],
        "detail": "{}",
    })
    .to_string()
}
