//! The queues of one cloud behind one lock, shared by the API, the event source mappings and the failure destinations. Long polls wake on changes of
//! their queue and when the next message becomes visible.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use super::attributes::Attributes;
use super::delivery::{HandleState, Receipt, ReceiveQuery, Redrive};
use super::error::{Code, SqsError};
use super::message::{Message, NewMessage, sequence_number};
use super::move_tasks::MoveTasks;
use super::store::{Deduplication, MessageCounts, QueueRow, SendTimes, Store};
use crate::clock::{Clock, milliseconds};

/// All queues. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Broker(Arc<BrokerInner>);

#[derive(Debug)]
struct BrokerInner {
    state: Mutex<BrokerState>,
    clock: Clock,
    region: String,
    tasks: MoveTasks,
}

#[derive(Debug)]
pub(super) struct BrokerState {
    pub(super) store: Store,
    pub(super) queues: BTreeMap<String, Arc<Queue>>,
    /// Deletion times of deleted queues, by name.
    pub(super) deleted: BTreeMap<String, u64>,
    purged: BTreeMap<i64, u64>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) row: QueueRow,
    pub(crate) attributes: Attributes,
    /// Notified when a message may have become available.
    pub(super) changed: Arc<Notify>,
}

/// Options of a receive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveOptions {
    pub(crate) max_messages: usize,
    pub(crate) max_bytes: usize,
    /// The queue's visibility timeout by default.
    pub(crate) visibility_s: Option<u32>,
}

/// An accepted message.
#[derive(Clone, Debug)]
pub(crate) struct SentMessage {
    pub(crate) id: String,
    /// Only for FIFO queues.
    pub(crate) sequence_number: Option<String>,
}

/// The account of every ARN.
pub(crate) const ACCOUNT: &str = "000000000000";
/// AWS's quota of in-flight messages per queue.
const MAX_IN_FLIGHT: u64 = 120_000;
/// Maximum visibility timeout, counted from the receive.
const MAX_VISIBILITY_MS: u64 = 43_200_000;
pub(super) const MINUTE_MS: u64 = 60_000;

impl Broker {
    /// Opens the file, or an empty in-memory store.
    pub(crate) fn open(file: Option<&Path>, region: &str, clock: Clock) -> Result<Self, SqsError> {
        let store = Store::open(file)?;
        let mut queues = BTreeMap::new();
        for row in store.queues()? {
            let attributes = Attributes::new(&row.attributes)?;
            queues.insert(row.name.clone(), Arc::new(Queue { row, attributes, changed: Arc::default() }));
        }
        let state = BrokerState { store, queues, deleted: BTreeMap::new(), purged: BTreeMap::new() };
        let inner = BrokerInner { state: Mutex::new(state), clock, region: region.to_owned(), tasks: MoveTasks::default() };
        Ok(Self(Arc::new(inner)))
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn region(&self) -> &str {
        &self.0.region
    }

    pub(super) fn tasks(&self) -> &MoveTasks {
        &self.0.tasks
    }

    pub(crate) fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{name}", self.0.region)
    }

    pub(crate) fn queue(&self, name: &str) -> Result<Arc<Queue>, SqsError> {
        self.state().queue(name)
    }

    /// The queue with this ARN.
    pub(crate) fn queue_of(&self, arn: &str) -> Option<Arc<Queue>> {
        let name = arn.rsplit(':').next()?;
        self.queue(name).ok().filter(|queue| self.arn(&queue.row.name) == arn)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().queues.keys().cloned().collect()
    }

    pub(crate) fn counts(&self, queue: &Queue) -> Result<MessageCounts, SqsError> {
        let (state, now) = (self.state(), self.0.clock.now());
        state.expire(queue, now)?;
        Ok(state.store.counts(queue.row.id, now)?)
    }

