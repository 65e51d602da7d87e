//! Converts a function's result to an HTTP response: a result without `statusCode` is the body, a malformed one is a 500.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;

/// Responses have complete bodies: the gateway does not stream.
pub(super) type Reply = Response<Full<Bytes>>;

/// A response with API Gateway's JSON message.
pub(super) fn message(status: StatusCode, message: &str) -> Reply {
    json(status, serde_json::json!({ "message": message }).to_string())
}

pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Converts a function's result; `None` if it is malformed.
pub(super) fn from_result(result: &Bytes) -> Option<Reply> {
    if result.trim_ascii_start().first() == Some(&b'{') {
        return match serde_json::from_slice::<ProxyResponse>(result) {
            Ok(answer) if answer.status_code.is_some() => answer.into_response(),
            _ => {
                plain_body(result).filter(|value| value.get("statusCode").is_none()).map(|_| json(StatusCode::OK, result.clone()))
            }
        };
    }
    match plain_body(result)? {
        Value::String(text) => Some(json(StatusCode::OK, text)),
        _ => Some(json(StatusCode::OK, result.clone())),
    }
}

/// The proxy response of a function; missing members are `null` or omitted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProxyResponse {
    status_code: Option<Value>,
    headers: Option<BTreeMap<String, Value>>,
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

impl ProxyResponse {
    fn into_response(self) -> Option<Reply> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.into_iter().flatten() {
            add(&mut headers, &name, &value)?;
        }
        for (name, values) in self.multi_value_headers.into_iter().flatten() {
            headers.remove(&name);
            for value in values {
                add(&mut headers, &name, &value)?;
            }
        }
        for cookie in self.cookies.into_iter().flatten() {
            headers.append(SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
        }
        let body = match (self.body, self.is_base64_encoded) {
            (None, _) => Bytes::new(),
            (Some(text), Some(true)) => STANDARD.decode(text).ok()?.into(),
            (Some(text), _) => text.into(),
        };
        if !body.is_empty() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain;charset=UTF-8"));
        }
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status(&self.status_code?)?;
        *response.headers_mut() = headers;
        Some(response)
    }
}

/// Parses a status code given as a number or string; rejects informational ones.
pub(super) fn status(value: &Value) -> Option<StatusCode> {
    let code = match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    StatusCode::from_u16(code).ok().filter(|status| (200..600).contains(&status.as_u16()))
}

/// Adds a header unless it is a connection header.
fn add(headers: &mut HeaderMap, name: &str, value: &Value) -> Option<()> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => return Some(()),
        Value::Array(_) | Value::Object(_) => return None,
    };
    let connection = matches!(
        name.as_str(),
        "connection" | "keep-alive" | "proxy-connection" | "te" | "transfer-encoding" | "upgrade" | "trailer"
    );
    if !connection && name != CONTENT_LENGTH {
        headers.append(name, HeaderValue::from_bytes(text.as_bytes()).ok()?);
    }
    Some(())
}

fn plain_body(result: &Bytes) -> Option<Value> {
    serde_json::from_slice(result).ok()
}
