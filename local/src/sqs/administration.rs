//! Queue administration: creates, changes, deletes and lists queues, for the template and the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attributes::Attributes;
use super::broker::{Broker, BrokerState, MINUTE_MS, Queue};
use super::error::{Code, SqsError};
use super::store::{MessageCounts, QueueRow};

/// A queue for the inspection page.
#[derive(Clone, Debug)]
pub(crate) struct QueueInfo {
    pub(crate) name: String,
    pub(crate) fifo: bool,
    pub(crate) counts: MessageCounts,
    /// Names of the queues that use it as their dead-letter queue.
    pub(crate) sources: Vec<String>,
}

impl Broker {
    /// Creates a queue; returns the existing one if its attributes match.
    pub(crate) fn create(
        &self,
        name: &str,
        requested: &BTreeMap<String, String>,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), SqsError> {
        let attributes = Attributes::new(requested)?;
        check_name(name, attributes.fifo)?;
        let mut state = self.state();
        if let Some(queue) = state.queues.get(name) {
            return match queue.attributes.conflict(requested) {
                None => Ok(()),
                Some(attribute) => {
                    let reason =
                        format!("A queue already exists with the same name and a different value for attribute {attribute}");
                    Err(SqsError::new(Code::QueueNameExists, reason))
                }
            };
        }
        let now = self.clock().now();
        if state.deleted.get(name).is_some_and(|at| now < at + MINUTE_MS) {
            let reason = "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
            return Err(SqsError::new(Code::QueueDeletedRecently, reason));
        }
        self.check_redrive(&state, name, &attributes)?;
        let row = QueueRow {
            name: name.to_owned(),
            attributes: attributes.set().clone(),
            tags: tags.clone(),
            created_at: now,
            modified_at: now,
            id: 0,
        };
        state.put(row, attributes)
    }

    /// Creates a queue of the template, or updates the attributes of an existing one. The template reader checks policies.
    pub(crate) fn declare(&self, name: &str, requested: &BTreeMap<String, String>) -> Result<(), SqsError> {
        let attributes = Attributes::new(requested)?;
        let mut state = self.state();
        let now = self.clock().now();
        let earlier = state.queues.get(name).map(|queue| queue.row.clone());
        let unchanged = earlier.as_ref().is_some_and(|row| row.attributes == *attributes.set());
        let row = earlier.unwrap_or_else(|| QueueRow {
            name: name.to_owned(),
            created_at: now,
            modified_at: now,
            ..QueueRow::default()
        });
        let modified_at = if unchanged { row.modified_at } else { now };
        state.put(QueueRow { attributes: attributes.set().clone(), modified_at, ..row }, attributes)
    }

    pub(crate) fn delete(&self, name: &str) -> Result<(), SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        state.store.delete_queue(queue.row.id)?;
        state.queues.remove(name);
        state.deleted.insert(name.to_owned(), self.clock().now());
        queue.changed.notify_waiters();
        Ok(())
    }

    pub(crate) fn set_attributes(&self, name: &str, changes: &BTreeMap<String, String>) -> Result<(), SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        let attributes = queue.attributes.with(changes)?;
        self.check_redrive(&state, name, &attributes)?;
        let row = QueueRow { attributes: attributes.set().clone(), modified_at: self.clock().now(), ..queue.row.clone() };
        state.put(row, attributes)
    }

    pub(crate) fn set_tags(&self, name: &str, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Result<(), SqsError> {
        let mut state = self.state();
        let queue = state.queue(name)?;
        let mut row = queue.row.clone();
        change(&mut row.tags);
        state.put(row, queue.attributes.clone())
    }

    /// Checks that the dead-letter queue exists, has the same type, is another queue, and allows this source.
    fn check_redrive(&self, state: &BrokerState, name: &str, attributes: &Attributes) -> Result<(), SqsError> {
        let Some(policy) = &attributes.redrive else { return Ok(()) };
        let target = policy.target_arn.rsplit(':').next().and_then(|target| state.queues.get(target));
        let target = target.filter(|target| self.arn(&target.row.name) == policy.target_arn);
        let reason = match target {
            None => "Dead letter target does not exist.",
            Some(target) if target.row.name == name => "A queue cannot be its own dead-letter queue.",
            Some(target) if target.attributes.fifo != attributes.fifo => {
                "Dead-letter queue must be same type of queue as the source."
            }
            Some(target) if !target.attributes.allows_source(&self.arn(name)) => {
                "The dead-letter queue's RedriveAllowPolicy does not permit this source queue."
            }
            Some(_) => return Ok(()),
        };
        let given = attributes.set().get("RedrivePolicy").map_or("", String::as_str);
        Err(SqsError::parameter(given, "RedrivePolicy", reason))
    }

    /// Names of the queues that use this one as their dead-letter queue.
    pub(crate) fn sources_of(&self, name: &str) -> Vec<String> {
        let (arn, state) = (self.arn(name), self.state());
        let points_here = |queue: &Queue| queue.attributes.redrive.as_ref().is_some_and(|policy| policy.target_arn == arn);
        state.queues.values().filter(|queue| points_here(queue)).map(|queue| queue.row.name.clone()).collect()
    }

    /// All queues with their message counts.
    pub(crate) fn overview(&self) -> Result<Vec<QueueInfo>, SqsError> {
        let queues: Vec<_> = self.state().queues.values().cloned().collect();
        let info = |queue: &Arc<Queue>| {
            let name = queue.row.name.clone();
            Ok(QueueInfo { sources: self.sources_of(&name), name, fifo: queue.attributes.fifo, counts: self.counts(queue)? })
        };
        queues.iter().map(info).collect()
    }
}

/// Letters, digits, hyphens and underscores; FIFO queues end in `.fifo`.
pub(crate) fn check_name(name: &str, fifo: bool) -> Result<(), SqsError> {
    let stem = if fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if stem.is_some_and(|stem| !stem.is_empty() && stem.chars().all(valid)) && name.len() <= 80 {
        return Ok(());
    }
    Err(SqsError::invalid(if fifo {
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length"
    } else {
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    }))
}
