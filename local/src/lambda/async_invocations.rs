//! Asynchronous invocations: retries as Lambda does, and records the event after the last attempt.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::pool::{InstancePool, STOPPING};
use super::state::InvocationRequest;
use super::{Destinations, EVENT_LIMIT, FunctionSpec, InvokeError, Outcome};

/// Recent on-failure records: in the functions' destination queues; without a queue, in memory and as JSON lines in a file that survives a restart.
#[derive(Debug)]
pub(super) struct DeadLetters {
    records: Mutex<VecDeque<Value>>,
    file: Option<PathBuf>,
    queues: Destinations,
}

/// Number of records kept in memory; the file may contain more until one is removed.
const KEPT: usize = 200;

impl DeadLetters {
    pub(super) fn new(file: Option<PathBuf>, queues: Destinations) -> Self {
        let text = file.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let mut records: VecDeque<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        records.drain(..records.len().saturating_sub(KEPT));
        Self { records: Mutex::new(records), file, queues }
    }

    /// All records, oldest first.
    pub(super) fn all(&self, pool: &InstancePool) -> Vec<Value> {
        let queued = self.queues.records(&pool.destinations(), KEPT).into_iter().map(|found| found.record);
        let mut all: Vec<Value> = self.records().iter().cloned().chain(queued).collect();
        all.sort_by(|one, other| one["timestamp"].as_str().cmp(&other["timestamp"].as_str()));
        all.drain(..all.len().saturating_sub(KEPT));
        all
    }

    /// Sends a record to its destination.
    pub(super) fn deliver(&self, destination: &str, record: Value, pool: &InstancePool) {
        match self.queues.send(destination, &record) {
            None => self.add(record, pool),
            Some(Ok(())) => {}
            Some(Err(error)) => pool.journal().note(&format!("Could not send the record to {destination}: {error}")),
        }
    }

    pub(super) fn add(&self, record: Value, pool: &InstancePool) {
        // Hold the lock so that lines do not interleave.
        let mut records = self.records();
        self.write(pool, |path| {
            OpenOptions::new().create(true).append(true).open(path).and_then(|mut file| writeln!(file, "{record}"))
        });
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// Removes the record of this request from its queue or the file.
    pub(super) fn take(&self, request_id: &str, pool: &InstancePool) -> Option<Value> {
        let mut records = self.records();
        let Some(at) = records.iter().position(|record| record["requestContext"]["requestId"] == request_id) else {
            let mut queued = self.queues.records(&pool.destinations(), KEPT).into_iter();
            let found = queued.find(|found| found.record["requestContext"]["requestId"] == request_id)?;
            return self.queues.remove(&found).then_some(found.record);
        };
        let record = records.remove(at)?;
        let rest: Vec<String> = records.iter().map(Value::to_string).chain([String::new()]).collect();
        self.write(pool, |path| {
            let aside = path.with_extension("new");
            fs::write(&aside, rest.join("\n")).and_then(|()| fs::rename(&aside, path))
        });
        Some(record)
    }

    fn write(&self, pool: &InstancePool, how: impl FnOnce(&Path) -> io::Result<()>) {
        if let Some(path) = &self.file
            && let Err(error) = how(path)
        {
            pool.journal().note(&format!("Could not write dead letters to {}: {error}", path.display()));
        }
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts an event for a function (by name or ARN) under a request id and returns at once.
pub(super) fn submit(
    pool: &Arc<InstancePool>,
    dead_letters: &Arc<DeadLetters>,
    function: &str,
    request: InvocationRequest,
) -> Result<(), InvokeError> {
    if request.payload.len() > EVENT_LIMIT {
        return Err(InvokeError::TooLarge { size: request.payload.len() });
    }
    let spec = pool.function(function).ok_or_else(|| InvokeError::NotFound(function.to_owned()))?;
    tokio::spawn(deliver(pool.clone(), dead_letters.clone(), AsyncInvocation { request, spec, accepted: Instant::now() }));
    Ok(())
}

struct AsyncInvocation {
    request: InvocationRequest,
    spec: Arc<FunctionSpec>,
    accepted: Instant,
}

/// Lambda's waits after the first and the second failed attempt.
const RETRY_WAITS: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];
/// Backoff of throttled attempts: one second, doubled up to five minutes.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

async fn deliver(pool: Arc<InstancePool>, dead_letters: Arc<DeadLetters>, letter: AsyncInvocation) {
    let scale = pool.retry_scale();
    let most_age = Duration::from_secs(letter.spec.event_invoke.maximum_event_age.into());
    let mut attempts = 0_u32;
    let mut backoff = FIRST_BACKOFF;
    let mut last_error = None;
    loop {
        let wait = match pool.invoke(&letter.spec.id, letter.request.clone()).await {
            Ok(Outcome::Success(_))
            | Err(InvokeError::NotFound(_) | InvokeError::TooLarge { .. } | InvokeError::Throttled { reason: STOPPING }) => {
                return;
            }
            Ok(Outcome::FunctionError(error)) => {
                attempts += 1;
                last_error = Some(error);
                if attempts > letter.spec.event_invoke.maximum_retry_attempts {
                    return give_up(
                        &pool,
                        &dead_letters,
                        &letter,
                        Abandonment { condition: "RetriesExhausted", attempts, last_error },
                    );
                }
                let index = usize::try_from(attempts).unwrap_or(usize::MAX).min(RETRY_WAITS.len()) - 1;
                RETRY_WAITS[index]
            }
            Err(InvokeError::Throttled { .. }) => {
                let wait = backoff;
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
                wait
            }
        };
        if letter.accepted.elapsed() >= most_age {
            return give_up(&pool, &dead_letters, &letter, Abandonment { condition: "EventAgeExceeded", attempts, last_error });
        }
        sleep(wait.mul_f64(scale)).await;
    }
}

/// Why an event is no longer retried.
struct Abandonment {
    condition: &'static str,
    attempts: u32,
    last_error: Option<Bytes>,
}

/// The record goes only to the function's `OnFailure` destination, as on AWS; without one, the event is lost and the terminal shows a note.
fn give_up(
    pool: &InstancePool,
    dead_letters: &DeadLetters,
    letter: &AsyncInvocation,
    Abandonment { condition, attempts, last_error }: Abandonment,
) {
    let function = &letter.spec.id;
    let Some(destination) = &letter.spec.event_invoke.on_failure else {
        return pool.journal().note(&format!(
            "{function}: event {} is lost ({condition}): the function has no OnFailure destination",
            letter.request.id
        ));
    };
    pool.journal().note(&format!("{function}: event {} went to {destination} ({condition})", letter.request.id));
    let mut record = json!({
        "version": "1.0",
        "timestamp": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        "requestContext": {
            "requestId": letter.request.id.to_string(),
            "functionArn": format!("{}:$LATEST", pool.arn(function)),
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": parsed(&letter.request.payload),
    });
    if let Some(error) = last_error {
        record["responseContext"] = json!({ "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" });
        record["responsePayload"] = parsed(&error);
    }
    dead_letters.deliver(destination, record, pool);
}

fn parsed(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()))
}
