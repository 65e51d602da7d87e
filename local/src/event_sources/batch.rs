//! One batch: collects messages until it is full, its window ends or its payload is large enough; then invokes the function and deletes what was processed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{EventSourceMapping, event, response};
use crate::clock::milliseconds;
use crate::lambda::{InvokeError, Outcome, SYNC_LIMIT};
use crate::sqs::{Message, ReceiveOptions};

/// The messages of one invocation.
#[derive(Debug)]
pub(super) struct Batch {
    messages: Vec<Message>,
    /// When the first message becomes visible again.
    visible_at: u64,
}

/// Limit for the bodies of one event; the rest of the 6 MB payload is for metadata.
const MAX_BATCH_BYTES: usize = 5 << 20;
/// Duration of one long poll.
const LONG_POLL: Duration = Duration::from_secs(20);
/// First and longest pause after a throttled invocation.
const MIN_BACKOFF_MS: u64 = 100;
const MAX_BACKOFF_MS: u64 = 5000;

impl Batch {
    /// Waits for messages; `None` if the queue does not exist.
    pub(super) async fn receive(mapping: &EventSourceMapping) -> Option<Self> {
        let (source, broker) = (&mapping.source, &mapping.broker);
        let mut batch = Self { messages: Vec::new(), visible_at: 0 };
        let mut deadline = None;
        loop {
            let now = broker.clock().now();
            let bytes: usize = batch.messages.iter().map(|message| message.size).sum();
            let max_messages = source.batch_size.saturating_sub(batch.messages.len());
            let left = deadline.map_or(milliseconds(LONG_POLL), |deadline: u64| deadline.saturating_sub(now));
            if max_messages == 0 || bytes >= MAX_BATCH_BYTES || (deadline.is_some() && left == 0) {
                return Some(batch);
            }
            let options = ReceiveOptions { max_messages, max_bytes: MAX_BATCH_BYTES - bytes, visibility_s: None };
            let received = broker.receive_within(&source.queue, options, Duration::from_millis(left)).await;
            let received = match received {
                Ok(received) => received,
                Err(error) if error.is_server_error() => {
                    mapping.lambda.journal().note(&format!("{}: {error}", source.name));
                    broker.clock().sleep_until(now + 1000).await;
                    continue;
                }
                // Messages received before the queue was deleted are still processed.
                Err(_) => return Some(batch).filter(|batch| !batch.messages.is_empty()),
            };
            if let (None, false) = (deadline, received.is_empty()) {
                let now = broker.clock().now();
                let visibility = broker.queue(&source.queue).map_or(0, |queue| queue.attributes.visibility_s);
                batch.visible_at = now + u64::from(visibility) * 1000;
                deadline = Some(now + milliseconds(source.batching_window));
            }
            batch.messages.extend(received);
        }
    }

    /// Invokes the function. Retries while throttled, until the visibility timeout ends; then the messages return to the queue.
    pub(super) async fn process(mut self, mapping: Arc<EventSourceMapping>) {
        let (source, broker) = (&mapping.source, &mapping.broker);
        let event = self.event(&mapping);
        let mut pause = MIN_BACKOFF_MS;
        loop {
            match mapping.lambda.invoke(&source.function, event.clone()).await {
                Ok(Outcome::Success(result)) => {
                    let ids: Vec<&str> = self.messages.iter().map(|message| message.id.as_str()).collect();
                    let failed = if source.reports_failures {
                        response::batch_item_failures(&result, &ids)
                    } else {
                        response::BatchItemFailures::default()
                    };
                    for message in self.messages.iter().filter(|message| !failed.contains(&message.id)) {
                        // An expired handle means that another consumer has received the message.
                        let _ = broker.delete_message(&source.queue, &message.receipt_handle);
                    }
                    return;
                }
                Err(error @ InvokeError::Throttled { .. }) if !error.is_stopping() => {
                    let now = broker.clock().now();
                    if now + pause >= self.visible_at {
                        return;
                    }
                    broker.clock().sleep_until(now + pause).await;
                    pause = (pause * 2).min(MAX_BACKOFF_MS);
                }
                // The messages return after their visibility timeout.
                Ok(Outcome::FunctionError(_)) | Err(_) => return,
            }
        }
    }

    /// Builds the event; messages that do not fit return to the queue.
    fn event(&mut self, mapping: &EventSourceMapping) -> Bytes {
        let (source, broker) = (&mapping.source, &mapping.broker);
        loop {
            let event = event::sqs_event(&self.messages, &broker.arn(&source.queue), broker.region());
            if event.len() <= SYNC_LIMIT || self.messages.len() < 2 {
                return event;
            }
            if let Some(message) = self.messages.pop() {
                let _ = broker.change_visibility(&source.queue, &message.receipt_handle, 0);
            }
        }
    }
}
