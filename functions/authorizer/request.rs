//! The authorizer's event. Header values stay unparsed strings, since clients may send anything.

use std::collections::HashMap;

use serde::Deserialize;
use shared::edge::extract::bearer;
use shared::protocol::dialect::Dialect;

/// A WebSocket handshake.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// The ARN that the policy allows or denies.
    pub method_arn: String,
    headers: Option<HashMap<String, String>>,
    #[serde(rename = "queryStringParameters")]
    query: Option<HashMap<String, String>>,
    request_context: Context,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    request_id: Option<String>,
}

/// The credential of a handshake.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    /// An access token.
    Token(&'a str),
    /// A ticket.
    Ticket(&'a str),
}

/// Accepted names of the room parameter.
const ROOM: [&str; 4] = ["roomId", "room_id", "conversationId", "conversation_id"];
/// Maximum length of a room reference; a truncated one matches no room.
const ROOM_LENGTH: usize = 128;

impl Handshake {
    /// Returns the first credential: header, ticket, token in the query, token among the subprotocols. The first one counts even if it is invalid.
    pub(super) fn credential(&self) -> Option<Credentials<'_>> {
        if let Some(value) = self.header("authorization") {
            return bearer(value).map(Credentials::Token);
        }
        let ticket = self.parameter("ticket").map(Credentials::Ticket);
        let token = || self.parameter("token").map(Credentials::Token);
        let protocol = || self.protocols().find_map(|protocol| protocol.strip_prefix("bearer.")).map(Credentials::Token);
        ticket.or_else(token).or_else(protocol)
    }

    /// The origin of the page; only browsers send it.
    pub(super) fn origin(&self) -> Option<&str> {
        self.header("origin")
    }

    /// The newest dialect that the client offers.
    pub(super) fn dialect(&self) -> Dialect {
        Dialect::of_offer(self.header("sec-websocket-protocol").unwrap_or_default())
    }

    /// The default room of the socket, unparsed.
    pub(super) fn room(&self) -> Option<String> {
        let room = ROOM.iter().find_map(|name| self.parameter(name))?;
        Some(room.chars().take(ROOM_LENGTH).collect())
    }

    /// API Gateway's id of the handshake.
    pub(super) fn request_id(&self) -> &str {
        self.request_context.request_id.as_deref().unwrap_or_default()
    }

    fn protocols(&self) -> impl Iterator<Item = &str> {
        self.header("sec-websocket-protocol").unwrap_or_default().split(',').map(str::trim)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().flatten().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.as_ref()?.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn handshake(headers: &Value, query: &Value) -> Handshake {
        let event = json!({
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/ws/$connect",
            "headers": headers,
            "multiValueHeaders": {},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {},
            "stageVariables": {},
            "requestContext": {
                "routeKey": "$connect", "eventType": "CONNECT", "messageDirection": "IN", "requestId": "R=", "extendedRequestId": "R=",
                "requestTime": "11/Nov/2024:11:35:24 +0000", "requestTimeEpoch": 1_731_324_924_561_i64, "stage": "ws",
                "connectedAt": 1_731_324_924_553_i64, "identity": {"sourceIp": "192.0.2.7"}, "domainName": "localhost",
                "connectionId": "C=", "apiId": "abcdef1234"
            }
        });
        serde_json::from_value(event).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_first_credential_shown_counts() {
        let protocols = json!({"Sec-WebSocket-Protocol": "conchat.v1, bearer.p.p.p"});
        let query = json!({"token": "q.q.q"});
        let both = json!({"token": "q.q.q", "ticket": "t"});
        let all = json!({"AUTHORIZATION": "bearer h.h.h", "sec-websocket-protocol": "bearer.p.p.p"});
        assert_eq!(handshake(&protocols, &json!({})).credential(), Some(Credentials::Token("p.p.p")));
        assert_eq!(handshake(&protocols, &query).credential(), Some(Credentials::Token("q.q.q")));
        assert_eq!(handshake(&json!({}), &both).credential(), Some(Credentials::Ticket("t")));
        assert_eq!(handshake(&all, &both).credential(), Some(Credentials::Token("h.h.h")));
        assert_eq!(handshake(&json!({"authorization": "h.h.h"}), &json!({})).credential(), Some(Credentials::Token("h.h.h")));
        assert_eq!(
            handshake(&json!({"authorization": "Basic dTpw"}), &query).credential(),
            None,
            "a wrong header is not passed over"
        );
        assert_eq!(handshake(&json!({}), &json!({})).credential(), None);
        assert_eq!(handshake(&json!(null), &json!(null)).credential(), None);
    }

    #[test]
    fn the_dialect_and_the_room_are_read_in_every_spelling() {
        for name in ROOM {
            assert_eq!(handshake(&json!({}), &json!({name: "room-7"})).room().as_deref(), Some("room-7"), "{name}");
        }
        assert_eq!(handshake(&json!({}), &json!({"roomId": "x".repeat(5_000)})).room().map(|room| room.len()), Some(ROOM_LENGTH));
        let offer = json!({"SEC-WEBSOCKET-PROTOCOL": "bearer.t.o.k,conchat.v1,conchat.v2"});
        assert_eq!(handshake(&offer, &json!({})).dialect(), Dialect::Packed);
        assert_eq!(handshake(&json!({"sec-websocket-protocol": "conchat.v1"}), &json!({})).dialect(), Dialect::Lean);
        assert_eq!(handshake(&json!({}), &json!({})).dialect(), Dialect::Full);
    }

    #[test]
    fn headers_of_any_text_are_read() {
        let handshake =
            handshake(&json!({"X-Name": "Jürgen 💥\u{7}", "Origin": "https://app.example.com"}), &json!({"ticket": "\u{0}"}));
        assert_eq!((handshake.origin(), handshake.request_id()), (Some("https://app.example.com"), "R="));
    }
}
