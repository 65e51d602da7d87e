//! `EventBridge` Scheduler: invokes functions asynchronously at their rates while the cloud runs. The first invocation follows after the first
//! interval, as for a schedule that exists already.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::lambda::Lambda;
use crate::stack::{Schedule, Stack};

/// Polling interval: faults may shorten a rate at any time.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Starts the schedules of all functions; dropping the set stops them.
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
            tokio::time::sleep(left.min(POLL_INTERVAL)).await;
            continue;
        }
        last = Instant::now();
        let input = schedule.input.clone().unwrap_or_else(|| notification(&schedule.name, &region));
        if let Err(error) = lambda.invoke_event(&function, Bytes::from(input)) {
            tracing::warn!(function, schedule = schedule.name, %error, "a scheduled invocation was rejected");
        }
    }
}

/// The default event of a schedule without `Input`.
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
