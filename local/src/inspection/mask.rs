//! Secrets are not shown: what signs somebody in is replaced wherever it stands in an event, a result or a log line.

use serde_json::Value;

/// What stands in place of a secret.
const MASK: &str = "•••";

/// Names whose values are secrets; letters and digits only, so that `access_token` and `Access-Token` are one name.
const SECRETS: [&str; 23] = [
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

/// The same JSON, or the same text where it is none, without secrets.
pub(super) fn masked(payload: &[u8]) -> Value {
    match serde_json::from_slice(payload) {
        Ok(mut value) => {
            mask(&mut value);
            value
        }
        Err(_) => Value::String(masked_text(&String::from_utf8_lossy(payload))),
    }
}

/// Takes the secrets out of a value.
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

/// A text that is JSON, a query, an URL, a header's value, or a sentence.
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
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    SECRETS.binary_search(&plain.as_str()).is_ok()
}

/// A JSON web token, by its looks.
fn is_token(word: &str) -> bool {
    word.find("eyJ").is_some_and(|at| word[at..].matches('.').count() >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_signs_somebody_in_is_shown() {
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
        let shown = [masked(event.as_bytes()), masked(result.as_bytes())].map(|value| value.to_string()).join("\n");
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
        assert_eq!(masked(br#"{"token":null,"body":"aGk=","isBase64Encoded":true}"#)["token"], Value::Null);
        assert!(SECRETS.is_sorted());
    }
}
