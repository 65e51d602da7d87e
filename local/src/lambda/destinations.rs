//! Failure destinations: queues that receive the on-failure records of asynchronous invocations as message bodies, as on AWS.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sqs::{Broker, NewMessage, Sqs, SqsError, new_id};
use crate::stack::Queue;

/// Queues by logical id; without any, records are stored in a file only.
#[derive(Clone, Debug, Default)]
pub struct Destinations(Option<(Broker, BTreeMap<String, String>)>);

/// A record in a queue.
#[derive(Debug)]
pub(super) struct QueuedRecord {
    queue: String,
    sequence: i64,
    pub(super) record: Value,
}

impl Destinations {
    /// The queues of a stack.
    pub fn new(sqs: &Sqs, queues: &BTreeMap<String, Queue>) -> Self {
        let names = queues.iter().map(|(id, queue)| (id.clone(), queue.name.clone())).collect();
        Self(Some((sqs.broker().clone(), names)))
    }

    /// Sends a record to the queue with this logical id; `None` if it is not a queue of the stack.
    pub(super) fn send(&self, destination: &str, record: &Value) -> Option<Result<(), SqsError>> {
        let (broker, names) = self.0.as_ref()?;
        let name = names.get(destination)?;
        let message = NewMessage { id: new_id(), body: record.to_string(), ..NewMessage::default() };
        Some(broker.send(name, message).map(|_| ()))
    }

    /// The newest records of each destination, newest first.
    pub(super) fn records(&self, destinations: &[String], most: usize) -> Vec<QueuedRecord> {
        let Some((broker, names)) = &self.0 else { return Vec::new() };
        let queues = destinations.iter().filter_map(|id| names.get(id));
        let found = queues.flat_map(|queue| {
            let peeked = broker.peek(queue, most).unwrap_or_default();
            peeked.into_iter().map(move |(sequence, body)| (queue.clone(), sequence, serde_json::from_str::<Value>(&body)))
        });
        // The queue may contain other messages, such as dead letters of another queue.
        found
            .filter_map(|(queue, sequence, record)| Some(QueuedRecord { queue, sequence, record: record.ok()? }))
            .filter(|found| found.record["requestContext"]["requestId"].is_string())
            .collect()
    }

    /// Removes a record; returns whether it existed.
    pub(super) fn remove(&self, found: &QueuedRecord) -> bool {
        let removed = self.0.as_ref().map(|(broker, _)| broker.remove(&found.queue, found.sequence));
        matches!(removed, Some(Ok(true)))
    }
}
