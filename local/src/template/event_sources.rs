//! Event source mappings of queues: events of type `SQS` and `AWS::Lambda::EventSourceMapping`. Refuses what Lambda would refuse.

use std::time::Duration;

use serde_json::Value;

use crate::sqs::check_queue;
use crate::stack::{EventSource, Stack};

use super::error::UnlocatedError;
use super::functions::by_arn;
use super::names;
use super::properties::Properties;
use super::scope::Scope;

const PROPERTIES: [&str; 9] = [
    "BatchSize",
    "Enabled",
    "EventSourceArn",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "Queue",
    "ScalingConfig",
    "Tags",
];

/// The mappings among a function's events.
pub(super) fn of_function(
    stack: &Stack,
    function: &str,
    properties: &Properties<'_>,
) -> Result<Vec<EventSource>, UnlocatedError> {
    let mut sources = Vec::new();
    for (name, event) in properties.within("Events")?.entries() {
        let event = Properties::new(event, name)?;
        if event.text("Type")?.as_deref() == Some("SQS") {
            let own = Properties::new(event.value("Properties").unwrap_or(&Value::Null), name)?;
            let queue = own.required("Queue")?;
            sources.extend(mapping(stack, (&format!("{function}{name}"), function, &queue), &own)?);
        }
    }
    Ok(sources)
}

/// `AWS::Lambda::EventSourceMapping`; a source that is not a queue is ignored.
pub(super) fn resource(
    scope: &Scope,
    stack: &Stack,
    id: &str,
    properties: &Properties<'_>,
) -> Result<Option<EventSource>, UnlocatedError> {
    let arn = properties.text("EventSourceArn")?.unwrap_or_default();
    if !arn.contains(":sqs:") {
        tracing::warn!(mapping = id, "this event source never fires locally; `local invoke` runs the function");
        return Ok(None);
    }
    let function = by_arn(scope, &properties.required("FunctionName")?, "FunctionName")?;
    mapping(stack, (id, &function, &arn), properties)
}

fn mapping(
    stack: &Stack,
    (name, function, arn): (&str, &str, &str),
    properties: &Properties<'_>,
) -> Result<Option<EventSource>, UnlocatedError> {
    for (property, value) in properties.entries() {
        if !PROPERTIES.contains(&property.as_str()) && !value.is_null() {
            let hint = if property == "FilterCriteria" { ": choose among messages inside the function" } else { "" };
            let message = format!("{property} of an event source is not supported locally{hint}");
            return Err(UnlocatedError::new(message).near(property.as_str()));
        }
    }
    let queue = stack.queues.values().find(|queue| names::queue_arn(&stack.region, &queue.name) == arn);
    let queue =
        queue.ok_or_else(|| UnlocatedError::new(format!("the event source {arn} is not a queue of this template")).near(arn))?;
    let attributes = check_queue(&queue.name, &queue.attributes).map_err(UnlocatedError::new)?;
    let largest = if attributes.fifo { 10 } else { 10_000 };
    let batch_size = properties.bounded("BatchSize", 10, 1..=largest)?;
    let window = properties.bounded("MaximumBatchingWindowInSeconds", 0, 0..=300)?;
    if attributes.fifo && window > 0 {
        return Err(
            UnlocatedError::new("Batching window is not supported for FIFO queues").near("MaximumBatchingWindowInSeconds")
        );
    }
    if batch_size > 10 && window == 0 {
        let message = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
        return Err(UnlocatedError::new(message).near("BatchSize"));
    }
    let types = properties.strings("FunctionResponseTypes")?;
    if let Some(unknown) = types.iter().find(|kind| *kind != "ReportBatchItemFailures") {
        let message = format!("FunctionResponseTypes has ReportBatchItemFailures, not {unknown}");
        return Err(UnlocatedError::new(message).near("FunctionResponseTypes"));
    }
    let scaling = properties.within("ScalingConfig")?;
    let maximum_concurrency = match scaling.value("MaximumConcurrency") {
        Some(_) => Some(scaling.bounded("MaximumConcurrency", 2, 2..=1000)?),
        None => None,
    };
    let timeout = stack.functions.get(function).map_or(0, |function| function.timeout);
    if attributes.visibility_s < timeout {
        let visibility = attributes.visibility_s;
        let message = format!("Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds");
        return Err(UnlocatedError::new(message).near(name));
    }
    if properties.value("Enabled").is_some() && !properties.flag("Enabled")? {
        return Ok(None);
    }
    Ok(Some(EventSource {
        name: name.to_owned(),
        queue: queue.name.clone(),
        function: function.to_owned(),
        batch_size: usize::try_from(batch_size).unwrap_or(usize::MAX),
        batching_window: Duration::from_secs(window.into()),
        reports_failures: !types.is_empty(),
        maximum_concurrency,
    }))
}
