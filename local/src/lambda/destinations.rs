//! Queues that take the on-failure records of asynchronous invocations: the record is the body of a message there, as on AWS.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    sqs::{Broker, NewMessage, Sqs, SqsError, new_id},
    stack::Queue,
};

/// Queues by the logical ids that functions name; without any, records are kept in a file only.
#[derive(Clone, Debug, Default)]
pub struct Destinations(Option<(Broker, BTreeMap<String, String>)>);

/// A record in a queue.
#[derive(Debug)]
pub(super) struct Found {
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

    /// Puts a record into the queue with this logical id; `None` if the destination is no queue of the stack.
    pub(super) fn send(&self, destination: &str, record: &Value) -> Option<Result<(), SqsError>> {
        let (broker, names) = self.0.as_ref()?;
        let name = names.get(destination)?;
        let message = NewMessage { id: new_id(), body: record.to_string(), ..NewMessage::default() };
        Some(broker.send(name, message).map(|_| ()))
    }

    /// The newest records of each of these destinations, newest first within each.
    pub(super) fn records(&self, destinations: &[String], most: usize) -> Vec<Found> {
        let Some((broker, names)) = &self.0 else { return Vec::new() };
        let queues = destinations.iter().filter_map(|id| names.get(id));
        let found = queues.flat_map(|queue| {
            let peeked = broker.peek(queue, most).unwrap_or_default();
            peeked.into_iter().map(move |(sequence, body)| (queue.clone(), sequence, serde_json::from_str::<Value>(&body)))
        });
        // Other messages may be in the same queue, such as dead letters of another queue.
        found
            .filter_map(|(queue, sequence, record)| Some(Found { queue, sequence, record: record.ok()? }))
            .filter(|found| found.record["requestContext"]["requestId"].is_string())
            .collect()
    }

    /// Removes a record; says whether it was still there.
    pub(super) fn remove(&self, found: &Found) -> bool {
        let removed = self.0.as_ref().map(|(broker, _)| broker.remove(&found.queue, found.sequence));
        matches!(removed, Some(Ok(true)))
    }
}
