//! Sends messages to SQS queues, in the service's JSON protocol.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::aws::sigv4_client::{SigV4Client, SigV4Request};
use crate::config::{self, Service};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Time limit of one attempt.
const ATTEMPT: Duration = Duration::from_secs(1);
/// Attempts of a send. A repeated send can leave two messages; a queue delivers at least once anyway.
const TRIES: u32 = 2;
/// The longest delay of a message.
const MAX_DELAY: Duration = Duration::from_mins(15);

/// A message for a queue.
#[derive(Clone, Debug)]
pub struct QueueMessage<'a> {
    pub queue_url: &'a str,
    pub body: String,
    /// How long the queue withholds the message. SQS counts whole seconds, so it is rounded up; 15 minutes at most.
    pub delay: Duration,
}

/// SQS at its regional endpoint.
#[derive(Debug)]
pub struct Sqs {
    url: String,
}

impl Sqs {
    pub fn new(region: &str) -> Self {
        Self::at(&config::service_url(Service::Sqs, region))
    }

    /// SQS at another endpoint.
    pub fn at(endpoint: &str) -> Self {
        Self { url: format!("{endpoint}/") }
    }

    /// Sends a message. Tries again when SQS does not answer or fails.
    pub async fn send(&self, client: &SigV4Client, message: &QueueMessage<'_>, now: Timestamp) -> Result<()> {
        let QueueMessage { queue_url, body, delay } = message;
        let request = json!({ "QueueUrl": queue_url, "MessageBody": body, "DelaySeconds": delay_seconds(*delay) }).to_string();
        let mut attempt = 1;
        loop {
            let call = SigV4Request {
                service: "sqs",
                method: Method::POST,
                url: self.url.clone(),
                headers: &[("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.SendMessage")],
                body: request.clone().into(),
            };
            match client.call(call, now, ATTEMPT).await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if attempt == TRIES || answer.status().is_client_error() => {
                    let code = error_code(answer.body());
                    return Err(Error::unavailable(format!("SendMessage answered {} {code}", answer.status())));
                }
                Err(error) if attempt == TRIES => return Err(error),
                _ => attempt += 1,
            }
        }
    }
}

fn delay_seconds(delay: Duration) -> u64 {
    let delay = delay.min(MAX_DELAY);
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// The code of an error, without its namespace.
fn error_code(body: &[u8]) -> String {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = error["__type"].as_str().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_never_shorter_than_asked_for() {
        for (asked, sent) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (899_001, 900), (9_000_000, 900)] {
            assert_eq!(delay_seconds(Duration::from_millis(asked)), sent, "{asked} ms");
        }
    }

    #[test]
    fn an_error_is_named_by_its_code() {
        let body = br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#;
        assert_eq!((error_code(body).as_str(), error_code(b"<html>").as_str()), ("QueueDoesNotExist", ""));
    }
}
