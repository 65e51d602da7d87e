//! The queues of one cloud, behind one lock: what the API, the event source mappings and the functions' failure destinations all go through. Who waits for
//! messages is woken by what changes its queue, or by the clock when the next message becomes visible.

use std::fmt::Write as _;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    attributes::Attributes,
    delivery::{HandleState, Receipt, Receive, Redrive},
    error::{Code, SqsError},
    message::{Message, NewMessage, sequence_number},
    move_tasks::MoveTasks,
    store::{Counts, Deduplication, QueueRow, Store},
};
use crate::clock::{Clock, milliseconds};

/// All queues. Clones are the same queues.
#[derive(Clone, Debug)]
pub(crate) struct Broker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    clock: Clock,
    region: String,
    tasks: MoveTasks,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) queues: BTreeMap<String, Arc<Queue>>,
    /// When queues of these names were deleted.
    pub(super) deleted: BTreeMap<String, u64>,
    purged: BTreeMap<i64, u64>,
}

/// A queue that exists.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) row: QueueRow,
    pub(crate) attributes: Attributes,
    /// Told of everything that may make a message available.
    pub(super) changed: Arc<Notify>,
}

/// How much is wanted of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) most: usize,
    pub(crate) most_bytes: usize,
    /// The queue's visibility timeout when absent.
    pub(crate) visibility_s: Option<u32>,
}

/// A message that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    /// Of FIFO queues.
    pub(crate) sequence_number: Option<String>,
}

/// The account of every ARN.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Messages of one queue that may be in flight.
const MOST_IN_FLIGHT: u64 = 120_000;
/// How long a visibility timeout may last, counted from the receive.
const LONGEST_VISIBILITY_MS: u64 = 43_200_000;
pub(super) const MINUTE_MS: u64 = 60_000;

impl Broker {
    /// Queues of the file, or none yet in memory.
    pub(crate) fn open(file: Option<&Path>, region: &str, clock: Clock) -> Result<Self, SqsError> {
        let store = Store::open(file)?;
        let mut queues = BTreeMap::new();
        for row in store.queues()? {
            let attributes = Attributes::new(&row.attributes)?;
            queues.insert(row.name.clone(), Arc::new(Queue { row, attributes, changed: Arc::default() }));
        }
        let state = State { store, queues, deleted: BTreeMap::new(), purged: BTreeMap::new() };
        let inner = Inner { state: Mutex::new(state), clock, region: region.to_owned(), tasks: MoveTasks::default() };
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

    pub(crate) fn counts(&self, queue: &Queue) -> Result<Counts, SqsError> {
        let (state, now) = (self.state(), self.0.clock.now());
        state.expire(queue, now)?;
        Ok(state.store.counts(queue.row.id, now)?)
    }

    /// Adds a message that was checked; the queue's own rules are checked here.
    pub(crate) fn send(&self, name: &str, message: NewMessage) -> Result<Sent, SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        let (fifo, most) = (queue.attributes.fifo, queue.attributes.maximum_size);
        if message.size() > most {
            return Err(SqsError::invalid(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            )));
        }
        let message = with_deduplication_id(&queue.attributes, message)?;
        let now = self.0.clock.now();
        let delay = message.delay_s.filter(|_| !fifo).unwrap_or(queue.attributes.delay_s);
        let scope = if queue.attributes.deduplicates_per_group { message.group.as_deref().unwrap_or_default() } else { "" };
        let deduplication = message.deduplication_id.as_deref().filter(|_| fifo).map(|id| Deduplication { scope, id });
        let stored = state.store.send(queue.row.id, &message, deduplication, (now, now + u64::from(delay) * 1000))?;
        if !stored.duplicate {
            queue.changed.notify_waiters();
        }
        Ok(Sent { id: stored.id, sequence_number: fifo.then(|| sequence_number(stored.sequence)) })
    }

    /// Takes what is there, without waiting.
    pub(crate) fn receive(&self, name: &str, wanted: Wanted) -> Result<Vec<Message>, SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        let now = self.0.clock.now();
        state.expire(&queue, now)?;
        if state.store.has_in_flight(queue.row.id, now, MOST_IN_FLIGHT)? {
            // FIFO queues say nothing and give nothing.
            let reason = "Too many messages in flight: delete those that are done.";
            return if queue.attributes.fifo { Ok(Vec::new()) } else { Err(SqsError::new(Code::OverLimit, reason)) };
        }
        let target = queue.attributes.redrive.as_ref().and_then(|policy| {
            let target = state.queues.get(policy.target_arn.rsplit(':').next()?)?;
            Some((target.clone(), policy.max_receive_count))
        });
        let visibility = u64::from(wanted.visibility_s.unwrap_or(queue.attributes.visibility_s)) * 1000;
        let taken = state.store.receive(&Receive {
            queue: queue.row.id,
            fifo: queue.attributes.fifo,
            most: wanted.most,
            most_bytes: wanted.most_bytes,
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

    /// Takes what is there, or waits for so long until something is: long polling.
    pub(crate) async fn receive_within(&self, name: &str, wanted: Wanted, wait: Duration) -> Result<Vec<Message>, SqsError> {
        let deadline = self.0.clock.now() + milliseconds(wait);
        loop {
            let changed = self.queue(name)?.changed.clone();
            let mut told = std::pin::pin!(changed.notified());
            told.as_mut().enable();
            let messages = self.receive(name, wanted)?;
            let now = self.0.clock.now();
            if !messages.is_empty() || now >= deadline {
                return Ok(messages);
            }
            let next = self.next_visible(name, now)?.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = told => {}
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
            // AWS answers with success and does not promise that the message is gone: here it stays with who has it now.
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
            // As recorded from AWS: a success without an effect.
            HandleState::Expired => Ok(()),
            HandleState::InFlight { received_at } => {
                let visible_at = now + u64::from(seconds) * 1000;
                if visible_at > received_at + LONGEST_VISIBILITY_MS {
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

    /// The newest bodies of a queue with their places, newest first: for who looks and does not receive.
    pub(crate) fn peek(&self, name: &str, most: usize) -> Result<Vec<(i64, String)>, SqsError> {
        let state = self.state();
        let queue = state.queue(name)?;
        Ok(state.store.peek(queue.row.id, most)?)
    }

    /// Removes a message by its place; says whether it was there.
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
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

/// A message of a FIFO queue has a group and an id for de-duplication; one of a standard queue may have a group.
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

/// An id for a new message.
pub(crate) fn new_id() -> String {
    Uuid::new_v4().to_string()
}
