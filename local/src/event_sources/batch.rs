//! One batch: gathered until it is full, its window is over or its event is large enough; then processed, and what was processed is deleted.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Mapping, event, response};
use crate::{
    clock::milliseconds,
    lambda::{InvokeError, Outcome, SYNC_LIMIT},
    sqs::{Message, Wanted},
};

/// Messages that one invocation is for.
#[derive(Debug)]
pub(super) struct Batch {
    messages: Vec<Message>,
    /// When the first of them becomes visible to others again.
    visible_at: u64,
}

/// Bytes of bodies in one event; the rest of six megabytes is for what stands around them.
const MOST_BYTES: usize = 5 << 20;
/// One long poll.
const POLL: Duration = Duration::from_secs(20);
/// Pauses after an invocation that was throttled: the first, and the longest.
const FIRST_PAUSE_MS: u64 = 100;
const LONGEST_PAUSE_MS: u64 = 5000;

impl Batch {
    /// Waits for messages; `None` when there is no queue to wait for.
    pub(super) async fn gather(mapping: &Mapping) -> Option<Self> {
        let (source, broker) = (&mapping.source, &mapping.broker);
        let mut batch = Self { messages: Vec::new(), visible_at: 0 };
        let mut deadline = None;
        loop {
            let now = broker.clock().now();
            let bytes: usize = batch.messages.iter().map(|message| message.size).sum();
            let most = source.batch_size.saturating_sub(batch.messages.len());
            let left = deadline.map_or(milliseconds(POLL), |deadline: u64| deadline.saturating_sub(now));
            if most == 0 || bytes >= MOST_BYTES || (deadline.is_some() && left == 0) {
                return Some(batch);
            }
            let wanted = Wanted { most, most_bytes: MOST_BYTES - bytes, visibility_s: None };
            let received = broker.receive_within(&source.queue, wanted, Duration::from_millis(left)).await;
            let received = match received {
                Ok(received) => received,
                Err(error) if error.is_ours() => {
                    mapping.lambda.journal().note(&format!("{}: {error}", source.name));
                    broker.clock().sleep_until(now + 1000).await;
                    continue;
                }
                // What was gathered from a queue that is gone is still worth an invocation.
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

    /// Invokes the function. Who is throttled tries again for as long as the messages are hidden from others, and then leaves them to the queue.
    pub(super) async fn process(mut self, mapping: Arc<Mapping>) {
        let (source, broker) = (&mapping.source, &mapping.broker);
        let event = self.event(&mapping);
        let mut pause = FIRST_PAUSE_MS;
        loop {
            match mapping.lambda.invoke(&source.function, event.clone()).await {
                Ok(Outcome::Success(result)) => {
                    let ids: Vec<&str> = self.messages.iter().map(|message| message.id.as_str()).collect();
                    let failed =
                        if source.reports_failures { response::failed(&result, &ids) } else { response::Failed::default() };
                    for message in self.messages.iter().filter(|message| !failed.contains(&message.id)) {
                        // A handle that has expired says that somebody else has the message by now.
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
                    pause = (pause * 2).min(LONGEST_PAUSE_MS);
                }
                // The messages come back when their visibility timeout is over.
                Ok(Outcome::FunctionError(_)) | Err(_) => return,
            }
        }
    }

    /// The event; messages for which it has no room go back to the queue.
    fn event(&mut self, mapping: &Mapping) -> Bytes {
        let (source, broker) = (&mapping.source, &mapping.broker);
        loop {
            let event = event::of(&self.messages, &broker.arn(&source.queue), broker.region());
            if event.len() <= SYNC_LIMIT || self.messages.len() < 2 {
                return event;
            }
            if let Some(message) = self.messages.pop() {
                let _ = broker.change_visibility(&source.queue, &message.receipt_handle, 0);
            }
        }
    }
}
