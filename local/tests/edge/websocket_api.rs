//! Handshakes: the authorizer's event and result, `$connect`, and refusals.

use std::time::Duration;

use local::gateway::Limits;
use serde_json::{Value, json};

use crate::client::{Client, HttpConnection, head, manage, request};
use crate::fixture::{Behavior, Fixture, allow, friendly, ok, policy};

type Function = fn(&Value) -> Behavior;

/// Removes the members that differ from run to run after checking their format.
fn normalize(context: &mut Value) -> Value {
    let id = context["connectionId"].take();
    assert_eq!(id.as_str().unwrap().len(), 16);
    assert!(id.as_str().unwrap().ends_with('='));
    assert_eq!(context["requestId"].take(), context["extendedRequestId"].take());
    assert!(context["requestTime"].take().as_str().unwrap().ends_with(" +0000"));
    assert!(context["requestTimeEpoch"].take().as_u64() >= context["connectedAt"].take().as_u64());
    id
}

#[tokio::test]
async fn the_events_of_opening_and_closing_are_those_of_aws() {
    let mut fixture = Fixture::start(|function, event| match function {
        "Authorizer" => Behavior::Answer(policy("Allow", &event["methodArn"], &json!({"user": 7, "admin": false, "name": "ä"}))),
        _ => ok(),
    })
    .await;
    let headers = [("user-agent", "tester"), ("x-one", "1"), ("x-amzn-trace-id", "Root=1-abc")];
    let mut client =
        Client::open(fixture.address, "/ws?ticket=t&a=1&a=2", &headers).await.unwrap_or_else(|status| panic!("{status}"));
    let port = fixture.address.port().to_string();
    let host = format!("localhost:{port}");
    let context = json!({
        "routeKey": "$connect", "eventType": "CONNECT", "messageDirection": "IN", "extendedRequestId": null, "requestId": null,
        "requestTime": null, "requestTimeEpoch": null, "stage": "ws", "connectedAt": null,
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "tester"}, "domainName": host, "connectionId": null, "apiId": "Sockets"
    });

    let mut event = fixture.event("Authorizer").await;
    let id = normalize(&mut event["requestContext"]);
    let key = event["headers"]["Sec-WebSocket-Key"].clone();
    let mut names = json!({
        "Connection": "Upgrade", "Host": host, "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", "Upgrade": "websocket",
        "User-Agent": "tester", "X-Amzn-Trace-Id": "Root=1-abc", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Port": port,
        "X-Forwarded-Proto": "http", "X-One": "1", "content-length": "0"
    });
    let lists = |names: &Value| -> Value {
        names.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!([value]))).collect()
    };
    assert_eq!(
        event,
        json!({
            "type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:000000000000:Sockets/ws/$connect",
            "headers": names, "multiValueHeaders": lists(&names),
            "queryStringParameters": {"ticket": "t", "a": "2"}, "multiValueQueryStringParameters": {"ticket": ["t"], "a": ["1", "2"]},
            "stageVariables": {}, "requestContext": context
        })
    );

    let mut event = fixture.event("Connect").await;
    assert_eq!(normalize(&mut event["requestContext"]), id);
    assert!(event["requestContext"]["authorizer"]["integrationLatency"].take().is_u64());
    for name in ["Connection", "Upgrade", "content-length"] {
        names.as_object_mut().unwrap().remove(name);
    }
    let mut authorized = context.clone();
    authorized["authorizer"] =
        json!({"principalId": "7", "user": "7", "admin": "false", "name": "ä", "integrationLatency": null});
    assert_eq!(
        event,
        json!({
            "headers": names, "multiValueHeaders": lists(&names),
            "queryStringParameters": {"ticket": "t", "a": "2"}, "multiValueQueryStringParameters": {"ticket": ["t"], "a": ["1", "2"]},
            "requestContext": authorized, "isBase64Encoded": false
        })
    );

    client.send(r#"{"action":"send","text":"hi"}"#).await;
    let mut event = fixture.event("Send").await;
    assert_eq!(normalize(&mut event["requestContext"]), id);
    assert_eq!(event["requestContext"]["messageId"].take().as_str().unwrap().len(), 16);
    assert!(event["requestContext"]["authorizer"]["integrationLatency"].take().is_u64());
    authorized["routeKey"] = json!("send");
    authorized["eventType"] = json!("MESSAGE");
    authorized["messageId"] = Value::Null;
    assert_eq!(
        event,
        json!({"requestContext": authorized, "body": r#"{"action":"send","text":"hi"}"#, "isBase64Encoded": false})
    );

    client.stream.close(None).await.unwrap();
    let mut event = fixture.event("Disconnect").await;
    assert_eq!(normalize(&mut event["requestContext"]), id);
    assert!(event["requestContext"]["authorizer"]["integrationLatency"].take().is_u64());
    authorized.as_object_mut().unwrap().remove("messageId");
    authorized["routeKey"] = json!("$disconnect");
    authorized["eventType"] = json!("DISCONNECT");
    authorized["disconnectStatusCode"] = json!(1005);
    authorized["disconnectReason"] = json!("Client-side close frame status not set");
    let names = json!({"Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""});
    assert_eq!(
        event,
        json!({"headers": names, "multiValueHeaders": lists(&names), "requestContext": authorized, "isBase64Encoded": false})
    );
}

#[tokio::test]
async fn without_a_query_string_connect_has_no_query_members() {
    let text = crate::fixture::TEMPLATE.replace("        IdentitySource: [route.request.querystring.ticket]\n", "");
    let mut fixture = Fixture::of(&crate::fixture::stack(&text), Limits::default(), friendly).await;
    Client::open(fixture.address, "/ws", &[]).await.unwrap_or_else(|status| panic!("{status}"));
    let event = fixture.event("Authorizer").await;
    assert_eq!((&event["queryStringParameters"], &event["multiValueQueryStringParameters"]), (&json!({}), &json!({})));
    let event = fixture.event("Connect").await;
    assert_eq!((event.get("queryStringParameters"), event.get("multiValueQueryStringParameters")), (None, None));
}

#[tokio::test]
async fn a_missing_identity_source_is_a_401_without_an_invocation() {
    let mut fixture = Fixture::start(friendly).await;
    for path in ["/ws", "/ws?other=1", "/ws?ticket="] {
        assert_eq!(Client::open(fixture.address, path, &[]).await.err(), Some(401), "{path}");
    }
    assert_eq!(fixture.invoked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_authorizers_verdict_is_the_status() {
    let verdicts: [(Function, u16); 7] = [
        (|event| Behavior::Answer(policy("Deny", &event["methodArn"], &json!({}))), 403),
        (|_| Behavior::Answer(policy("Allow", &json!("arn:aws:execute-api:*:*:Other/*"), &json!({}))), 403),
        (|_| Behavior::Fail(json!({"errorType": "x", "errorMessage": "Unauthorized"})), 401),
        (|_| Behavior::Fail(json!({"errorType": "x", "errorMessage": "other"})), 500),
        (|_| Behavior::Answer(json!({"isAuthorized": true})), 500),
        (|_| Behavior::Text("oops"), 500),
        (|event| Behavior::Answer(policy("Allow", &event["methodArn"], &json!({"list": [1]}))), 500),
    ];
    for (verdict, status) in verdicts {
        let mut fixture =
            Fixture::start(move |function, event| if function == "Authorizer" { verdict(event) } else { ok() }).await;
        assert_eq!(Client::open(fixture.address, "/ws?ticket=t", &[]).await.err(), Some(status));
        assert_eq!(fixture.invoked(), ["Authorizer"]);
        assert_eq!(fixture.gateway.connections(), []);
    }
}

#[tokio::test]
async fn the_authorizer_is_asked_at_every_opening_and_for_nothing_else() {
    let mut fixture = Fixture::start(|function, event| {
        if function != "Authorizer" {
            return ok();
        }
        if event["queryStringParameters"]["ticket"] == "long" {
            return Behavior::Answer(policy("Allow", &event["methodArn"], &json!({ "long": "x".repeat(8 << 10) })));
        }
        let statement =
            |effect, route| json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": format!("*/{route}") });
        let statements = [statement("Allow", "$connect"), statement("Deny", "send")];
        Behavior::Answer(json!({ "principalId": "7", "policyDocument": { "Version": "2012-10-17", "Statement": statements } }))
    })
    .await;
    for _ in 0..2 {
        let mut client = Client::join(fixture.address).await;
        client.send(r#"{"action":"send"}"#).await;
        fixture.event("Authorizer").await;
        fixture.event("Connect").await;
        assert_eq!(fixture.event("Send").await["requestContext"]["routeKey"], "send", "denied, and sent all the same");
    }
    assert_eq!(Client::open(fixture.address, "/ws?ticket=long", &[]).await.err(), Some(500));
}

#[tokio::test]
async fn what_connect_answers_is_the_status_of_the_handshake() {
    let answers: [(fn() -> Behavior, u16); 8] = [
        (|| Behavior::Answer(json!({"statusCode": 401})), 401),
        (|| Behavior::Answer(json!({"statusCode": 301})), 301),
        (|| Behavior::Answer(json!({"statusCode": 501})), 501),
        (|| Behavior::Fail(json!({"errorMessage": "x"})), 502),
        (|| Behavior::Answer(json!({"hello": 1})), 502),
        (|| Behavior::Text("oops"), 502),
        (|| Behavior::Throttle, 429),
        (|| Behavior::Answer(json!({"statusCode": "403"})), 403),
    ];
    for (answer, status) in answers {
        let mut fixture =
            Fixture::start(move |function, event| if function == "Authorizer" { allow(event) } else { answer() }).await;
        assert_eq!(Client::open(fixture.address, "/ws?ticket=t", &[]).await.err(), Some(status));
        assert_eq!(fixture.invoked(), ["Authorizer", "Connect"], "no connection was made, so none ends");
    }
}

#[tokio::test]
async fn an_api_without_connect_accepts_everybody() {
    let fixture = Fixture::start(friendly).await;
    assert!(Client::open(fixture.address, "/open", &[]).await.is_ok());
    assert!(Client::open(fixture.address, "/open/", &[]).await.is_ok());
    assert_eq!(fixture.gateway.stats().connected, 2);
}

#[tokio::test]
async fn a_subprotocol_is_what_the_function_chose_among_the_offers() {
    let fixture = Fixture::start(|function, event| match function {
        "Connect" => Behavior::Answer(json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "chat.v2"}})),
        _ => friendly(function, event),
    })
    .await;
    let offered = Client::open(fixture.address, "/ws?ticket=t", &[("sec-websocket-protocol", "chat.v1, chat.v2")]).await;
    assert_eq!(offered.unwrap_or_else(|status| panic!("{status}")).protocol.as_deref(), Some("chat.v2"));
    assert_eq!(Client::join(fixture.address).await.protocol, None);
}

#[tokio::test]
async fn no_extension_is_negotiated() {
    let fixture = Fixture::start(friendly).await;
    let mut wire = HttpConnection::open(fixture.address).await;
    let headers = [
        "connection: keep-alive, Upgrade",
        "upgrade: WebSocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-extensions: permessage-deflate",
    ];
    wire.write(head("GET", "/ws?ticket=t", &headers, 0)).await;
    let answer = wire.answer(false).await;
    assert_eq!((answer.status, answer.header("sec-websocket-accept")), (101, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    assert_eq!((answer.header("sec-websocket-extensions"), answer.header("sec-websocket-protocol")), (None, None));
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_without_an_invocation() {
    let mut fixture = Fixture::start(friendly).await;
    let (connection, upgrade, version) = ("connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13");
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    for (method, headers, status) in [
        ("GET", vec![], 426),
        ("GET", vec![connection, upgrade, key, "sec-websocket-version: 8"], 426),
        ("GET", vec![connection, upgrade, version], 400),
        ("GET", vec![connection, upgrade, version, "sec-websocket-key: short"], 400),
        ("POST", vec![connection, upgrade, version, key], 400),
    ] {
        let answer = request(fixture.address, method, "/ws?ticket=t", &headers, "").await;
        assert_eq!(answer.status, status, "{method} {headers:?}");
    }
    let long = format!("/ws?ticket={}", "a".repeat(4096));
    assert_eq!(Client::open(fixture.address, &long, &[]).await.err(), Some(414));
    assert_eq!(fixture.invoked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_connection_does_not_exist_before_the_handshake_is_answered() {
    let mut fixture = Fixture::start(|function, event| match function {
        "Connect" => Behavior::Later(Duration::from_millis(100), json!({"statusCode": 200})),
        _ => friendly(function, event),
    })
    .await;
    let address = fixture.address;
    let opening = tokio::spawn(async move { Client::join(address).await });
    let event = fixture.event("Connect").await;
    let id = event["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    assert_eq!(manage(address, "POST", &id, "early").await.status, 410);
    let mut client = opening.await.unwrap();
    assert_eq!(manage(address, "POST", &id, "now").await.status, 200);
    assert_eq!(client.text().await, "now");
}

#[tokio::test]
async fn a_client_that_leaves_during_connect_is_disconnected() {
    let mut fixture = Fixture::start(|function, event| match function {
        "Connect" => Behavior::Later(Duration::from_millis(100), json!({"statusCode": 200})),
        _ => friendly(function, event),
    })
    .await;
    let mut wire = HttpConnection::open(fixture.address).await;
    let headers =
        ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="];
    wire.write(head("GET", "/ws?ticket=t", &headers, 0)).await;
    let connected = fixture.event("Connect").await;
    drop(wire);
    let ended = fixture.event("Disconnect").await;
    assert_eq!(ended["requestContext"]["connectionId"], connected["requestContext"]["connectionId"]);
    assert_eq!(ended["requestContext"]["disconnectStatusCode"], 1006);
    assert_eq!(fixture.gateway.connections(), []);
}
