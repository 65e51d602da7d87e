//! `AWS::SQS::Queue`: converts properties to attributes of the API and applies the API's validation.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sqs::check_queue;
use crate::stack::{Queue, Stack};

use super::error::UnlocatedError;
use super::names;
use super::parameters::scalar;
use super::properties::Properties;
use super::scope::{Resource, Scope};

/// All properties of the resource. `Tags` are accepted and ignored.
const PROPERTIES: [&str; 16] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "QueueName",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "Tags",
    "VisibilityTimeout",
];

/// Reads a queue.
pub(super) fn queue(scope: &Scope, resource: &Resource, properties: &Properties<'_>) -> Result<Queue, UnlocatedError> {
    let name = names::physical(scope, resource)?;
    let mut attributes = BTreeMap::new();
    for (property, value) in properties.entries() {
        if !PROPERTIES.contains(&property.as_str()) {
            let message = format!("a queue has no {property}; it has {}", PROPERTIES.join(", "));
            return Err(UnlocatedError::new(message).near(property.as_str()));
        }
        if matches!(property.as_str(), "QueueName" | "Tags") || value.is_null() {
            continue;
        }
        let text = match value {
            Value::Object(_) if property.starts_with("Redrive") => value.to_string(),
            value => scalar(value).ok_or_else(|| {
                UnlocatedError::new(format!("{property} must be a string, not {value}")).near(property.as_str())
            })?,
        };
        // CloudFormation accepts `FifoQueue: false`; the API does not.
        if property != "FifoQueue" || text != "false" {
            attributes.insert(property.clone(), text);
        }
    }
    for name in attributes.keys() {
        // Check each attribute separately, so that the error has the right line.
        let kind = attributes.get("FifoQueue").map(|fifo| ("FifoQueue".to_owned(), fifo.clone()));
        let scope = attributes.get("DeduplicationScope").map(|scope| ("DeduplicationScope".to_owned(), scope.clone()));
        let own = attributes.get(name).map(|value| (name.clone(), value.clone()));
        let stem = if kind.is_some() { "x.fifo" } else { "x" };
        let scope = scope.filter(|_| kind.is_some());
        check_queue(stem, &kind.into_iter().chain(scope).chain(own).collect())
            .map_err(|reason| UnlocatedError::new(reason).near(name.as_str()))?;
    }
    check_queue(&name, &attributes).map_err(|reason| UnlocatedError::new(format!("{name:?}: {reason}")).near("QueueName"))?;
    Ok(Queue { name, attributes })
}

/// Checks that dead-letter queues exist in this template, have the same type and allow the source.
pub(super) fn check_redrive(stack: &Stack, id: &str, region: &str) -> Result<(), UnlocatedError> {
    let wrong = |message: String| UnlocatedError::new(message).near("RedrivePolicy");
    let read = |queue: &Queue| check_queue(&queue.name, &queue.attributes).map_err(&wrong);
    let Some(queue) = stack.queues.get(id) else { return Ok(()) };
    let own = read(queue)?;
    let Some(policy) = &own.redrive else { return Ok(()) };
    let arn = &policy.target_arn;
    let target = stack.queues.values().find(|queue| names::queue_arn(region, &queue.name) == *arn);
    let target = target.ok_or_else(|| wrong(format!("RedrivePolicy names {arn}, which is not a queue of this template")))?;
    let letters = read(target)?;
    if target.name == queue.name {
        return Err(wrong(format!("{} cannot be its own dead-letter queue", queue.name)));
    }
    if letters.fifo != own.fifo {
        return Err(wrong(format!("the dead-letter queue {} must be of the same type: both FIFO, or neither", target.name)));
    }
    if !letters.allows_source(&names::queue_arn(region, &queue.name)) {
        return Err(wrong(format!("the RedriveAllowPolicy of {} does not permit {}", target.name, queue.name)));
    }
    Ok(())
}
