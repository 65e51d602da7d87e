//! `Fn::Sub`: every `${…}` in the text is a variable, a reference or an attribute, and `${!…}` is itself.

use serde_json::{Map, Value};

use super::error::Fault;
use super::parameters::scalar;
use super::scope::Scope;

impl Scope {
    /// Both forms: a text, and a text with its own variables.
    pub(super) fn substitute(&self, argument: &Value) -> Result<String, Fault> {
        let none = Map::new();
        let (text, variables) = match argument {
            Value::String(text) => (text, &none),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(text), Value::Object(variables)] => (text, variables),
                _ => return Err(Fault::new("Sub needs a text, or a list of a text and its variables").near("Sub")),
            },
            other => return Err(Fault::new(format!("Sub needs a text, not {other}")).near("Sub")),
        };
        let mut result = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else {
                return Err(Fault::new(format!("Sub has a ${{ without its }} in {text:?}")).near("${"));
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

    fn variable(&self, name: &str, variables: &Map<String, Value>) -> Result<String, Fault> {
        let value = match (variables.get(name), name.split_once('.')) {
            (Some(value), _) => self.resolve(value)?,
            (None, Some((resource, attribute))) => self.attribute(resource, attribute)?,
            (None, None) => self.reference(name)?,
        };
        scalar(&value)
            .ok_or_else(|| Fault::new(format!("${{{name}}} in a Sub must be a text, not {value}")).near(format!("${{{name}")))
    }
}
