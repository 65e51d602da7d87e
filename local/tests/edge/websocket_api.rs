//! Opening a socket: the authorizer's event and verdict, `$connect`, and what a refused handshake answers.

use std::time::Duration;

use local::gateway::Limits;
use serde_json::{Value, json};

use crate::play::{Act, Play, allow, friendly, ok, policy};
use crate::wire::{Client, Wire, head, manage, request};

type Function = fn(&Value) -> Act;

/// Takes the members that differ from run to run, after a look at their shape.
fn settle(context: &mut Value) -> Value {
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
    let mut play = Play::start(|function, event| match function {
        "Authorizer" => Act::Answer(policy("Allow", &event["methodArn"], &json!({"user": 7, "admin": false, "name": "ä"}))),
        _ => ok(),
    })
    .await;
    let headers = [("user-agent", "tester"), ("x-one", "1"), ("x-amzn-trace-id", "Root=1-abc")];
    let mut client =
        Client::open(play.address, "/ws?ticket=t&a=1&a=2", &headers).await.unwrap_or_else(|status| panic!("{status}"));
    let port = play.address.port().to_string();
    let host = format!("localhost:{port}");
    let context = json!({
        "routeKey": "$connect", "eventType": "CONNECT", "messageDirection": "IN", "extendedRequestId": null, "requestId": null,
        "requestTime": null, "requestTimeEpoch": null, "stage": "ws", "connectedAt": null,
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "tester"}, "domainName": host, "connectionId": null, "apiId": "Sockets"
    });

    let mut event = play.event("Authorizer").await;
    let id = settle(&mut event["requestContext"]);
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

    let mut event = play.event("Connect").await;
    assert_eq!(settle(&mut event["requestContext"]), id);
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
    let mut event = play.event("Send").await;
    assert_eq!(settle(&mut event["requestContext"]), id);
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
    let mut event = play.event("Disconnect").await;
    assert_eq!(settle(&mut event["requestContext"]), id);
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
    let text = crate::play::TEMPLATE.replace("        IdentitySource: [route.request.querystring.ticket]\n", "");
    let mut play = Play::of(&crate::play::stack(&text), Limits::default(), friendly).await;
    Client::open(play.address, "/ws", &[]).await.unwrap_or_else(|status| panic!("{status}"));
    let event = play.event("Authorizer").await;
    assert_eq!((&event["queryStringParameters"], &event["multiValueQueryStringParameters"]), (&json!({}), &json!({})));
    let event = play.event("Connect").await;
    assert_eq!((event.get("queryStringParameters"), event.get("multiValueQueryStringParameters")), (None, None));
}

