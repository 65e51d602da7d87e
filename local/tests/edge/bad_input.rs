//! Invalid input from clients and functions: the gateway responds or closes the connection, and keeps serving others.

use std::time::Duration;

use local::gateway::Limits;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{Client, HttpConnection, head, manage, request};
use crate::fixture::{Behavior, Fixture, allow, friendly, ok};

#[tokio::test]
async fn an_event_over_6_mb_is_refused_and_never_gets_to_a_function() {
    let mut fixture = Fixture::start(friendly).await;
    // Five megabytes are below the body limit of ten, but above six as base64.
    let picture = vec![0xff_u8; 5_000_000];
    let answer = request(fixture.address, "POST", "/api/rooms", &["content-type: image/png"], &picture).await;
    assert_eq!((answer.status, answer.json()["message"].as_str()), (413, Some("Request Entity Too Large")));
    assert!(fixture.invoked().is_empty());
    let fits = request(fixture.address, "POST", "/api/rooms", &["content-type: image/png"], &picture[..4_000_000]).await;
    assert_eq!(fits.status, 200);
}

#[tokio::test]
async fn a_result_that_is_no_response_never_breaks_a_socket() {
    let fixture = Fixture::start(|function, event| match (function, event["body"].as_str()) {
        ("Authorizer", _) => allow(event),
        ("Connect", _) => ok(),
        (_, Some(r#"{"action":"echo"}"#)) => Behavior::Answer(json!({ "statusCode": 200, "body": "still here" })),
        (_, Some(body)) if body.contains("number") => Behavior::Text("7"),
        (_, Some(body)) if body.contains("half") => Behavior::Text(r#"{"statusCode":200,"body":"#),
        (_, Some(body)) if body.contains("list") => Behavior::Text("[1]"),
        (_, Some(body)) if body.contains("object") => Behavior::Text(r#"{"statusCode":"ok","body":{"a":1}}"#),
        _ => Behavior::Text("oops"),
    })
    .await;
    let mut client = Client::join(fixture.address).await;
    for kind in ["number", "half", "list", "object", "text"] {
        client.send(&json!({ "action": "echo", "kind": kind }).to_string()).await;
    }
    client.send(r#"{"action":"echo"}"#).await;
    assert_eq!(client.text().await, "still here");
    assert!(client.is_silent().await, "what is no response is no frame");
}

#[tokio::test]
async fn messages_that_are_no_message_go_to_the_default_route() {
    let mut fixture = Fixture::start(friendly).await;
    let mut client = Client::join(fixture.address).await;
    let deep = "[".repeat(20_000);
    let nested = format!("{}1{}", r#"{"action":"#.repeat(500), "}".repeat(500));
    for message in ["", " ", "null", "7", "\"send\"", "[\"send\"]", "{", "\u{0}", r#"{"action":["send"]}"#, &deep, &nested] {
        client.send(message).await;
        let event = fixture.event("Send").await;
        assert_eq!((event["requestContext"]["routeKey"].as_str(), event["body"].as_str()), (Some("$default"), Some(message)));
    }
}

#[tokio::test]
async fn silent_and_slow_clients_do_not_delay_others() {
    let fixture = Fixture::start(friendly).await;
    let mut silent = Vec::new();
    for said in
        ["", "GET /api/rooms HT", "POST /api/rooms HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf", "\r\n\r\n"]
    {
        for _ in 0..50 {
            let mut stream = TcpStream::connect(fixture.address).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            silent.push(stream);
        }
    }
    assert_eq!(request(fixture.address, "GET", "/api/rooms", &[], "").await.status, 200);
    let mut client = Client::join(fixture.address).await;
    let id = fixture.gateway.connections()[0].id.clone();
    assert_eq!(manage(fixture.address, "POST", &id, "x").await.status, 200);
    assert_eq!(client.text().await, "x");
    tokio::time::timeout(Duration::from_secs(5), fixture.stop()).await.expect("they do not keep it from stopping either");
    drop(silent);
}

#[tokio::test]
async fn requests_that_never_end_are_given_up() {
    let fixture = Fixture::with(Limits { arrival: Duration::from_millis(200), ..Limits::default() }, friendly).await;
    let mut body = HttpConnection::open(fixture.address).await;
    body.write(head("POST", "/api/rooms", &[], 100) + "half").await;
    assert_eq!(body.answer(true).await.status, 408);
    for said in ["", "GET /api/rooms HTTP/1.1\r\nhost: loc"] {
        let mut wire = HttpConnection::open(fixture.address).await;
        wire.write(said).await;
        assert!(wire.is_ended().await, "{said:?}");
    }
    let mut client = Client::join(fixture.address).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    client.send("a socket is no request, and stays").await;
    let id = fixture.gateway.connections()[0].id.clone();
    assert_eq!(manage(fixture.address, "POST", &id, "x").await.status, 200);
    assert_eq!(client.text().await, "x");
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_costs_others_nothing() {
    let fixture = Fixture::start(|_, _| Behavior::Answer(json!({ "statusCode": 200, "body": "x".repeat(1 << 20) }))).await;
    let mut deaf = HttpConnection::open(fixture.address).await;
    let many = head("GET", "/api/rooms", &[], 0).repeat(50);
    deaf.write(many).await;
    for _ in 0..3 {
        assert_eq!(request(fixture.address, "GET", "/api/rooms", &[], "").await.body.len(), 1 << 20);
    }
    drop(deaf);
}