    /// Checks a validated message against the queue's rules and adds it.
    pub(crate) fn send(&self, name: &str, message: NewMessage) -> Result<SentMessage, SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        let (fifo, max_size) = (queue.attributes.fifo, queue.attributes.maximum_size);
        if message.size() > max_size {
            return Err(SqsError::invalid(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {max_size} bytes."
            )));
        }
        let message = with_deduplication_id(&queue.attributes, message)?;
        let now = self.0.clock.now();
        let delay = message.delay_s.filter(|_| !fifo).unwrap_or(queue.attributes.delay_s);
        let scope = if queue.attributes.deduplicates_per_group { message.group.as_deref().unwrap_or_default() } else { "" };
        let deduplication = message.deduplication_id.as_deref().filter(|_| fifo).map(|id| Deduplication { scope, id });
        let times = SendTimes { sent_at: now, visible_at: now + u64::from(delay) * 1000 };
        let stored = state.store.send(queue.row.id, &message, deduplication, times)?;
        if !stored.duplicate {
            queue.changed.notify_waiters();
        }
        Ok(SentMessage { id: stored.id, sequence_number: fifo.then(|| sequence_number(stored.sequence)) })
    }

    /// Returns available messages without waiting.
    pub(crate) fn receive(&self, name: &str, options: ReceiveOptions) -> Result<Vec<Message>, SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        let now = self.0.clock.now();
        state.expire(&queue, now)?;
        if state.store.has_in_flight(queue.row.id, now, MAX_IN_FLIGHT)? {
            // FIFO queues return no messages instead of an error.
            let reason = "Too many messages in flight: delete those that are done.";
            return if queue.attributes.fifo { Ok(Vec::new()) } else { Err(SqsError::new(Code::OverLimit, reason)) };
        }
        let target = queue.attributes.redrive.as_ref().and_then(|policy| {
            let target = state.queues.get(policy.target_arn.rsplit(':').next()?)?;
            Some((target.clone(), policy.max_receive_count))
        });
        let visibility = u64::from(options.visibility_s.unwrap_or(queue.attributes.visibility_s)) * 1000;
        let taken = state.store.receive(&ReceiveQuery {
            queue: queue.row.id,
            fifo: queue.attributes.fifo,
            max_messages: options.max_messages,
            max_bytes: options.max_bytes,
            now,
            visible_at: now + visibility,
            redrive: target.as_ref().map(|(target, max_receive_count)| Redrive {
                target: target.row.id,
                max_receive_count: *max_receive_count,
                source_arn: self.arn(name),
            }),
        })?;
        if let Some((target, _)) = target.filter(|_| taken.moved > 0) {
            target.changed.notify_waiters();
        }
        Ok(taken.messages)
    }

    /// Long polling: returns available messages, or waits until there are some.
    pub(crate) async fn receive_within(
        &self,
        name: &str,
        options: ReceiveOptions,
        wait: Duration,
    ) -> Result<Vec<Message>, SqsError> {
        let deadline = self.0.clock.now() + milliseconds(wait);
        loop {
            let changed = self.queue(name)?.changed.clone();
            let mut notified = std::pin::pin!(changed.notified());
            notified.as_mut().enable();
            // Before the messages are read: one that becomes visible after that ends the wait.
            let now = self.0.clock.now();
            let messages = self.receive(name, options)?;
            if !messages.is_empty() || now >= deadline {
                return Ok(messages);
            }
            let next = self.next_visible(name, now)?.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = notified => {}
                () = self.0.clock.sleep_until(next) => {}
            }
        }
    }

    pub(crate) fn delete_message(&self, name: &str, handle: &str) -> Result<(), SqsError> {
        let state = self.state();
        let queue = state.queue(name)?;
        let receipt = own_receipt(&queue, handle)?;
        match state.store.handle_state(receipt, self.0.clock.now())? {
            HandleState::Superseded | HandleState::Expired if queue.attributes.fifo => {
                return Err(SqsError::parameter(handle, "ReceiptHandle", "The receipt handle has expired."));
            }
            // AWS reports success without guaranteeing deletion; here the message stays with its current consumer.
            HandleState::Gone | HandleState::Superseded => {}
            HandleState::InFlight { .. } | HandleState::Expired => {
                state.store.remove(queue.row.id, receipt.sequence)?;
                queue.changed.notify_waiters();
            }
        }
        Ok(())
    }

    pub(crate) fn change_visibility(&self, name: &str, handle: &str, seconds: u32) -> Result<(), SqsError> {
        let state = self.state();
        let queue = state.queue(name)?;
        let receipt = own_receipt(&queue, handle)?;
        let now = self.0.clock.now();
        match state.store.handle_state(receipt, now)? {
            HandleState::Gone | HandleState::Superseded => {
                let reason = "Message does not exist or is not available for visibility timeout change.";
                Err(SqsError::parameter(handle, "ReceiptHandle", reason))
            }
            HandleState::Expired if queue.attributes.fifo => {
                Err(SqsError::new(Code::MessageNotInflight, "The message referred to isn't in flight."))
            }
            // As recorded from AWS: success without effect.
            HandleState::Expired => Ok(()),
            HandleState::InFlight { received_at } => {
                let visible_at = now + u64::from(seconds) * 1000;
                if visible_at > received_at + MAX_VISIBILITY_MS {
                    let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
                    return Err(SqsError::parameter(seconds, "VisibilityTimeout", reason));
                }
                state.store.set_visible_at(receipt, visible_at)?;
                queue.changed.notify_waiters();
                Ok(())
            }
        }
    }

    pub(crate) fn purge(&self, name: &str) -> Result<(), SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        let now = self.0.clock.now();
        if state.purged.get(&queue.row.id).is_some_and(|at| now < at + MINUTE_MS) {
            let reason = format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
            return Err(SqsError::new(Code::PurgeQueueInProgress, reason));
        }
        state.store.purge(queue.row.id)?;
        state.purged.insert(queue.row.id, now);
        Ok(())
    }

    /// The newest bodies of a queue with their sequences, newest first, without receiving them.
    pub(crate) fn peek(&self, name: &str, max_messages: usize) -> Result<Vec<(i64, String)>, SqsError> {
        let state = self.state();
        let queue = state.queue(name)?;
        Ok(state.store.peek(queue.row.id, max_messages)?)
    }

    /// Removes a message by its sequence; returns whether it existed.
    pub(crate) fn remove(&self, name: &str, sequence: i64) -> Result<bool, SqsError> {
        let state = self.state();
        let queue = state.queue(name)?;
        Ok(state.store.remove(queue.row.id, sequence)?)
    }

    fn next_visible(&self, name: &str, now: u64) -> Result<Option<u64>, SqsError> {
        let state = self.state();
        let queue = state.queue(name)?;
        Ok(state.store.next_visible(queue.row.id, now)?)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, BrokerState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BrokerState {
    pub(super) fn queue(&self, name: &str) -> Result<Arc<Queue>, SqsError> {
        self.queues.get(name).cloned().ok_or_else(SqsError::no_queue)
    }

    pub(super) fn put(&mut self, mut row: QueueRow, attributes: Attributes) -> Result<(), SqsError> {
        row.id = self.store.put_queue(&row)?;
        let changed = self.queues.get(&row.name).map(|queue| queue.changed.clone()).unwrap_or_default();
        changed.notify_waiters();
        self.queues.insert(row.name.clone(), Arc::new(Queue { row, attributes, changed }));
        Ok(())
    }

    fn expire(&self, queue: &Queue, now: u64) -> Result<(), SqsError> {
        Ok(self.store.expire(queue.row.id, now.saturating_sub(u64::from(queue.attributes.retention_s) * 1000))?)
    }
}

fn own_receipt(queue: &Queue, handle: &str) -> Result<Receipt, SqsError> {
    let invalid = || {
        let reason = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
        SqsError::new(Code::ReceiptHandleIsInvalid, reason)
    };
    Receipt::decode(handle).filter(|receipt| receipt.queue == queue.row.id).ok_or_else(invalid)
}

/// Checks group and deduplication ids: FIFO queues require both; standard queues accept a group id.
fn with_deduplication_id(attributes: &Attributes, mut message: NewMessage) -> Result<NewMessage, SqsError> {
    if !attributes.fifo {
        return match &message.deduplication_id {
            None => Ok(message),
            Some(id) => {
                let reason = "The request includes a parameter that is not valid for this queue type.";
                Err(SqsError::parameter(id, "MessageDeduplicationId", reason))
            }
        };
    }
    if let Some(delay @ 1..) = message.delay_s {
        let reason = "The request include parameter that is not valid for this queue type.";
        return Err(SqsError::parameter(delay, "DelaySeconds", reason));
    }
    if message.group.is_none() {
        return Err(SqsError::missing("MessageGroupId"));
    }
    if message.deduplication_id.is_none() {
        if !attributes.content_based_deduplication {
            let reason =
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
            return Err(SqsError::invalid(reason));
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message.body.as_bytes());
        let mut name = String::with_capacity(64);
        for byte in digest.as_ref() {
            let _ = write!(name, "{byte:02x}");
        }
        message.deduplication_id = Some(name);
    }
    Ok(message)
}

/// Generates a message id.
pub(crate) fn new_id() -> String {
    Uuid::new_v4().to_string()
}
