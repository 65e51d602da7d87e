//! Converts the template's YAML to JSON: short intrinsics (`!Ref`) become their long form; unknown ones are refused.

use serde_json::{Map, Value, json};
use yaml_serde::Value as Yaml;
use yaml_serde::value::TaggedValue;

use super::error::UnlocatedError;

/// The sections of a template.
const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
];

/// Names of intrinsic functions, as after `!` and `Fn::`.
const FUNCTIONS: [&str; 20] = [
    "And",
    "Base64",
    "Cidr",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
];

/// Parses the text into its sections.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, UnlocatedError> {
    let mut yaml: Yaml = yaml_serde::from_str(text)
        .map_err(|error| UnlocatedError::new(format!("invalid YAML: {error}")).on_line(error.location().map(|at| at.line())))?;
    yaml.apply_merge().map_err(|error| UnlocatedError::new(format!("a merge key (<<) cannot be applied: {error}")).near("<<"))?;
    let Yaml::Mapping(sections) = yaml else {
        return Err(UnlocatedError::new("a template is a mapping with Resources in it"));
    };
    let mut document = Map::new();
    for (name, section) in sections {
        let name = key(name)?;
        let Some(known) = SECTIONS.into_iter().find(|known| *known == name) else {
            let message = format!("a template has no section {name:?}; the sections are {}", SECTIONS.join(", "));
            return Err(UnlocatedError::new(message).near(name));
        };
        document.insert(name, entries(known, section)?);
    }
    if !document.contains_key("Resources") {
        return Err(UnlocatedError::new("a template needs Resources"));
    }
    Ok(document)
}

fn entries(section: &'static str, value: Yaml) -> Result<Value, UnlocatedError> {
    if matches!(section, "AWSTemplateFormatVersion" | "Transform" | "Description" | "Metadata") {
        return Ok(Value::Null);
    }
    let Yaml::Mapping(mapping) = value else {
        return Err(UnlocatedError::new(format!("{section} is a mapping from names to entries")).near(section));
    };
    let mut entries = Map::new();
    for (name, entry) in mapping {
        let name = key(name)?;
        let entry = plain(entry).map_err(|fault| fault.at(section, &name))?;
        entries.insert(name, entry);
    }
    Ok(Value::Object(entries))
}

fn plain(value: Yaml) -> Result<Value, UnlocatedError> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => {
            if let Some(whole) = number.as_i64() {
                json!(whole)
            } else if let Some(whole) = number.as_u64() {
                json!(whole)
            } else {
                let float = number.as_f64().and_then(serde_json::Number::from_f64);
                Value::Number(float.ok_or_else(|| UnlocatedError::new(format!("{number} is not a valid number in a template")))?)
            }
        }
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(plain).collect::<Result<_, _>>()?),
        Yaml::Mapping(mapping) => {
            let alone = mapping.len() == 1;
            let mut object = Map::new();
            for (name, value) in mapping {
                let name = key(name)?;
                check_long(&name, alone)?;
                let value = plain(value)?;
                let value = if name == "Fn::GetAtt" { attribute(value)? } else { value };
                object.insert(name, value);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => intrinsic(*tagged)?,
    })
}

fn check_long(name: &str, alone: bool) -> Result<(), UnlocatedError> {
    if name == "<<" {
        return Err(UnlocatedError::new("a merge key (<<) inside of what another one merges is not applied here").near(name));
    }
    let Some(function) = name.strip_prefix("Fn::") else { return Ok(()) };
    if !FUNCTIONS.contains(&function) {
        return Err(UnlocatedError::new(format!("{name} is not a known intrinsic function")).near(name));
    }
    if !alone {
        return Err(UnlocatedError::new(format!("{name} must be the only key of its mapping")).near(name));
    }
    Ok(())
}

fn intrinsic(tagged: TaggedValue) -> Result<Value, UnlocatedError> {
    let tag = tagged.tag.to_string();
    let name = tag.trim_start_matches('!');
    let long = match name {
        "Ref" | "Condition" => name.to_owned(),
        _ if FUNCTIONS.contains(&name) => format!("Fn::{name}"),
        _ => return Err(UnlocatedError::new(format!("{tag} is not a known intrinsic function")).near(tag)),
    };
    let value = plain(tagged.value)?;
    let value = if name == "GetAtt" { attribute(value)? } else { value };
    Ok(json!({ long: value }))
}

/// Splits `A.B.C` like `[A, B.C]`.
fn attribute(value: Value) -> Result<Value, UnlocatedError> {
    match value {
        Value::String(text) => match text.split_once('.') {
            Some((resource, attribute)) => Ok(json!([resource, attribute])),
            None => Err(UnlocatedError::new(format!("GetAtt needs Resource.Attribute, not {text:?}")).near(text)),
        },
        Value::Array(ref parts) if parts.len() == 2 && parts[0].is_string() => Ok(value),
        other => Err(UnlocatedError::new(format!("GetAtt needs Resource.Attribute, not {other}")).near("GetAtt")),
    }
}

fn key(value: Yaml) -> Result<String, UnlocatedError> {
    match value {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        other => Err(UnlocatedError::new(format!("a key must be a string, not {other:?}"))),
    }
}
