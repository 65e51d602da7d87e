//! Route selection expressions: `$request.body.action`, or a text with several `${request.body.…}`, evaluated against a message; without a match, `$default`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stack::WebSocketRoute;

/// A parsed route selection expression.
pub(super) struct RouteSelection(Vec<ExpressionPart>);

enum ExpressionPart {
    Text(String),
    /// Members and indices from the body's root.
    Path(Vec<String>),
}

impl RouteSelection {
    pub(super) fn new(expression: &str) -> Self {
        if let Some(path) = expression.strip_prefix("$request.body") {
            return Self(vec![ExpressionPart::Path(steps(path))]);
        }
        let mut parts = Vec::new();
        let mut rest = expression;
        while let Some((before, after)) = rest.split_once("${") {
            let (variable, tail) = after.split_once('}').unwrap_or((after, ""));
            if !before.is_empty() {
                parts.push(ExpressionPart::Text(before.to_owned()));
            }
            parts.push(ExpressionPart::Path(steps(variable.strip_prefix("request.body").unwrap_or_default())));
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(ExpressionPart::Text(rest.to_owned()));
        }
        Self(parts)
    }

    /// Finds the route key and route of a message.
    pub(super) fn route<'a>(
        &self,
        routes: &'a BTreeMap<String, WebSocketRoute>,
        message: &str,
    ) -> Option<(&'a str, &'a WebSocketRoute)> {
        // Clients cannot select the gateway's own `$` routes.
        let key = self.key(message).filter(|key| !key.starts_with('$'));
        let found = key.and_then(|key| routes.get_key_value(key.as_str()));
        found.or_else(|| routes.get_key_value("$default")).map(|(key, route)| (key.as_str(), route))
    }

    /// `None` for messages that are not a JSON object or array.
    fn key(&self, message: &str) -> Option<String> {
        let body: Value = serde_json::from_str(message).ok()?;
        if !body.is_object() && !body.is_array() {
            return None;
        }
        Some(self.0.iter().map(|part| part.evaluate(&body)).collect())
    }
}

impl ExpressionPart {
    fn evaluate(&self, body: &Value) -> String {
        let path = match self {
            Self::Text(text) => return text.clone(),
            Self::Path(path) => path,
        };
        let found = path.iter().try_fold(body, |value, step| match value {
            Value::Object(object) => object.get(step),
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        });
        match found {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }
}

/// Splits `.a.b[0]['c']` into a, b, 0, c.
fn steps(path: &str) -> Vec<String> {
    path.split(['.', '[', ']'])
        .map(|step| step.trim_matches(['\'', '"']))
        .filter(|step| !step.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RouteSelection;

    fn key(expression: &str, message: &str) -> Option<String> {
        RouteSelection::new(expression).key(message)
    }

    #[test]
    fn the_value_is_made_a_text() {
        assert_eq!(key("$request.body.action", r#"{"action":"send"}"#).as_deref(), Some("send"));
        assert_eq!(key("${request.body.action}", r#"{"action":5}"#).as_deref(), Some("5"));
        assert_eq!(key("$request.body.action", r#"{"action":["a"]}"#).as_deref(), Some(r#"["a"]"#));
        assert_eq!(key("$request.body.action", r#"{"other":1}"#).as_deref(), Some(""));
    }

    #[test]
    fn paths_may_be_nested_and_variables_several() {
        assert_eq!(key("$request.body.a.b[1].c", r#"{"a":{"b":[0,{"c":"x"}]}}"#).as_deref(), Some("x"));
        assert_eq!(
            key("${request.body.service}/${request.body.action}", r#"{"service":"s","action":"t"}"#).as_deref(),
            Some("s/t")
        );
    }

    #[test]
    fn what_is_no_json_object_selects_nothing() {
        for message in ["hello", "1", r#""send""#, "null", "{"] {
            assert_eq!(key("$request.body.action", message), None, "{message}");
        }
    }
}
