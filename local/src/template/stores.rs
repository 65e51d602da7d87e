//! Tables and buckets: converts a table's properties to a `CreateTable` request, without members that only CloudFormation knows.

use serde_json::{Map, Value, json};

use crate::stack::{Bucket, Table};

use super::error::UnlocatedError;
use super::names;
use super::properties::Properties;
use super::scope::{Resource, Scope};

/// Properties outside of `CreateTable`: set by other API calls, or without a local meaning.
const OTHER_CALLS: [&str; 8] = [
    "TimeToLiveSpecification",
    "PointInTimeRecoverySpecification",
    "KinesisStreamSpecification",
    "ContributorInsightsSpecification",
    "ImportSourceSpecification",
    "ResourcePolicy",
    "SSESpecification",
    "Tags",
];

/// Reads a table.
pub(super) fn table(scope: &Scope, resource: &Resource, properties: &Properties<'_>) -> Result<Table, UnlocatedError> {
    let name = names::physical(scope, resource)?;
    for property in ["KeySchema", "AttributeDefinitions"] {
        if !properties.value(property).is_some_and(Value::is_array) {
            return Err(UnlocatedError::new(format!("the table needs {property}, a list")));
        }
    }
    let mut create = Map::new();
    for (property, value) in properties.entries().filter(|(property, _)| !OTHER_CALLS.contains(&property.as_str())) {
        let value = match (property.as_str(), value) {
            ("StreamSpecification", Value::Object(stream)) => {
                let mut stream = stream.clone();
                stream.remove("ResourcePolicy");
                stream.insert("StreamEnabled".to_owned(), json!(true));
                Value::Object(stream)
            }
            (_, value) => exact(property, value),
        };
        create.insert(property.clone(), value);
    }
    create.insert("TableName".to_owned(), json!(name));
    let ttl = properties.within("TimeToLiveSpecification")?;
    let ttl_attribute = if ttl.flag("Enabled")? { Some(ttl.required("AttributeName")?) } else { None };
    Ok(Table { name, create: Value::Object(create), ttl_attribute })
}

/// Reads a bucket.
pub(super) fn bucket(scope: &Scope, resource: &Resource, properties: &Properties<'_>) -> Result<Bucket, UnlocatedError> {
    let name = names::physical(scope, resource)?;
    let valid = (3..=63).contains(&name.len())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter));
    if !valid {
        let message = format!("{name:?} is not a valid bucket name: 3 to 63 lower-case letters, digits, hyphens and dots");
        return Err(UnlocatedError::new(message).near("BucketName"));
    }
    let cors_rules = properties.within("CorsConfiguration")?.value("CorsRules").cloned().unwrap_or_else(|| json!([]));
    Ok(Bucket { name, cors_rules })
}

/// CloudFormation accepts `"5"` as a number and `"true"` as a boolean; the API does not.
fn exact(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(object.iter().map(|(name, value)| (name.clone(), exact(name, value))).collect()),
        Value::Array(items) => items.iter().map(|item| exact(name, item)).collect(),
        Value::String(text) if name.ends_with("CapacityUnits") || name.ends_with("RequestUnits") => {
            text.parse::<i64>().map_or_else(|_| value.clone(), |number| json!(number))
        }
        Value::String(text) if name.ends_with("Enabled") => {
            text.parse::<bool>().map_or_else(|_| value.clone(), |flag| json!(flag))
        }
        _ => value.clone(),
    }
}
