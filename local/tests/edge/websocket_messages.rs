//! Messages: route selection, concurrency, and responses on the socket.

use std::time::Duration;

use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::Client;
use crate::fixture::{Behavior, Fixture, friendly};

/// The ids in a gateway frame, whose spacing must be exact.
fn notice(frame: &str, message: &str) -> String {
    let value: Value = serde_json::from_str(frame).unwrap();
    let (connection, request) = (value["connectionId"].as_str().unwrap(), value["requestId"].as_str().unwrap());
    assert_eq!(frame, format!(r#"{{"message": "{message}", "connectionId":"{connection}", "requestId":"{request}"}}"#));
    assert_eq!((connection.len(), request.len()), (16, 16));
    connection.to_owned()
}

#[tokio::test]
async fn a_message_goes_to_the_route_that_it_names() {
    let mut fixture = Fixture::start(friendly).await;
    let mut client = Client::join(fixture.address).await;
    for (message, route) in [
        (r#"{"action":"send"}"#, "send"),
        (r#"{"action":"unknown"}"#, "$default"),
        (r#"{"other":1}"#, "$default"),
        (r#"{"action":"$connect"}"#, "$default"),
        (r#"{"action":"$disconnect"}"#, "$default"),
        ("hello", "$default"),
        ("\"send\"", "$default"),
        ("5", "$default"),
        ("", "$default"),
    ] {
        client.send(message).await;
        let event = fixture.event("Send").await;
        let context = &event["requestContext"];
        assert_eq!(
            (&context["routeKey"], &context["eventType"], &event["body"]),
            (&json!(route), &json!("MESSAGE"), &json!(message))
        );
        assert_eq!((event.get("headers"), event.get("queryStringParameters")), (None, None));
    }
}

#[tokio::test]
async fn what_no_route_takes_is_forbidden_and_the_socket_stays() {
    let mut fixture = Fixture::start(friendly).await;
    let mut client = Client::open(fixture.address, "/open", &[]).await.unwrap_or_else(|status| panic!("{status}"));
    for message in [r#"{"action":"other"}"#, "hello", r#"{"action":"$default"}"#] {
        client.send(message).await;
        let id = notice(&client.text().await, "Forbidden");
        assert_eq!(id, fixture.gateway.connections()[0].id);
    }
    assert_eq!(fixture.invoked(), Vec::<String>::new());
    client.send(r#"{"action":"send"}"#).await;
    fixture.event("Send").await;
}

#[tokio::test]
async fn a_fragmented_message_is_one_event() {
    let mut fixture = Fixture::start(friendly).await;
    let mut client = Client::join(fixture.address).await;
    let piece = |text: String, kind, last| Message::Frame(Frame::message(text, OpCode::Data(kind), last));
    let long = "a".repeat(32 << 10);
    client.stream.send(piece(long.clone(), Data::Text, false)).await.unwrap();
    client.stream.send(Message::Ping(vec![1].into())).await.unwrap();
    client.stream.send(piece(long.clone(), Data::Continue, false)).await.unwrap();
    client.stream.send(piece(long.clone(), Data::Continue, true)).await.unwrap();
    let event = fixture.event("Send").await;
    assert_eq!(event["body"].as_str().map(str::len), Some(96 << 10));
    assert!(matches!(client.next().await, Message::Pong(payload) if payload[..] == [1]));
}

#[tokio::test]
async fn messages_of_one_socket_run_at_the_same_time() {
    let mut fixture = Fixture::start(|function, event| match (function, event["body"].as_str()) {
        ("Send", Some(r#"{"action":"echo","n":1}"#)) => {
            Behavior::Later(Duration::from_millis(150), json!({"statusCode": 200, "body": "slow"}))
        }
        ("Send", _) => Behavior::Answer(json!({"statusCode": 200, "body": "quick"})),
        _ => friendly(function, event),
    })
    .await;
    let mut client = Client::join(fixture.address).await;
    client.send(r#"{"action":"echo","n":1}"#).await;
    client.send(r#"{"action":"echo","n":2}"#).await;
    assert_eq!([client.text().await, client.text().await], ["quick", "slow"]);
    assert_eq!(fixture.invoked(), ["Authorizer", "Connect", "Send", "Send"]);
}

#[tokio::test]
async fn a_body_goes_back_only_where_a_route_response_is() {
    let fixture = Fixture::start(|function, event| match (function, event["body"].as_str().unwrap_or_default()) {
        ("Send", r#"{"action":"echo"}"#) => Behavior::Answer(json!({"statusCode": 200, "body": "back"})),
        ("Send", r#"{"action":"echo","n":1}"#) => Behavior::Answer(json!({"statusCode": 500, "body": "not back"})),
        ("Send", _) => Behavior::Answer(json!({"statusCode": 200, "body": "not back"})),
        _ => friendly(function, event),
    })
    .await;
    let mut client = Client::join(fixture.address).await;
    for message in [r#"{"action":"send"}"#, r#"{"action":"quiet"}"#, r#"{"action":"echo","n":1}"#, "hello"] {
        client.send(message).await;
    }
    assert!(client.is_silent().await);
    client.send(r#"{"action":"echo"}"#).await;
    assert_eq!(client.text().await, "back");
}

#[tokio::test]
async fn a_status_that_is_no_success_is_silent() {
    let fixture = Fixture::start(|function, event| match function {
        "Send" => Behavior::Answer(json!({"statusCode": 401})),
        _ => friendly(function, event),
    })
    .await;
    let mut client = Client::join(fixture.address).await;
    client.send(r#"{"action":"send"}"#).await;
    assert!(client.is_silent().await);
}

#[tokio::test]
async fn failures_timeouts_and_throttling_send_the_error_frame() {
    let fixture = Fixture::start(|function, event| match (function, event["body"].as_str().unwrap_or_default()) {
        ("Send", "fail") => Behavior::Fail(json!({"errorMessage": "x"})),
        ("Send", "throttle") => Behavior::Throttle,
        ("Send", _) => Behavior::Later(Duration::from_secs(2), json!({"statusCode": 200})),
        _ => friendly(function, event),
    })
    .await;
    let mut client = Client::join(fixture.address).await;
    for message in ["fail", "throttle", r#"{"action":"send"}"#] {
        client.send(message).await;
        notice(&client.text().await, "Internal server error");
    }
    assert_eq!(fixture.gateway.stats().messages, 3);
}
