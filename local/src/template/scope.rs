//! Names in scope of a template: parameters, conditions, mappings and resources. An unknown name is an error.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::error::UnlocatedError;
use super::names;

/// Maximum depth of nested references; more indicates a cycle.
const MAX_DEPTH: usize = 64;

/// A resource with unresolved properties.
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) condition: Option<String>,
    pub(super) properties: Value,
    pub(super) metadata: Value,
}

pub(super) struct Scope {
    pub(super) parameters: Map<String, Value>,
    pub(super) conditions: Map<String, Value>,
    pub(super) mappings: Map<String, Value>,
    pub(super) resources: Vec<Resource>,
    pub(super) depth: Cell<usize>,
}

impl Scope {
    /// The region of every ARN.
    pub(super) fn region(&self) -> &str {
        self.parameters.get("AWS::Region").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the resource's condition holds.
    pub(super) fn exists(&self, resource: &Resource) -> Result<bool, UnlocatedError> {
        resource.condition.as_deref().map_or(Ok(true), |name| self.condition(name))
    }

    /// The value of a named condition.
    pub(super) fn condition(&self, name: &str) -> Result<bool, UnlocatedError> {
        let Some(condition) = self.conditions.get(name) else {
            return Err(
                UnlocatedError::new(format!("the condition {name} does not exist; declare it under Conditions")).near(name)
            );
        };
        self.guard_depth(name, || self.test(condition).map_err(|fault| fault.at("Conditions", name)))
    }

    /// The value of `Ref`.
    pub(super) fn reference(&self, name: &str) -> Result<Value, UnlocatedError> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        if let Some(resource) = self.existing(name)? {
            return self.guard_depth(name, || names::reference(self, resource));
        }
        // A resource that SAM generates: its name is its value.
        if names::is_generated(self, name) {
            return Ok(json!(name));
        }
        Err(unknown(name))
    }

    /// The value of `Fn::GetAtt`.
    pub(super) fn attribute(&self, name: &str, attribute: &str) -> Result<Value, UnlocatedError> {
        if let Some(resource) = self.existing(name)? {
            return self.guard_depth(name, || names::attribute(self, resource, attribute));
        }
        if names::is_generated(self, name) {
            return Ok(names::generic_attribute(self, name, attribute));
        }
        Err(unknown(name))
    }

    /// Guards against cyclic references.
    pub(super) fn guard_depth<T>(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<T, UnlocatedError>,
    ) -> Result<T, UnlocatedError> {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return Err(UnlocatedError::new(format!("{name} refers to itself in a cycle")).near(name));
        }
        self.depth.set(depth + 1);
        let result = work();
        self.depth.set(depth);
        result
    }

    fn existing(&self, name: &str) -> Result<Option<&Resource>, UnlocatedError> {
        let Some(resource) = self.resources.iter().find(|resource| resource.id == name) else { return Ok(None) };
        if self.exists(resource)? {
            return Ok(Some(resource));
        }
        let condition = resource.condition.as_deref().unwrap_or_default();
        let message =
            format!("{name} does not exist because its condition {condition} is false; refer to it inside !If [{condition}, …]");
        Err(UnlocatedError::new(message).near(name))
    }
}

fn unknown(name: &str) -> UnlocatedError {
    UnlocatedError::new(format!("no parameter or resource is named {name}")).near(name)
}
