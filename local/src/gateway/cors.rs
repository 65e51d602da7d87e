//! CORS of the HTTP API: answers preflights, and ignores CORS headers of functions.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, request};

use crate::stack::Cors;

use super::http_response::Reply;

/// The response to a preflight; `None` for other requests.
pub(super) fn preflight(cors: &Cors, head: &request::Parts) -> Option<Reply> {
    let asks = head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut response = Response::new(http_body_util::Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if allow_origin(cors, &head.headers, headers) {
        set(headers, ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods.join(","));
        set(headers, ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers.join(","));
        if let Some(seconds) = cors.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
        }
    }
    Some(response)
}

/// Replaces the function's CORS headers by the configured ones.
pub(super) fn apply(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    let said: Vec<HeaderName> = response.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in said {
        response.remove(name);
    }
    if allow_origin(cors, request, response) {
        set(response, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers.join(","));
    }
}

fn allow_origin(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) -> bool {
    let Some(origin) = request.get(ORIGIN) else { return false };
    let any = cors.allow_origins.iter().any(|allowed| allowed == "*");
    if !any && !cors.allow_origins.iter().any(|allowed| is_match(allowed, origin)) {
        return false;
    }
    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, if any { HeaderValue::from_static("*") } else { origin.clone() });
    if cors.allow_credentials {
        response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    true
}

/// Matches an exact origin, or every origin of a scheme (`https://*`).
fn is_match(allowed: &str, origin: &HeaderValue) -> bool {
    match allowed.strip_suffix("://*") {
        Some(scheme) => origin.as_bytes().strip_prefix(scheme.as_bytes()).is_some_and(|rest| rest.starts_with(b"://")),
        None => origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()),
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
        headers.insert(name, value);
    }
}
