//! Evaluates intrinsic functions; the result contains none, and entries with `AWS::NoValue` are removed.

use serde_json::{Map, Value, json};

use super::error::UnlocatedError;
use super::parameters::scalar;
use super::scope::Scope;

impl Scope {
    /// Replaces every intrinsic in a value; `null` for a removed one.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, UnlocatedError> {
        Ok(self.present(value)?.unwrap_or(Value::Null))
    }

    /// Evaluates a condition.
    pub(super) fn test(&self, expression: &Value) -> Result<bool, UnlocatedError> {
        let Some((name, argument)) = call(expression) else {
            return Err(UnlocatedError::new(format!("a condition is !Equals, !And, !Or, !Not or !Condition, not {expression}")));
        };
        match name {
            "Condition" => self.condition(argument.as_str().ok_or_else(|| wrong(name, "the name of a condition"))?),
            "Fn::Equals" => {
                let [left, right] = pair(name, argument)?;
                let (left, right) = (self.resolve(left)?, self.resolve(right)?);
                Ok(left == right || scalar(&left).is_some_and(|text| scalar(&right).is_some_and(|other| text == other)))
            }
            "Fn::Not" => match argument.as_array().map(Vec::as_slice) {
                Some([only]) => Ok(!self.test(only)?),
                _ => Err(wrong(name, "a list of one condition")),
            },
            "Fn::And" | "Fn::Or" => {
                let parts = argument.as_array().filter(|parts| (2..=10).contains(&parts.len()));
                let parts = parts.ok_or_else(|| wrong(name, "a list of two to ten conditions"))?;
                let results = parts.iter().map(|part| self.test(part)).collect::<Result<Vec<_>, _>>()?;
                Ok(if name == "Fn::And" { results.iter().all(|result| *result) } else { results.contains(&true) })
            }
            _ => {
                Err(UnlocatedError::new(format!("{name} is no condition; use Equals, And, Or, Not or Condition"))
                    .near(short(name)))
            }
        }
    }

    /// Evaluates a value that must be a string.
    pub(super) fn text(&self, value: &Value, what: &str) -> Result<String, UnlocatedError> {
        let value = self.resolve(value)?;
        scalar(&value).ok_or_else(|| UnlocatedError::new(format!("{what} must be a string, not {value}")))
    }

    /// Evaluates a value; `None` for `AWS::NoValue`.
    fn present(&self, value: &Value) -> Result<Option<Value>, UnlocatedError> {
        if let Some((name, argument)) = call(value).filter(|(name, _)| *name == "Ref" || name.starts_with("Fn::")) {
            return self.apply(name, argument);
        }
        Ok(Some(match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.present(item)).collect::<Result<Vec<_>, _>>()?;
                Value::Array(items.into_iter().flatten().collect())
            }
            Value::Object(object) => {
                let mut resolved = Map::new();
                for (key, value) in object {
                    if let Some(value) = self.present(value)? {
                        resolved.insert(key.clone(), value);
                    }
                }
                Value::Object(resolved)
            }
            plain => plain.clone(),
        }))
    }

    fn apply(&self, name: &str, argument: &Value) -> Result<Option<Value>, UnlocatedError> {
        let value = match name {
            "Ref" => match argument.as_str() {
                Some("AWS::NoValue") => return Ok(None),
                Some(target) => self.reference(target)?,
                None => return Err(wrong(name, "a name")),
            },
            "Fn::If" => {
                let Some([condition, then, otherwise]) = argument.as_array().map(Vec::as_slice) else {
                    return Err(wrong(name, "[condition, value if true, value if false]"));
                };
                let condition = condition.as_str().ok_or_else(|| wrong(name, "the name of a condition as its first item"))?;
                return self.present(if self.condition(condition)? { then } else { otherwise });
            }
            "Fn::GetAtt" => {
                let [resource, attribute] = pair(name, argument)?;
                let attribute = self.text(attribute, "the attribute of GetAtt")?;
                self.attribute(resource.as_str().ok_or_else(|| wrong(name, "the name of a resource"))?, &attribute)?
            }
            "Fn::Sub" => json!(self.substitute(argument)?),
            "Fn::Join" => {
                let [separator, parts] = pair(name, argument)?;
                let parts = self.list(name, parts)?;
                let texts = parts.iter().map(|part| scalar(part).ok_or_else(|| wrong(name, "texts to join")));
                json!(texts.collect::<Result<Vec<_>, _>>()?.join(&self.text(separator, "the separator of Join")?))
            }
            "Fn::Split" => {
                let [separator, text] = pair(name, argument)?;
                let (separator, text) = (self.text(separator, "the separator of Split")?, self.text(text, "the text of Split")?);
                if separator.is_empty() {
                    return Err(wrong(name, "a non-empty separator"));
                }
                text.split(separator.as_str()).collect()
            }
            "Fn::Select" => self.select(argument)?,
            "Fn::FindInMap" => self.find(argument)?,
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => json!(self.test(&json!({ name: argument }))?),
            "Fn::Length" => json!(self.list(name, argument)?.len()),
            "Fn::ToJsonString" => json!(self.resolve(argument)?.to_string()),
            "Fn::GetAZs" => json!(["a", "b", "c"].map(|zone| format!("{}{zone}", self.region()))),
            "Fn::Base64" => {
                use base64::Engine as _;
                json!(base64::engine::general_purpose::STANDARD.encode(self.text(argument, "the argument of Base64")?))
            }
            _ => {
                let message =
                    format!("{} needs a real account and cannot be resolved here; put it behind a condition", short(name));
                return Err(UnlocatedError::new(message).near(short(name)));
            }
        };
        Ok(Some(value))
    }

    fn list(&self, name: &str, value: &Value) -> Result<Vec<Value>, UnlocatedError> {
        match self.resolve(value)? {
            Value::Array(items) => Ok(items),
            _ => Err(wrong(name, "a list")),
        }
    }

    fn select(&self, argument: &Value) -> Result<Value, UnlocatedError> {
        let [index, items] = pair("Fn::Select", argument)?;
        let items = self.list("Fn::Select", items)?;
        let index = self.text(index, "the index of Select")?;
        let chosen = index.parse::<usize>().ok().and_then(|index| items.get(index));
        chosen
            .cloned()
            .ok_or_else(|| UnlocatedError::new(format!("Select has no item {index} among {}", items.len())).near("Select"))
    }

    fn find(&self, argument: &Value) -> Result<Value, UnlocatedError> {
        let Some([map, top, second, options @ ..]) = argument.as_array().map(Vec::as_slice) else {
            return Err(wrong("Fn::FindInMap", "[map, top key, second key]"));
        };
        let map = self.text(map, "the map of FindInMap")?;
        let (top, second) = (self.text(top, "a key of FindInMap")?, self.text(second, "a key of FindInMap")?);
        let found = self.mappings.get(&map).and_then(|map| map.get(&top)).and_then(|top| top.get(&second));
        match (found, options.first().and_then(|options| options.get("DefaultValue"))) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(default)) => self.resolve(default),
            (None, None) => Err(UnlocatedError::new(format!("Mappings has no {map}.{top}.{second}")).near("FindInMap")),
        }
    }
}

/// A mapping with one key may be an intrinsic.
fn call(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(name, argument)| (name.as_str(), argument))
}

fn pair<'a>(name: &str, argument: &'a Value) -> Result<[&'a Value; 2], UnlocatedError> {
    match argument.as_array().map(Vec::as_slice) {
        Some([first, second]) => Ok([first, second]),
        _ => Err(wrong(name, "a list of two")),
    }
}

fn wrong(name: &str, expected: &str) -> UnlocatedError {
    UnlocatedError::new(format!("{} needs {expected}", short(name))).near(short(name))
}

fn short(name: &str) -> &str {
    name.trim_start_matches("Fn::")
}
