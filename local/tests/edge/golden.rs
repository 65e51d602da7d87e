//! Events against recordings of AWS: every recorded member exists with the same type, and no other member exists.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Client, manage, request};
use crate::fixture::{Fixture, friendly};

/// Recorded in November 2024 by users of Powertools for AWS Lambda (`apiGatewayWebSocketApiConnect.json` and similar), names shortened.
fn recorded(kind: &str) -> Value {
    let context = json!({
        "routeKey": "$connect", "eventType": "CONNECT", "messageDirection": "IN", "extendedRequestId": "BFHPhFe3IAMF95g=",
        "requestId": "BFHPhFe3IAMF95g=", "requestTime": "11/Nov/2024:11:35:24 +0000", "requestTimeEpoch": 1_731_324_924_561_u64,
        "stage": "prod", "connectedAt": 1_731_324_924_553_u64, "identity": { "sourceIp": "166.90.225.1" },
        "domainName": "abc.execute-api.us-east-1.amazonaws.com", "connectionId": "BFHPhfCWIAMCKlQ=", "apiId": "abc"
    });
    let with = |more: Value| {
        let mut context = context.clone();
        context.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        context
    };
    match kind {
        "connect" => json!({ "headers": {}, "multiValueHeaders": {}, "requestContext": context, "isBase64Encoded": false }),
        "message" => json!({
            "requestContext": with(json!({ "routeKey": "chat", "messageId": "BFaVtfGSIAMCKug=", "eventType": "MESSAGE" })),
            "body": "{\"action\": \"chat\", \"message\": \"Hello from client\"}", "isBase64Encoded": false
        }),
        "disconnect" => json!({
            "headers": {}, "multiValueHeaders": {},
            "requestContext": with(json!({
                "routeKey": "$disconnect", "eventType": "DISCONNECT", "disconnectStatusCode": 1005,
                "disconnectReason": "Client-side close frame status not set"
            })),
            "isBase64Encoded": false
        }),
        "authorizer" => json!({
            "type": "REQUEST", "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/$connect", "headers": {},
            "multiValueHeaders": {}, "queryStringParameters": {}, "multiValueQueryStringParameters": {}, "stageVariables": {},
            "requestContext": context
        }),
        // The developer guide's example of payload format 2.0 without features that this API lacks (JWT, stage variables).
        _ => json!({
            "version": "2.0", "routeKey": "POST /rooms", "rawPath": "/rooms", "rawQueryString": "a=1&a=2", "cookies": ["sid=abc", "x=1"],
            "headers": {}, "queryStringParameters": { "a": "1,2" },
            "requestContext": {
                "accountId": "123456789012", "apiId": "id", "domainName": "id.execute-api.eu-west-1.amazonaws.com", "domainPrefix": "id",
                "http": { "method": "POST", "path": "/rooms", "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": "agent" },
                "requestId": "JKJaXmPLvHcESHA=", "routeKey": "POST /rooms", "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_u64
            },
            "body": "{}", "isBase64Encoded": false
        }),
    }
}

/// Every member's path with its type. The client determines headers and query strings.
fn shape(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "text",
        Value::Number(_) => "number",
        Value::Bool(_) => "flag",
        Value::Null => "null",
    };
    into.insert(format!("{path}: {kind}"));
    let open = path.ends_with("eaders") || path.ends_with("Parameters") || path.ends_with("authorizer");
    if let Some(members) = value.as_object().filter(|_| !open) {
        for (name, member) in members {
            shape(member, &format!("{path}.{name}"), into);
        }
    }
}

fn same(ours: &Value, kind: &str, besides: &[&str]) {
    let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
    shape(ours, "", &mut here);
    shape(&recorded(kind), "", &mut there);
    there.extend(besides.iter().map(|path| (*path).to_owned()));
    assert_eq!(here, there, "{kind}");
}

/// Whether the value has the format of recorded ids.
fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|id| id.len() == 16 && id.ends_with('='))
}

#[tokio::test]
async fn the_events_of_a_socket_have_the_shape_of_those_recorded() {
    let mut fixture = Fixture::start(friendly).await;
    let mut client = Client::join(fixture.address).await;
    let authorizer = fixture.event("Authorizer").await;
    same(&authorizer, "authorizer", &[]);
    let connect = fixture.event("Connect").await;
    // The recordings have no query string and no authorizer context.
    let spoken = ".requestContext.authorizer: object";
    same(&connect, "connect", &[".queryStringParameters: object", ".multiValueQueryStringParameters: object", spoken]);
    client.send(r#"{"action":"send"}"#).await;
    let message = fixture.event("Send").await;
    same(&message, "message", &[spoken]);
    client.stream.close(None).await.unwrap();
    let disconnect = fixture.event("Disconnect").await;
    same(&disconnect, "disconnect", &[spoken]);
    assert_eq!(disconnect["requestContext"]["disconnectReason"], recorded("disconnect")["requestContext"]["disconnectReason"]);
    for event in [&connect, &message, &disconnect] {
        let context = &event["requestContext"];
        assert!(is_id(&context["connectionId"]) && is_id(&context["requestId"]), "{context}");
        assert_eq!(context["requestId"], context["extendedRequestId"]);
    }
    assert!(is_id(&message["requestContext"]["messageId"]));
}

#[tokio::test]
async fn the_event_of_an_http_request_has_the_shape_of_the_guides() {
    let mut fixture = Fixture::start(friendly).await;
    let headers = ["content-type: application/json", "cookie: sid=abc; x=1", "user-agent: agent"];
    request(fixture.address, "POST", "/api/rooms?a=1&a=2", &headers, "{}").await;
    let event = fixture.event("Rooms").await;
    same(&event, "http", &[]);
    assert_eq!((&event["cookies"], &event["queryStringParameters"]["a"]), (&json!(["sid=abc", "x=1"]), &json!("1,2")));
    assert!(is_id(&event["requestContext"]["requestId"]));
}

#[tokio::test]
async fn the_gateways_own_frames_are_spaced_as_recorded() {
    let fixture = Fixture::start(friendly).await;
    let mut client = Client::open(fixture.address, "/open", &[]).await.unwrap_or_else(|status| panic!("{status}"));
    client.send(r#"{"action":"nothing"}"#).await;
    let frame = client.text().await;
    let id = fixture.gateway.connections()[0].id.clone();
    let start = format!(r#"{{"message": "Forbidden", "connectionId":"{id}", "requestId":""#);
    assert!(frame.starts_with(&start) && frame.ends_with("=\"}"), "{frame}");
    let gone = manage(fixture.address, "POST", "AAAAAAAAAAAAAAA=", "x").await;
    assert_eq!((gone.status, gone.header("x-amzn-errortype")), (410, Some("GoneException")));
}