#[tokio::test]
async fn a_missing_identity_source_is_a_401_without_an_invocation() {
    let mut play = Play::start(friendly).await;
    for path in ["/ws", "/ws?other=1", "/ws?ticket="] {
        assert_eq!(Client::open(play.address, path, &[]).await.err(), Some(401), "{path}");
    }
    assert_eq!(play.invoked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_authorizers_verdict_is_the_status() {
    let verdicts: [(Function, u16); 7] = [
        (|event| Act::Answer(policy("Deny", &event["methodArn"], &json!({}))), 403),
        (|_| Act::Answer(policy("Allow", &json!("arn:aws:execute-api:*:*:Other/*"), &json!({}))), 403),
        (|_| Act::Fail(json!({"errorType": "x", "errorMessage": "Unauthorized"})), 401),
        (|_| Act::Fail(json!({"errorType": "x", "errorMessage": "other"})), 500),
        (|_| Act::Answer(json!({"isAuthorized": true})), 500),
        (|_| Act::Text("oops"), 500),
        (|event| Act::Answer(policy("Allow", &event["methodArn"], &json!({"list": [1]}))), 500),
    ];
    for (verdict, status) in verdicts {
        let mut play = Play::start(move |function, event| if function == "Authorizer" { verdict(event) } else { ok() }).await;
        assert_eq!(Client::open(play.address, "/ws?ticket=t", &[]).await.err(), Some(status));
        assert_eq!(play.invoked(), ["Authorizer"]);
        assert_eq!(play.gateway.connections(), []);
    }
}

#[tokio::test]
async fn the_authorizer_is_asked_at_every_opening_and_for_nothing_else() {
    let mut play = Play::start(|function, event| {
        if function != "Authorizer" {
            return ok();
        }
        if event["queryStringParameters"]["ticket"] == "long" {
            return Act::Answer(policy("Allow", &event["methodArn"], &json!({ "long": "x".repeat(8 << 10) })));
        }
        let statement =
            |effect, route| json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": format!("*/{route}") });
        let statements = [statement("Allow", "$connect"), statement("Deny", "send")];
        Act::Answer(json!({ "principalId": "7", "policyDocument": { "Version": "2012-10-17", "Statement": statements } }))
    })
    .await;
    for _ in 0..2 {
        let mut client = Client::join(play.address).await;
        client.send(r#"{"action":"send"}"#).await;
        play.event("Authorizer").await;
        play.event("Connect").await;
        assert_eq!(play.event("Send").await["requestContext"]["routeKey"], "send", "denied, and sent all the same");
    }
    assert_eq!(Client::open(play.address, "/ws?ticket=long", &[]).await.err(), Some(500));
}

#[tokio::test]
async fn what_connect_answers_is_the_status_of_the_handshake() {
    let answers: [(fn() -> Act, u16); 8] = [
        (|| Act::Answer(json!({"statusCode": 401})), 401),
        (|| Act::Answer(json!({"statusCode": 301})), 301),
        (|| Act::Answer(json!({"statusCode": 501})), 501),
        (|| Act::Fail(json!({"errorMessage": "x"})), 502),
        (|| Act::Answer(json!({"hello": 1})), 502),
        (|| Act::Text("oops"), 502),
        (|| Act::Throttle, 429),
        (|| Act::Answer(json!({"statusCode": "403"})), 403),
    ];
    for (answer, status) in answers {
        let mut play = Play::start(move |function, event| if function == "Authorizer" { allow(event) } else { answer() }).await;
        assert_eq!(Client::open(play.address, "/ws?ticket=t", &[]).await.err(), Some(status));
        assert_eq!(play.invoked(), ["Authorizer", "Connect"], "no connection was made, so none ends");
    }
}

#[tokio::test]
async fn an_api_without_connect_accepts_everybody() {
    let play = Play::start(friendly).await;
    assert!(Client::open(play.address, "/open", &[]).await.is_ok());
    assert!(Client::open(play.address, "/open/", &[]).await.is_ok());
    assert_eq!(play.gateway.stats().connected, 2);
}

#[tokio::test]
async fn a_subprotocol_is_what_the_function_chose_among_the_offers() {
    let play = Play::start(|function, event| match function {
        "Connect" => Act::Answer(json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "chat.v2"}})),
        _ => friendly(function, event),
    })
    .await;
    let offered = Client::open(play.address, "/ws?ticket=t", &[("sec-websocket-protocol", "chat.v1, chat.v2")]).await;
    assert_eq!(offered.unwrap_or_else(|status| panic!("{status}")).protocol.as_deref(), Some("chat.v2"));
    assert_eq!(Client::join(play.address).await.protocol, None);
}

#[tokio::test]
async fn no_extension_is_negotiated() {
    let play = Play::start(friendly).await;
    let mut wire = Wire::open(play.address).await;
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
    let mut play = Play::start(friendly).await;
    let (connection, upgrade, version) = ("connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13");
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    for (method, headers, status) in [
        ("GET", vec![], 426),
        ("GET", vec![connection, upgrade, key, "sec-websocket-version: 8"], 426),
        ("GET", vec![connection, upgrade, version], 400),
        ("GET", vec![connection, upgrade, version, "sec-websocket-key: short"], 400),
        ("POST", vec![connection, upgrade, version, key], 400),
    ] {
        let answer = request(play.address, method, "/ws?ticket=t", &headers, "").await;
        assert_eq!(answer.status, status, "{method} {headers:?}");
    }
    let long = format!("/ws?ticket={}", "a".repeat(4096));
    assert_eq!(Client::open(play.address, &long, &[]).await.err(), Some(414));
    assert_eq!(play.invoked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_connection_does_not_exist_before_the_handshake_is_answered() {
    let mut play = Play::start(|function, event| match function {
        "Connect" => Act::Later(Duration::from_millis(100), json!({"statusCode": 200})),
        _ => friendly(function, event),
    })
    .await;
    let address = play.address;
    let opening = tokio::spawn(async move { Client::join(address).await });
    let event = play.event("Connect").await;
    let id = event["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    assert_eq!(manage(address, "POST", &id, "early").await.status, 410);
    let mut client = opening.await.unwrap();
    assert_eq!(manage(address, "POST", &id, "now").await.status, 200);
    assert_eq!(client.text().await, "now");
}

#[tokio::test]
async fn a_client_that_leaves_during_connect_is_disconnected() {
    let mut play = Play::start(|function, event| match function {
        "Connect" => Act::Later(Duration::from_millis(100), json!({"statusCode": 200})),
        _ => friendly(function, event),
    })
    .await;
    let mut wire = Wire::open(play.address).await;
    let headers =
        ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="];
    wire.write(head("GET", "/ws?ticket=t", &headers, 0)).await;
    let connected = play.event("Connect").await;
    drop(wire);
    let ended = play.event("Disconnect").await;
    assert_eq!(ended["requestContext"]["connectionId"], connected["requestContext"]["connectionId"]);
    assert_eq!(ended["requestContext"]["disconnectStatusCode"], 1006);
    assert_eq!(play.gateway.connections(), []);
}
