//! Masks secrets: credentials are replaced wherever they occur in an event, a result or a log line.

use serde_json::Value;

use super::secrets::{ApiSecrets, OperationSecrets};

/// The replacement of a secret.
const MASK: &str = "•••";

/// Names that denote secrets in any API, besides the documented ones. Normalized to letters and digits, so that `access_token` and `Access-Token` are equal.
const SECRET_NAMES: [&str; 23] = [
    "accesstoken",
    "apikey",
    "authorization",
    "authorizationtoken",
    "awssecretaccesskey",
    "awssessiontoken",
    "bearer",
    "cookie",
    "cookies",
    "currentpassword",
    "databaseurl",
    "idtoken",
    "jwtsecret",
    "newpassword",
    "oldpassword",
    "password",
    "refreshtoken",
    "secret",
    "setcookie",
    "ticket",
    "token",
    "xamzsecuritytoken",
    "xamzsignature",
];

/// An event with its documented operation.
pub(super) struct MaskedEvent {
    event: Value,
    operation: Option<&'static OperationSecrets>,
}

impl MaskedEvent {
    /// Parses an event.
    pub(super) fn of(event: &[u8]) -> Self {
        let mut event = parsed(event);
        let route = event["routeKey"].as_str().and_then(|route| ApiSecrets::of_api().operation(route));
        // A greedy route has no operation of its own: fall back to the method and path.
        let asked = || Some(format!("{} {}", event["requestContext"]["http"]["method"].as_str()?, event["rawPath"].as_str()?));
        let operation = route.or_else(|| ApiSecrets::of_api().operation(&asked()?));
        if let Some(operation) = operation {
            hide_body(&mut event, &operation.body, !operation.body.is_empty());
            hide_parameters(&mut event, operation);
        }
        mask(&mut event);
        Self { event, operation }
    }

    /// The event without secrets.
    pub(super) fn event(&self) -> &Value {
        &self.event
    }

    /// The function's result without secrets.
    pub(super) fn answer(&self, answer: &[u8]) -> Value {
        let mut answer = parsed(answer);
        if let Some(operation) = self.operation
            && answer["statusCode"].as_u64().is_some_and(|status| status < 300)
        {
            hide_body(&mut answer, &operation.answers, false);
        }
        mask(&mut answer);
        answer
    }
}

/// JSON, or a string if it is not JSON.
fn parsed(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()))
}

/// Masks fields of a body, which is JSON in a string. An unreadable body with secrets is masked completely.
fn hide_body(message: &mut Value, ways: &std::collections::BTreeSet<Vec<String>>, all_or_nothing: bool) {
    let Some(Value::String(body)) = message.get_mut("body") else { return };
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) if value.is_object() || !all_or_nothing => {
            for way in ways {
                hide_at(&mut value, way);
            }
            *body = value.to_string();
        }
        _ if all_or_nothing && !body.is_empty() => {
            *body = format!("({} characters that are not a JSON object)", body.chars().count());
        }
        _ => {}
    }
}

fn hide_at(value: &mut Value, way: &[String]) {
    match (value, way) {
        (Value::Array(values), way) => values.iter_mut().for_each(|value| hide_at(value, way)),
        (value, []) => hide(value),
        (Value::Object(members), [name, rest @ ..]) => {
            if let Some(value) = members.get_mut(name) {
                hide_at(value, rest);
            }
        }
        _ => {}
    }
}

/// Masks path parameters everywhere in an event.
fn hide_parameters(event: &mut Value, operation: &OperationSecrets) {
    let route = event["routeKey"].as_str().unwrap_or_default().to_owned();
    let pattern: Vec<&str> = route.split_once(' ').map_or("", |(_, path)| path).split('/').collect();
    for name in &operation.parameters {
        if let Some(value) = event["pathParameters"].get_mut(name) {
            hide(value);
        }
        let place = pattern.iter().position(|part| part.trim_start_matches('{').trim_end_matches('}') == name);
        for pointer in ["/rawPath", "/requestContext/http/path"] {
            if let (Some(place), Some(Value::String(path))) = (place, event.pointer_mut(pointer)) {
                // The path may start with a stage.
                let mut parts: Vec<&str> = path.split('/').collect();
                let from_end = pattern.len() - place;
                if let Some(at) = parts.len().checked_sub(from_end) {
                    parts[at] = MASK;
                }
                *path = parts.join("/");
            }
        }
    }
}

/// Masks the secrets of a value.
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("isBase64Encoded") == Some(&Value::Bool(true))
                && let Some(Value::String(body)) = members.get_mut("body")
            {
                *body = format!("({} characters of base64)", body.len());
            }
            for (name, value) in members {
                if is_secret(name) { hide(value) } else { mask(value) }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::String(text) => *text = masked_text(text),
        _ => {}
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Array(values) => values.iter_mut().for_each(hide),
        other => *other = Value::String(MASK.into()),
    }
}

/// Masks a text: JSON, a query, a URL, a header value or a sentence.
pub(super) fn masked_text(text: &str) -> String {
    if text.starts_with(['{', '['])
        && let Ok(mut value) = serde_json::from_str::<Value>(text)
    {
        mask(&mut value);
        return value.to_string();
    }
    let mut masked = String::with_capacity(text.len());
    let mut after_bearer = false;
    for piece in text.split_inclusive(|letter: char| letter.is_whitespace() || "&?\"',;<>()".contains(letter)) {
        let word = piece.trim_end_matches(|letter: char| letter.is_whitespace() || "&?\"',;<>()".contains(letter));
        let shown = match word.split_once('=') {
            Some((name, value)) if is_secret(name) && !value.is_empty() => format!("{name}={MASK}"),
            _ if after_bearer && !word.is_empty() || is_token(word) => MASK.into(),
            _ if word.starts_with("bearer.") => format!("bearer.{MASK}"),
            _ => word.into(),
        };
        after_bearer = word.eq_ignore_ascii_case("bearer") || after_bearer && word.is_empty();
        masked.push_str(&shown);
        masked.push_str(&piece[word.len()..]);
    }
    masked
}

