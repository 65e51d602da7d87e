//! `AWS::Serverless::Function` and custom resources: binary and environment. A function without a binary is an error.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stack::{CustomResource, EventInvoke, Function};

use super::error::UnlocatedError;
use super::names;
use super::parameters::scalar;
use super::properties::Properties;
use super::schedules::schedules;
use super::scope::{Resource, Scope};

/// Reads a function from its resolved properties.
pub(super) fn function(scope: &Scope, resource: &Resource, properties: &Properties<'_>) -> Result<Function, UnlocatedError> {
    Ok(Function {
        id: resource.id.clone(),
        binary: binary(scope, resource)?,
        environment: environment(properties)?,
        memory_size: properties.bounded("MemorySize", 128, 128..=10_240)?,
        timeout: properties.bounded("Timeout", 3, 1..=900)?,
        reserved_concurrency: properties.number("ReservedConcurrentExecutions")?,
        event_invoke: event_invoke(scope, resource, properties)?,
        schedules: schedules(&resource.id, properties)?,
    })
}

/// Reads a custom resource; its function must exist in this template.
pub(super) fn custom(scope: &Scope, resource: &Resource, properties: &Properties<'_>) -> Result<CustomResource, UnlocatedError> {
    let token = properties.required("ServiceToken")?;
    Ok(CustomResource {
        kind: resource.kind.clone(),
        function: by_arn(scope, &token, "ServiceToken")?,
        properties: properties
            .entries()
            .filter(|(name, _)| *name != "ServiceToken")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    })
}

/// The logical id for a function's ARN, name or integration URI; it must exist.
pub(super) fn by_arn(scope: &Scope, arn: &str, property: &str) -> Result<String, UnlocatedError> {
    let tail = arn.split(":function:").last().unwrap_or(arn);
    let id = tail.split([':', '/', '.']).next().unwrap_or(tail);
    for resource in &scope.resources {
        if resource.id == id && resource.kind == "AWS::Serverless::Function" && scope.exists(resource)? {
            return Ok(resource.id.clone());
        }
    }
    Err(UnlocatedError::new(format!("{property} names {arn}, which is not a function of this template")).near(property))
}

fn binary(scope: &Scope, resource: &Resource) -> Result<String, UnlocatedError> {
    let metadata = scope.resolve(&resource.metadata)?;
    let binary = Properties::new(&metadata, "Metadata")?.within("BuildProperties")?.text("Binary")?;
    let binary = binary.filter(|name| !name.is_empty() && !name.contains(['/', '\\']));
    binary.ok_or_else(|| {
        UnlocatedError::new("the function needs Metadata.BuildProperties.Binary: the file name of the binary that Cargo builds")
    })
}

fn environment(properties: &Properties<'_>) -> Result<BTreeMap<String, String>, UnlocatedError> {
    let variables = properties.within("Environment")?.within("Variables")?;
    let variable = |(name, value): (&String, &Value)| match scalar(value) {
        Some(text) => Ok((name.clone(), text)),
        None => Err(UnlocatedError::new(format!("the environment variable {name} must be a string, not {value}"))
            .near(format!("{name}:"))),
    };
    variables.entries().map(variable).collect()
}

fn event_invoke(scope: &Scope, function: &Resource, properties: &Properties<'_>) -> Result<EventInvoke, UnlocatedError> {
    let config = properties.within("EventInvokeConfig")?;
    let defaults = EventInvoke::default();
    Ok(EventInvoke {
        maximum_retry_attempts: config.bounded("MaximumRetryAttempts", defaults.maximum_retry_attempts, 0..=2)?,
        maximum_event_age: config.bounded("MaximumEventAgeInSeconds", defaults.maximum_event_age, 60..=21_600)?,
        on_failure: on_failure(scope, function, &config)?,
    })
}

/// The logical id of the queue that SAM generates for failed events.
pub(super) fn generated_queue(function: &str) -> String {
    format!("{function}EventInvokeConfigOnFailureQueue")
}

/// The logical id of the destination; by default a queue that SAM generates.
fn on_failure(scope: &Scope, function: &Resource, config: &Properties<'_>) -> Result<Option<String>, UnlocatedError> {
    let destination = config.within("DestinationConfig")?;
    if destination.value("OnFailure").is_none() {
        return Ok(None);
    }
    let destination = destination.within("OnFailure")?;
    let Some(arn) = destination.text("Destination")? else {
        let topic = destination.text("Type")?.as_deref() == Some("SNS");
        let queue = generated_queue(&function.id);
        return Ok(Some(if topic { queue.replace("OnFailureQueue", "OnFailureTopic") } else { queue }));
    };
    for resource in &scope.resources {
        if scope.exists(resource)? && names::arn(scope, resource)? == arn {
            return Ok(Some(resource.id.clone()));
        }
    }
    Err(UnlocatedError::new(format!("the on-failure destination {arn} is not a resource of this template")).near("Destination"))
}
