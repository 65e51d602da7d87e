//! The event of an HTTP API, payload format 2.0: lower-case names, repeated values joined by commas, empty members omitted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, USER_AGENT};
use http::{HeaderMap, Version, request};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::http_routes::Parameters;
use super::ids;
use super::peer::Peer;

/// The parts of an event that do not come from the request itself.
pub(super) struct EventContext<'a> {
    pub(super) api_id: &'a str,
    pub(super) route_key: &'a str,
    pub(super) parameters: Parameters<'a>,
    pub(super) peer: Peer,
    pub(super) request_id: &'a str,
}

/// The event as JSON.
pub(super) fn build(head: &request::Parts, body: &Bytes, context: EventContext<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let now = ids::now_ms();
    let headers = &head.headers;
    let source_ip = context.peer.ip.to_string();
    let host = text(headers, "host");
    let query = head.uri.query().unwrap_or_default();
    let (body, is_base64_encoded) = encoded(headers, body);
    let event = Event {
        version: "2.0",
        route_key: context.route_key,
        raw_path: head.uri.path(),
        raw_query_string: query,
        cookies: cookies(headers),
        headers: joined(headers, &context.peer, now),
        query_string_parameters: parameters(query),
        path_parameters: context.parameters.into_iter().collect(),
        request_context: Context {
            account_id: super::ACCOUNT,
            api_id: context.api_id,
            domain_name: &host,
            domain_prefix: host.split(['.', ':']).next().unwrap_or_default(),
            http: Http {
                method: head.method.as_str(),
                path: head.uri.path(),
                protocol: if head.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
                source_ip: &source_ip,
                user_agent: headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes())),
            },
            request_id: context.request_id,
            route_key: context.route_key,
            stage: "$default",
            time: ids::log_time(now),
            time_epoch: now,
        },
        body,
        is_base64_encoded,
    };
    serde_json::to_vec(&event)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'a str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<&'a str, String>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    source_ip: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Cow<'a, str> {
    headers.get(name).map_or(Cow::Borrowed(""), |value| String::from_utf8_lossy(value.as_bytes()))
}

fn cookies(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let mut cookies = Vec::new();
    for line in headers.get_all(COOKIE) {
        for cookie in line.as_bytes().split(|byte| *byte == b';') {
            let cookie = cookie.trim_ascii();
            if !cookie.is_empty() {
                cookies.push(String::from_utf8_lossy(cookie));
            }
        }
    }
    cookies
}

fn joined<'a>(headers: &'a HeaderMap, peer: &Peer, now: u64) -> BTreeMap<&'a str, Cow<'a, str>> {
    let mut all: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
    for (name, value) in headers {
        // Connection headers belong to the gateway; cookies have their own member.
        if matches!(
            name.as_str(),
            "cookie" | "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding" | "upgrade"
        ) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        match all.get_mut(name.as_str()) {
            Some(before) => {
                let both = before.to_mut();
                both.push(',');
                both.push_str(&value);
            }
            None => {
                all.insert(name.as_str(), value);
            }
        }
    }
    let forwarded = all.get("x-forwarded-for").map_or_else(|| peer.ip.to_string(), |before| format!("{before}, {}", peer.ip));
    all.insert("x-forwarded-for", forwarded.into());
    all.insert("x-forwarded-port", peer.port.to_string().into());
    all.insert("x-forwarded-proto", peer.scheme().into());
    all.entry("x-amzn-trace-id").or_insert_with(|| ids::trace_id(now).into());
    all
}

/// Decoded query parameters; repeated ones are joined by commas.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs(query) {
        let known = all.entry(name);
        known.and_modify(|before| *before = format!("{before},{value}")).or_insert(value);
    }
    all
}

/// The decoded pairs of a query string in their order.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// UTF-8 bodies of text types stay text; others are base64.
fn encoded<'a>(headers: &HeaderMap, body: &'a Bytes) -> (Option<Cow<'a, str>>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    if is_text(headers)
        && let Ok(text) = std::str::from_utf8(body)
    {
        return (Some(Cow::Borrowed(text)), false);
    }
    (Some(Cow::Owned(STANDARD.encode(body))), true)
}

fn is_text(headers: &HeaderMap) -> bool {
    if headers.contains_key(CONTENT_ENCODING) {
        return false;
    }
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(kind.as_str(), "application/json" | "application/xml" | "application/javascript")
}
