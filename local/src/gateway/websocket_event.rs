//! The events of a WebSocket API: `CONNECT`, `MESSAGE`, `DISCONNECT` and the authorizer's request, with exactly the members that AWS sends.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::{Map, Value};

use super::connections::Connection;
use super::http_event::pairs;
use super::ids;
use super::peer::Peer;

type SingleValues = BTreeMap<String, String>;
type MultiValues = BTreeMap<String, Vec<String>>;

/// The handshake request as events describe it.
pub(super) struct Handshake {
    headers: MultiValues,
    query: MultiValues,
}

impl Handshake {
    pub(super) fn new(headers: &HeaderMap, uri: &Uri, peer: &Peer) -> Self {
        let now = ids::now_ms();
        let mut all = MultiValues::new();
        for (name, value) in headers {
            all.entry(title_case(name.as_str())).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
        }
        let forwarded = all.get("X-Forwarded-For").and_then(|before| before.last());
        let forwarded = forwarded.map_or_else(|| peer.ip.to_string(), |before| format!("{before}, {}", peer.ip));
        all.insert("X-Forwarded-For".to_owned(), vec![forwarded]);
        all.insert("X-Forwarded-Port".to_owned(), vec![peer.port.to_string()]);
        all.insert("X-Forwarded-Proto".to_owned(), vec![peer.scheme().to_owned()]);
        all.entry("X-Amzn-Trace-Id".to_owned()).or_insert_with(|| vec![ids::trace_id(now)]);
        let mut query = MultiValues::new();
        for (name, value) in pairs(uri.query().unwrap_or_default()) {
            query.entry(name).or_default().push(value);
        }
        Self { headers: all, query }
    }

    /// Whether the request contains an identity source.
    pub(super) fn has_identity(&self, source: &str) -> bool {
        let present = |values: Option<&Vec<String>>| values.is_some_and(|values| values.iter().any(|value| !value.is_empty()));
        match source.rsplit_once('.') {
            Some(("route.request.header", name)) => {
                self.headers.iter().any(|(own, values)| own.eq_ignore_ascii_case(name) && present(Some(values)))
            }
            Some(("route.request.querystring", name)) => present(self.query.get(name)),
            _ => false,
        }
    }

    /// Whether the client offered this subprotocol.
    pub(super) fn offers_protocol(&self, protocol: &str) -> bool {
        let offered = self.headers.get("Sec-WebSocket-Protocol");
        offered.is_some_and(|lines| lines.iter().flat_map(|line| line.split(',')).any(|offer| offer.trim() == protocol))
    }

    /// The event of the REQUEST authorizer; it includes connection headers and empty mappings.
    pub(super) fn authorizer_event(&self, connection: &Connection) -> Bytes {
        let mut headers = self.headers.clone();
        headers.entry("content-length".to_owned()).or_insert_with(|| vec!["0".to_owned()]);
        json(&AuthorizerEvent {
            kind: "REQUEST",
            method_arn: &connection.endpoint.method_arn,
            headers: single(&headers),
            multi_value_headers: &headers,
            query_string_parameters: single(&self.query),
            multi_value_query_string_parameters: &self.query,
            stage_variables: SingleValues::new(),
            request_context: context(connection, "$connect", "CONNECT"),
        })
    }

    /// The event of `$connect`; without a query string, query members are absent.
    pub(super) fn connect_event(&self, connection: &Connection) -> Bytes {
        let mut headers = self.headers.clone();
        headers.retain(|name, _| name != "Connection" && name != "Upgrade");
        json(&ProxyEvent {
            headers: Some(single(&headers)),
            multi_value_headers: Some(&headers),
            query_string_parameters: Some(single(&self.query)).filter(|query| !query.is_empty()),
            multi_value_query_string_parameters: Some(&self.query).filter(|query| !query.is_empty()),
            request_context: context(connection, "$connect", "CONNECT"),
            body: None,
            is_base64_encoded: false,
        })
    }
}

/// The event of a message, and its request id.
pub(super) fn message_event(connection: &Connection, route_key: &str, body: &str) -> (Bytes, String) {
    let mut context = context(connection, route_key, "MESSAGE");
    context.message_id = Some(ids::request_id());
    let request_id = context.request_id.clone();
    let event = ProxyEvent {
        headers: None,
        multi_value_headers: None,
        query_string_parameters: None,
        multi_value_query_string_parameters: None,
        request_context: context,
        body: Some(body),
        is_base64_encoded: false,
    };
    (json(&event), request_id)
}

/// The event of `$disconnect`.
pub(super) fn disconnect_event(connection: &Connection, code: u16, reason: &str) -> Bytes {
    let mut context = context(connection, "$disconnect", "DISCONNECT");
    context.disconnect_status_code = Some(code);
    context.disconnect_reason = Some(reason);
    let headers: MultiValues =
        [("Host", connection.domain.as_str()), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]))
            .collect();
    json(&ProxyEvent {
        headers: Some(single(&headers)),
        multi_value_headers: Some(&headers),
        query_string_parameters: None,
        multi_value_query_string_parameters: None,
        request_context: context,
        body: None,
        is_base64_encoded: false,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyEvent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<SingleValues>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<&'a MultiValues>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<SingleValues>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_query_string_parameters: Option<&'a MultiValues>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    method_arn: &'a str,
    headers: SingleValues,
    multi_value_headers: &'a MultiValues,
    query_string_parameters: SingleValues,
    multi_value_query_string_parameters: &'a MultiValues,
    stage_variables: SingleValues,
    request_context: Context<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    route_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_reason: Option<&'a str>,
    extended_request_id: String,
    request_time: String,
    message_direction: &'a str,
    stage: &'a str,
    connected_at: u64,
    request_time_epoch: u64,
    identity: Identity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<&'a Map<String, Value>>,
    request_id: String,
    domain_name: &'a str,
    connection_id: &'a str,
    api_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    source_ip: String,
}

fn context<'a>(connection: &'a Connection, route_key: &'a str, event_type: &'a str) -> Context<'a> {
    let (now, request_id) = (ids::now_ms(), ids::request_id());
    Context {
        route_key,
        message_id: None,
        event_type,
        disconnect_status_code: None,
        disconnect_reason: None,
        extended_request_id: request_id.clone(),
        request_time: ids::log_time(now),
        message_direction: "IN",
        stage: &connection.endpoint.stage,
        connected_at: connection.connected_at,
        request_time_epoch: now,
        identity: Identity { user_agent: connection.user_agent.as_deref(), source_ip: connection.source_ip.to_string() },
        authorizer: connection.authorizer.as_ref(),
        request_id,
        domain_name: &connection.domain,
        connection_id: &connection.id,
        api_id: &connection.endpoint.id,
    }
}

/// The last value of each name, as in API Gateway.
fn single(multiple: &MultiValues) -> SingleValues {
    multiple.iter().filter_map(|(name, values)| Some((name.clone(), values.last()?.clone()))).collect()
}

fn json(event: &impl Serialize) -> Bytes {
    serde_json::to_vec(event).unwrap_or_default().into()
}

/// Converts a header name to its usual casing, because the HTTP parser keeps only lower case.
fn title_case(name: &str) -> String {
    let word = |word: &str| match word {
        "websocket" => "WebSocket".to_owned(),
        word => {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        }
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}
