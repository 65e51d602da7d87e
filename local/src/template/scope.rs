//! Everything that a reference can mean: parameters, conditions, mappings and resources. A name that means nothing is an error.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::error::Fault;
use super::names;

/// More nested references than any sane template has; beyond it they go round in circles.
const DEEPEST: usize = 64;

/// A resource before its properties are resolved.
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

    /// Whether the conditions let the resource exist.
    pub(super) fn exists(&self, resource: &Resource) -> Result<bool, Fault> {
        resource.condition.as_deref().map_or(Ok(true), |name| self.condition(name))
    }

    /// A named condition.
    pub(super) fn condition(&self, name: &str) -> Result<bool, Fault> {
        let Some(condition) = self.conditions.get(name) else {
            return Err(Fault::new(format!("there is no condition {name}; declare it under Conditions")).near(name));
        };
        self.deeper(name, || self.test(condition).map_err(|fault| fault.at("Conditions", name)))
    }

    /// What `Ref` gives.
    pub(super) fn reference(&self, name: &str) -> Result<Value, Fault> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        if let Some(resource) = self.existing(name)? {
            return self.deeper(name, || names::reference(self, resource));
        }
        // SAM makes resources of its own: their names are their own values.
        if names::is_generated(self, name) {
            return Ok(json!(name));
        }
        Err(unknown(name))
    }

    /// What `Fn::GetAtt` gives.
    pub(super) fn attribute(&self, name: &str, attribute: &str) -> Result<Value, Fault> {
        if let Some(resource) = self.existing(name)? {
            return self.deeper(name, || names::attribute(self, resource, attribute));
        }
        if names::is_generated(self, name) {
            return Ok(names::generic_attribute(self, name, attribute));
        }
        Err(unknown(name))
    }

    /// Guards against references in a circle.
    pub(super) fn deeper<T>(&self, name: &str, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let depth = self.depth.get();
        if depth >= DEEPEST {
            return Err(Fault::new(format!("{name} refers to itself in a circle; break it")).near(name));
        }
        self.depth.set(depth + 1);
        let result = work();
        self.depth.set(depth);
        result
    }

    fn existing(&self, name: &str) -> Result<Option<&Resource>, Fault> {
        let Some(resource) = self.resources.iter().find(|resource| resource.id == name) else { return Ok(None) };
        if self.exists(resource)? {
            return Ok(Some(resource));
        }
        let condition = resource.condition.as_deref().unwrap_or_default();
        let message =
            format!("{name} does not exist because its condition {condition} is false; refer to it inside !If [{condition}, …]");
        Err(Fault::new(message).near(name))
    }
}

fn unknown(name: &str) -> Fault {
    Fault::new(format!("there is no parameter and no resource {name}")).near(name)
}
