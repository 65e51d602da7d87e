//! `Globals`: a resource's own value wins, mappings are merged by key, lists are concatenated; intrinsics count as plain values.

use serde_json::{Map, Value};

use super::error::UnlocatedError;

/// Merges the resource's properties over the globals of its type.
pub(super) fn merged(globals: &Map<String, Value>, kind: &str, properties: Value) -> Value {
    let section = kind.strip_prefix("AWS::Serverless::").and_then(|name| globals.get(name));
    match section {
        Some(section) => merge(section, properties),
        None => properties,
    }
}

/// Refuses unknown sections: a typing error there would affect every function.
pub(super) fn check(globals: &Map<String, Value>) -> Result<(), UnlocatedError> {
    const KNOWN: [&str; 8] =
        ["Function", "Api", "HttpApi", "WebSocketApi", "SimpleTable", "StateMachine", "LayerVersion", "CapacityProvider"];
    for (name, section) in globals {
        if !KNOWN.contains(&name.as_str()) || !section.is_object() {
            let message = format!("Globals has mappings for {}, not {name}", KNOWN.join(", "));
            return Err(UnlocatedError::new(message).at("Globals", name));
        }
    }
    Ok(())
}

fn merge(global: &Value, local: Value) -> Value {
    match (global, local) {
        (global, Value::Null) => global.clone(),
        (Value::Array(global), Value::Array(local)) => Value::Array(global.iter().cloned().chain(local).collect()),
        (Value::Object(global), Value::Object(local)) if !is_call(global) && !is_call(&local) => {
            let mut both = global.clone();
            for (key, value) in local {
                let value = match global.get(&key) {
                    Some(global) => merge(global, value),
                    None => value,
                };
                both.insert(key, value);
            }
            Value::Object(both)
        }
        (_, local) => local,
    }
}

fn is_call(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
}
