//! Values of parameters and pseudo parameters; given values are checked against the declarations, none may be missing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::error::UnlocatedError;

/// The account of every local ARN.
pub(super) const ACCOUNT: &str = "000000000000";

/// Pseudo parameters that callers may override; the others are constant.
const SETTABLE: [(&str, &str); 2] = [("AWS::Region", "us-east-1"), ("AWS::StackName", "local")];

/// All parameters and pseudo parameters with their values.
pub(super) fn values(declared: Option<&Value>, given: &BTreeMap<String, String>) -> Result<Map<String, Value>, UnlocatedError> {
    let mut values = pseudo(given);
    let empty = Map::new();
    let declared = declared.and_then(Value::as_object).unwrap_or(&empty);
    for (name, declaration) in declared {
        let value = value(declaration, given.get(name)).map_err(|fault| fault.at("Parameters", name))?;
        values.insert(name.clone(), value);
    }
    if let Some(unknown) = given.keys().find(|name| !values.contains_key(*name)) {
        let known: Vec<&str> = declared.keys().map(String::as_str).collect();
        let message = format!("the template has no parameter {unknown}; it has: {}", known.join(", "));
        return Err(UnlocatedError::new(message).near("Parameters:"));
    }
    Ok(values)
}

fn pseudo(given: &BTreeMap<String, String>) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, default) in SETTABLE {
        let value = given.get(name).map_or(default, String::as_str);
        values.insert(name.to_owned(), json!(value));
    }
    let region = values["AWS::Region"].as_str().unwrap_or_default();
    let stack = values["AWS::StackName"].as_str().unwrap_or_default();
    let stack_id = format!("arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{stack}/00000000-0000-0000-0000-000000000000");
    values.insert("AWS::StackId".to_owned(), json!(stack_id));
    values.insert("AWS::AccountId".to_owned(), json!(ACCOUNT));
    values.insert("AWS::Partition".to_owned(), json!("aws"));
    values.insert("AWS::URLSuffix".to_owned(), json!("amazonaws.com"));
    values.insert("AWS::NotificationARNs".to_owned(), json!([]));
    values
}

fn value(declaration: &Value, given: Option<&String>) -> Result<Value, UnlocatedError> {
    let Some(declaration) = declaration.as_object() else {
        return Err(UnlocatedError::new("a parameter is a mapping with a Type in it"));
    };
    let Some(kind) = declaration.get("Type").and_then(Value::as_str) else {
        return Err(UnlocatedError::new("the parameter needs a Type, for example String"));
    };
    let text = match (given, declaration.get("Default")) {
        (Some(given), _) => given.clone(),
        (None, Some(default)) => {
            scalar(default).ok_or_else(|| UnlocatedError::new("Default must be a string or a number").near("Default"))?
        }
        (None, None) => {
            return Err(UnlocatedError::new("the parameter has no Default; set it as a parameter override"));
        }
    };
    check_allowed(declaration, &text)?;
    match kind {
        "Number" => number(declaration, &text),
        "CommaDelimitedList" => Ok(list(&text)),
        _ if kind.starts_with("List<") || kind.starts_with("AWS::SSM::Parameter::Value<List<") => Ok(list(&text)),
        _ if kind == "String" || kind.starts_with("AWS::") => length(declaration, text),
        _ => Err(UnlocatedError::new(format!("unknown parameter type {kind:?}")).near("Type")),
    }
}

fn check_allowed(declaration: &Map<String, Value>, text: &str) -> Result<(), UnlocatedError> {
    let Some(allowed) = declaration.get("AllowedValues").and_then(Value::as_array) else { return Ok(()) };
    let allowed: Vec<String> = allowed.iter().filter_map(scalar).collect();
    if allowed.iter().any(|value| value == text) {
        return Ok(());
    }
    Err(UnlocatedError::new(format!("{text:?} is not among the allowed values: {}", allowed.join(", "))).near("AllowedValues"))
}

fn number(declaration: &Map<String, Value>, text: &str) -> Result<Value, UnlocatedError> {
    let float = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let Some(float) = float else {
        return Err(UnlocatedError::new(format!("the parameter is a Number, {text:?} is not")));
    };
    let bound = |name: &str| declaration.get(name).and_then(scalar).and_then(|bound| bound.parse::<f64>().ok());
    if bound("MinValue").is_some_and(|least| float < least) || bound("MaxValue").is_some_and(|most| float > most) {
        return Err(UnlocatedError::new(format!("{text} is outside of MinValue and MaxValue")));
    }
    Ok(text.trim().parse::<i64>().map_or_else(|_| json!(float), |whole| json!(whole)))
}

fn length(declaration: &Map<String, Value>, text: String) -> Result<Value, UnlocatedError> {
    let bound = |name: &str| declaration.get(name).and_then(scalar).and_then(|bound| bound.parse::<usize>().ok());
    let length = text.chars().count();
    if bound("MinLength").is_some_and(|least| length < least) || bound("MaxLength").is_some_and(|most| length > most) {
        return Err(UnlocatedError::new(format!(
            "the value has {length} characters, which is outside of MinLength and MaxLength"
        )));
    }
    Ok(Value::String(text))
}

fn list(text: &str) -> Value {
    text.split(',').map(str::trim).collect()
}

/// The string form of a scalar, as in CloudFormation.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
