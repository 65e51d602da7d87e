//! Reads resolved properties with CloudFormation's conversions: `"30"` to a number, `"true"` to a boolean.

use serde_json::{Map, Value};

use super::error::UnlocatedError;
use super::parameters::scalar;

/// A mapping of resolved properties and its name for messages.
pub(super) struct Properties<'a> {
    map: Option<&'a Map<String, Value>>,
    of: &'a str,
}

impl<'a> Properties<'a> {
    pub(super) fn new(value: &'a Value, of: &'a str) -> Result<Self, UnlocatedError> {
        match value {
            Value::Null => Ok(Self { map: None, of }),
            Value::Object(map) => Ok(Self { map: Some(map), of }),
            other => Err(UnlocatedError::new(format!("{of} must be a mapping, not {other}")).near(of)),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.and_then(|map| map.get(name)).filter(|value| !value.is_null())
    }

    pub(super) fn within(&self, name: &'a str) -> Result<Properties<'a>, UnlocatedError> {
        Properties::new(self.value(name).unwrap_or(&Value::Null), name)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.into_iter().flatten()
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, UnlocatedError> {
        self.value(name).map(|value| scalar(value).ok_or_else(|| self.wrong(name, "a text", value))).transpose()
    }

    pub(super) fn required(&self, name: &str) -> Result<String, UnlocatedError> {
        self.text(name)?.ok_or_else(|| UnlocatedError::new(format!("{} needs {name}", self.of)).near(self.of))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, UnlocatedError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = scalar(value).and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| self.wrong(name, "a whole number", value))
    }

    /// A number with its default and AWS's range.
    pub(super) fn bounded(&self, name: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, UnlocatedError> {
        let number = self.number(name)?.unwrap_or(default);
        if range.contains(&number) {
            return Ok(number);
        }
        let message = format!("{name} must be between {} and {}, not {number}", range.start(), range.end());
        Err(UnlocatedError::new(message).near(name))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, UnlocatedError> {
        let Some(value) = self.value(name) else { return Ok(false) };
        match scalar(value).as_deref() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            _ => Err(self.wrong(name, "true or false", value)),
        }
    }

    /// A list of strings; a single string counts as a list.
    pub(super) fn strings(&self, name: &str) -> Result<Vec<String>, UnlocatedError> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().map(|item| scalar(item).ok_or_else(|| self.wrong(name, "a list of texts", item))).collect()
            }
            Some(value) => Ok(vec![scalar(value).ok_or_else(|| self.wrong(name, "a list of texts", value))?]),
        }
    }

    fn wrong(&self, name: &str, expected: &str, value: &Value) -> UnlocatedError {
        UnlocatedError::new(format!("{}.{name} must be {expected}, not {value}", self.of)).near(name)
    }
}
