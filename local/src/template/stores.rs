//! Tables and buckets: a table's properties become the request that the `CreateTable` API takes, without what only CloudFormation knows.

use serde_json::{Map, Value, json};

use crate::stack::{Bucket, Table};

use super::error::Fault;
use super::names;
use super::properties::Properties;
use super::scope::{Resource, Scope};

/// Properties that are no member of `CreateTable`: set by calls of their own, or without meaning here.
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

/// One table.
pub(super) fn table(scope: &Scope, resource: &Resource, properties: &Properties<'_>) -> Result<Table, Fault> {
    let name = names::physical(scope, resource)?;
    for property in ["KeySchema", "AttributeDefinitions"] {
        if !properties.value(property).is_some_and(Value::is_array) {
            return Err(Fault::new(format!("the table needs {property}, a list")));
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
    let ttl_attribute = if ttl.flag("Enabled")? { Some(ttl.needed("AttributeName")?) } else { None };
    Ok(Table { name, create: Value::Object(create), ttl_attribute })
}

/// One bucket.
pub(super) fn bucket(scope: &Scope, resource: &Resource, properties: &Properties<'_>) -> Result<Bucket, Fault> {
    let name = names::physical(scope, resource)?;
    let valid = (3..=63).contains(&name.len())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter));
    if !valid {
        let message = format!("{name:?} is no name for a bucket: 3 to 63 lower-case letters, digits, hyphens and dots");
        return Err(Fault::new(message).near("BucketName"));
    }
    let cors_rules = properties.within("CorsConfiguration")?.value("CorsRules").cloned().unwrap_or_else(|| json!([]));
    Ok(Bucket { name, cors_rules })
}

/// CloudFormation takes `"5"` for a number and `"true"` for a boolean; the API does not.
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
