//! `Fn::Sub`: replaces each `${…}` by a variable, reference or attribute; `${!…}` is literal.

use serde_json::{Map, Value};

use super::error::UnlocatedError;
use super::parameters::scalar;
use super::scope::Scope;

impl Scope {
    /// Supports both forms: a string, and a string with variables.
    pub(super) fn substitute(&self, argument: &Value) -> Result<String, UnlocatedError> {
        let none = Map::new();
        let (text, variables) = match argument {
            Value::String(text) => (text, &none),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(text), Value::Object(variables)] => (text, variables),
                _ => return Err(UnlocatedError::new("Sub needs a string, or a list of a string and its variables").near("Sub")),
            },
            other => return Err(UnlocatedError::new(format!("Sub needs a text, not {other}")).near("Sub")),
        };
        let mut result = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else {
                return Err(UnlocatedError::new(format!("Sub has a ${{ without its }} in {text:?}")).near("${"));
            };
            result.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => {
                    result.push_str("${");
                    result.push_str(literal);
                    result.push('}');
                }
                None => result.push_str(&self.variable(name.trim(), variables)?),
            }
            rest = tail;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn variable(&self, name: &str, variables: &Map<String, Value>) -> Result<String, UnlocatedError> {
        let value = match (variables.get(name), name.split_once('.')) {
            (Some(value), _) => self.resolve(value)?,
            (None, Some((resource, attribute))) => self.attribute(resource, attribute)?,
            (None, None) => self.reference(name)?,
        };
        scalar(&value).ok_or_else(|| {
            UnlocatedError::new(format!("${{{name}}} in a Sub must be a string, not {value}")).near(format!("${{{name}"))
        })
    }
}
