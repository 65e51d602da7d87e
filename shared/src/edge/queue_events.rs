//! Events of queues: serves the messages of a batch side by side, and names those that failed, so that only they come back.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::edge::problem;
use crate::error::{Error, Result};
use crate::telemetry::invocation::{self, Invocation, Outcome};
use crate::time::Timestamp;

/// Messages served concurrently: the largest batch of a mapping in the template.
const CONCURRENCY: usize = 10;
/// What is left of an invocation's time to answer it. A message that is not done by then comes back alone.
const TIME_TO_ANSWER: Duration = Duration::from_millis(1500);

/// How a function serves its queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueWork {
    /// Name in the log.
    pub what: &'static str,
    /// Older messages are dropped; none if their age does not matter.
    pub max_age: Option<Duration>,
}

#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    body: String,
    attributes: SystemAttributes,
}

#[derive(Debug, Deserialize)]
struct SystemAttributes {
    /// In epoch milliseconds.
    #[serde(rename = "SentTimestamp")]
    sent_timestamp: String,
}

/// Serves the batch of an event source mapping and returns the partial batch response. An event without records is the message itself: functions of
/// the previous release invoke this one directly while a deployment runs.
pub async fn handle<T, F>(
    event: LambdaEvent<Value>,
    work: QueueWork,
    serve: impl Fn(T) -> F,
) -> Result<Value, lambda_runtime::Error>
where
    T: DeserializeOwned,
    F: Future<Output = Result<()>>,
{
    let invocation = Invocation::begin();
    let LambdaEvent { payload, context } = event;
    let request_id = &context.request_id;
    let end = |code| invocation.end(&Outcome { request_id, what: work.what, code, status: None, connection: None });
    if payload.get("Records").is_none() {
        let served = match serde_json::from_value(payload) {
            Ok(message) => Box::pin(serve(message)).await,
            Err(error) => Err(Error::internal(error)),
        };
        end(served.as_ref().map_or_else(Error::code, |()| "ok"));
        return match served {
            Ok(()) => Ok(json!({})),
            Err(error) => {
                problem::log(&error, request_id);
                Err(error.into())
            }
        };
    }
    let batch: Batch = serde_json::from_value(payload)?;
    let now = Timestamp::now();
    let left = context.deadline.saturating_sub(now.0.unsigned_abs());
    let limit = Duration::from_millis(left).saturating_sub(TIME_TO_ANSWER);
    let serve = &serve;
    let serving = batch.records.iter().map(|record| async move {
        let served = match record.message(work.max_age, now) {
            Ok(Some(message)) => {
                let served = invocation::within(limit, Box::pin(serve(message))).await;
                served.unwrap_or_else(|elapsed| Err(Error::unavailable(elapsed)))
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        (record, served)
    });
    let served: Vec<_> = stream::iter(serving).buffer_unordered(CONCURRENCY).collect().await;
    let failed: Vec<_> = served.into_iter().filter_map(|(record, served)| Some((record, served.err()?))).collect();
    for (_, error) in &failed {
        problem::log(error, request_id);
    }
    end(failed.first().map_or("ok", |(_, error)| error.code()));
    let failures: Vec<_> = failed.iter().map(|(record, _)| json!({ "itemIdentifier": record.message_id })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}

impl Record {
    /// Returns the message; none if it is too old.
    fn message<T: DeserializeOwned>(&self, max_age: Option<Duration>, now: Timestamp) -> Result<Option<T>> {
        let sent_at = self.attributes.sent_timestamp.parse().map_err(Error::internal)?;
        let age = u64::try_from(now.since(Timestamp(sent_at))).unwrap_or_default();
        if max_age.is_some_and(|most| Duration::from_millis(age) > most) {
            tracing::info!(age_ms = age, "a message is too old to be served");
            return Ok(None);
        }
        serde_json::from_str(&self.body).map(Some).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use lambda_runtime::Context;

    use super::*;

    const WORK: QueueWork = QueueWork { what: "test", max_age: Some(Duration::from_mins(2)) };

    fn record(id: &str, body: &str, age_ms: i64) -> Value {
        let sent = (Timestamp::now().0 - age_ms).to_string();
        json!({ "messageId": id, "body": body, "attributes": { "SentTimestamp": sent, "ApproximateReceiveCount": "1" } })
    }

    fn event(payload: Value) -> LambdaEvent<Value> {
        let mut context = Context::default();
        context.deadline = Timestamp::now().plus_seconds(2).0.unsigned_abs();
        LambdaEvent::new(payload, context)
    }

    #[tokio::test]
    async fn only_what_failed_or_hangs_is_reported() {
        let seen = RefCell::new(Vec::new());
        let serve = |number: u64| {
            seen.borrow_mut().push(number);
            async move {
                match number {
                    2 => Err(Error::unavailable("no store")),
                    3 => std::future::pending().await,
                    _ => Ok(()),
                }
            }
        };
        let records = [
            record("a", "1", 0),
            record("b", "2", 0),
            record("c", "3", 0),
            record("d", "{", 0),
            record("e", "5", 119_000),
            record("f", "6", 125_000),
        ];
        let answer = handle(event(json!({ "Records": records })), WORK, serve).await.expect("an answer");
        let failures = answer["batchItemFailures"].as_array().expect("failures");
        let mut failed: Vec<_> = failures.iter().filter_map(|failure| failure["itemIdentifier"].as_str()).collect();
        failed.sort_unstable();
        assert_eq!(failed, ["b", "c", "d"]);
        assert_eq!(*seen.borrow(), [1, 2, 3, 5], "what is too old is dropped");
    }

    #[tokio::test]
    async fn an_event_without_records_is_the_message_itself() {
        let serve = |number: u64| async move { if number == 7 { Ok(()) } else { Err(Error::internal("another")) } };
        assert_eq!(handle(event(json!(7)), WORK, serve).await.expect("served"), json!({}));
        assert!(handle(event(json!(8)), WORK, serve).await.is_err());
        assert!(handle(event(json!("seven")), WORK, serve).await.is_err());
    }
}