fn is_secret(name: &str) -> bool {
    let plain = normalize(name);
    SECRET_NAMES.binary_search(&plain.as_str()).is_ok() || ApiSecrets::of_api().is_secret_name(&plain)
}

/// Normalizes a name to letters and digits.
pub(super) fn normalize(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether a word looks like a JSON Web Token.
fn is_token(word: &str) -> bool {
    word.find("eyJ").is_some_and(|at| word[at..].matches('.').count() >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_is_shown() {
        let event = r#"{
            "headers": {"authorization": "Bearer SECRET", "Cookie": "a=SECRET", "sec-websocket-protocol": "conchat.v1, bearer.SECRET"},
            "multiValueHeaders": {"Authorization": ["Bearer SECRET"]},
            "cookies": ["session=SECRET"],
            "queryStringParameters": {"ticket": "SECRET"},
            "rawQueryString": "roomId=general&token=SECRET&limit=2",
            "body": "{\"username\":\"ada\",\"password\":\"SECRET\",\"nested\":{\"refresh_token\":\"SECRET\"}}"
        }"#;
        let result =
            r#"{"statusCode":200,"headers":{"set-cookie":"SECRET"},"body":"{\"access_token\":\"SECRET\",\"expires_in\":60}"}"#;
        let lines = [
            "GET /ws?ticket=SECRET HTTP/1.1",
            "authorization: Bearer SECRET",
            "the token is eyJhbGciOiJIUzI1NiJ9.SECRET.SECRET, they say",
            r#"{"fields":{"token":"SECRET"}}"#,
        ];
        let seen = MaskedEvent::of(event.as_bytes());
        let shown = [seen.event().clone(), seen.answer(result.as_bytes())].map(|value| value.to_string()).join("\n");
        let shown = shown + &lines.map(masked_text).join("\n");
        assert!(!shown.contains("SECRET"), "{shown}");
        for kept in ["roomId=general", "limit=2", "ada", "conchat.v1", "expires_in", "they say", "GET /ws"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        for text in ["Shall we meet at noon? a=b", "", "plain", "{broken", "bearer", "x=1&y=2"] {
            assert_eq!(masked_text(text), text);
        }
        assert_eq!(MaskedEvent::of(br#"{"token":null,"body":"aGk=","isBase64Encoded":true}"#).event()["token"], Value::Null);
        let refused = MaskedEvent::of(br#"{"routeKey":"GET /api/rooms/{room_id}/invites"}"#)
            .answer(br#"{"statusCode":404,"body":"{\"code\":\"room_not_found\"}"}"#);
        assert!(refused.to_string().contains("room_not_found"), "{refused}");
        assert!(SECRET_NAMES.is_sorted());
    }

    /// A value with a secret at each of these paths and nothing else.
    fn planted(ways: &std::collections::BTreeSet<Vec<String>>, wrap: impl Fn(Value) -> Value) -> Value {
        let mut body = serde_json::json!({});
        for way in ways {
            let mut place = &mut body;
            for name in way {
                place = &mut place[name.as_str()];
            }
            *place = wrap("CANARY".into());
        }
        body
    }

    #[test]
    fn no_operation_shows_what_its_documents_call_secret() {
        let document: Value = serde_json::from_str(include_str!("../../../shared/openapi.json")).unwrap_or_default();
        let (mut bodies, mut answers, mut paths) = (0, 0, 0);
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for method in item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()) {
                let route = format!("{method} {path}");
                let operation = ApiSecrets::of_api().operation(&route).unwrap_or_else(|| panic!("{route}"));
                let raw: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "CANARY" } else { part }).collect();
                let parameters: serde_json::Map<String, Value> =
                    operation.parameters.iter().map(|name| (name.clone(), "CANARY".into())).collect();
                let raw = if operation.parameters.is_empty() { path.clone() } else { raw.join("/").replacen("CANARY", "7", 1) };
                for body in [
                    planted(&operation.body, |canary| canary).to_string(),
                    planted(&operation.body, |canary| serde_json::json!([canary])).to_string(),
                    "{\"unread\": \"CANARY".to_owned(),
                ] {
                    let body = if operation.body.is_empty() { String::new() } else { body };
                    let event = serde_json::json!({
                        "routeKey": route, "rawPath": raw, "pathParameters": parameters, "body": body,
                        "requestContext": { "routeKey": route, "http": { "path": raw } },
                    });
                    let answer = serde_json::json!({ "statusCode": 201, "body": planted(&operation.answers, |canary| canary).to_string() });
                    let shown = MaskedEvent::of(event.to_string().as_bytes());
                    let text = shown.event().to_string() + &shown.answer(answer.to_string().as_bytes()).to_string();
                    assert!(!text.contains("CANARY"), "{route}: {text}");
                }
                bodies += usize::from(!operation.body.is_empty());
                answers += usize::from(!operation.answers.is_empty());
                paths += usize::from(!operation.parameters.is_empty());
            }
        }
        assert!(bodies >= 12 && answers >= 10 && paths >= 1, "{bodies} {answers} {paths}");
    }
}
