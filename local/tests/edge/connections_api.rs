//! `@connections`: posts, look-ups and closes, their errors and access checks, and that a slow client costs no memory.

use std::time::Duration;

use local::gateway::Limits;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Answer, Client, HttpConnection, SIGNATURE, head, manage, request};
use crate::fixture::{Fixture, friendly};

pub(crate) async fn joined(fixture: &mut Fixture) -> (Client, String) {
    let client = Client::join(fixture.address).await;
    let event = fixture.event("Connect").await;
    (client, event["requestContext"]["connectionId"].as_str().unwrap().to_owned())
}

fn error(answer: &Answer) -> (u16, &str) {
    assert!(answer.json()["message"].is_string());
    (answer.status, answer.header("x-amzn-errortype").unwrap_or_default())
}

#[tokio::test]
async fn a_post_is_a_text_frame_and_answers_200_without_a_body() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    let answer = manage(fixture.address, "POST", &id, "{\"a\":\"ä\"}").await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(client.text().await, "{\"a\":\"ä\"}");
    let encoded = id.replace('=', "%3d");
    for path in [format!("/ws/@connections/{id}"), format!("/ws/%40connections/{encoded}")] {
        assert_eq!(request(fixture.address, "POST", &path, &[SIGNATURE], "x").await.status, 200, "{path}");
        assert_eq!(client.text().await, "x");
    }
    assert_eq!((fixture.gateway.stats().posts, fixture.gateway.stats().frames_sent), (3, 3));
}

#[tokio::test]
async fn posts_on_one_connection_arrive_in_order() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    let mut wire = HttpConnection::open(fixture.address).await;
    let path = format!("/ws/@connections/{id}");
    let posts: String = (10..60).map(|number| head("POST", &path, &[SIGNATURE], 2) + &number.to_string()).collect();
    wire.write(posts).await;
    for number in 10..60 {
        assert_eq!(wire.answer(true).await.status, 200);
        assert_eq!(client.text().await, number.to_string());
    }
}

#[tokio::test]
async fn who_is_gone_is_gone() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    client.stream.close(None).await.unwrap();
    fixture.event("Disconnect").await;
    for id in [id.as_str(), "AAAAAAAAAAAAAAA=", "nonsense", "a/b", "%00"] {
        for method in ["POST", "GET", "DELETE"] {
            let answer = manage(fixture.address, method, id, if method == "POST" { "x" } else { "" }).await;
            assert_eq!(error(&answer), (410, "GoneException"), "{method} {id}");
        }
    }
    assert_eq!(fixture.gateway.stats().posts_gone, 5);
}

#[tokio::test]
async fn a_post_may_have_128_kb_and_must_be_text() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    assert_eq!(manage(fixture.address, "POST", &id, vec![b'a'; 128 << 10]).await.status, 200);
    assert_eq!(client.text().await.len(), 128 << 10);
    let answer = manage(fixture.address, "POST", &id, vec![b'a'; (128 << 10) + 1]).await;
    assert_eq!(error(&answer), (413, "PayloadTooLargeException"));
    let answer = manage(fixture.address, "POST", &id, [0xff]).await;
    assert_eq!(error(&answer), (400, "BadRequestException"));
}

#[tokio::test]
async fn get_describes_a_connection() {
    let mut fixture = Fixture::start(friendly).await;
    let client = Client::open(fixture.address, "/ws?ticket=t", &["user-agent: tester"]).await;
    let mut client = client.unwrap_or_else(|status| panic!("{status}"));
    let id = fixture.event("Connect").await["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    let told = manage(fixture.address, "GET", &id, "").await.json();
    assert_eq!(told["identity"], serde_json::json!({"sourceIp": "127.0.0.1", "userAgent": "tester"}));
    let active = |value: &Value| value["lastActiveAt"].as_str().unwrap().to_owned();
    assert!(told["connectedAt"].as_str().unwrap().starts_with("20"));
    assert!(active(&told).ends_with('Z'));
    tokio::time::sleep(Duration::from_millis(5)).await;
    client.send("hello").await;
    fixture.event("Send").await;
    assert!(active(&manage(fixture.address, "GET", &id, "").await.json()) > active(&told));
}

#[tokio::test]
async fn delete_closes_after_what_was_posted_before() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    for text in ["one", "two", "bye"] {
        manage(fixture.address, "POST", &id, text).await;
    }
    let answer = manage(fixture.address, "DELETE", &id, "").await;
    assert_eq!((answer.status, answer.text()), (204, ""));
    assert_eq!(manage(fixture.address, "POST", &id, "late").await.status, 410);
    assert_eq!(manage(fixture.address, "DELETE", &id, "").await.status, 410);
    for text in ["one", "two", "bye"] {
        assert_eq!(client.text().await, text);
    }
    assert!(matches!(client.next().await, Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
    let event = fixture.event("Disconnect").await;
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1000);
}

#[tokio::test]
async fn a_client_that_does_not_read_gets_429_and_the_gateway_keeps_its_memory() {
    let limits = Limits { queued_bytes: 256 << 10, queued_frames: 16, grace: Duration::from_millis(200), ..Limits::default() };
    let mut fixture = Fixture::with(limits, friendly).await;
    let (client, slow) = joined(&mut fixture).await;
    let (mut other, quick) = joined(&mut fixture).await;
    let body = vec![b'a'; 100 << 10];
    let mut accepted = 0;
    let refusal = loop {
        let answer = manage(fixture.address, "POST", &slow, &body).await;
        if answer.status != 200 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 400, "the gateway takes without end");
    };
    assert_eq!(error(&refusal), (429, "LimitExceededException"));
    assert_eq!(fixture.gateway.stats().posts_throttled, 1);
    assert_eq!(manage(fixture.address, "POST", &quick, "x").await.status, 200);
    assert_eq!(other.text().await, "x");
    assert_eq!(manage(fixture.address, "DELETE", &slow, "").await.status, 204);
    let event = fixture.event("Disconnect").await;
    assert_eq!(event["requestContext"]["connectionId"], slow.as_str());
    drop(client);
}

#[tokio::test]
async fn a_slow_client_gets_everything_that_was_accepted() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    let mut accepted = 0;
    for number in 0..200 {
        let body = format!("{number:03}{}", "a".repeat(20 << 10));
        accepted += u32::from(manage(fixture.address, "POST", &id, body).await.status == 200);
    }
    for number in 0..accepted {
        assert!(client.text().await.starts_with(&format!("{number:03}")), "frame {number}");
    }
}

#[tokio::test]
async fn only_signed_calls_of_this_machine_are_served() {
    let mut fixture = Fixture::start(friendly).await;
    let (_client, id) = joined(&mut fixture).await;
    let path = format!("/ws/@connections/{id}");
    for headers in [
        vec![],
        vec!["authorization: Bearer x"],
        vec!["authorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/s3/aws4_request"],
        vec![SIGNATURE, "host: evil.example.com"],
        vec![SIGNATURE, "host: localhost.evil.example.com:8081"],
    ] {
        let answer = request(fixture.address, "POST", &path, &headers, "x").await;
        assert_eq!(error(&answer), (403, "ForbiddenException"), "{headers:?}");
    }
    for host in ["host: LOCALHOST:1", "host: 127.0.0.1", "host: [::1]:8081"] {
        assert_eq!(request(fixture.address, "POST", &path, &[SIGNATURE, host], "x").await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn another_stage_or_method_is_forbidden() {
    let mut fixture = Fixture::start(friendly).await;
    let (_client, id) = joined(&mut fixture).await;
    for (method, path) in [
        ("POST", format!("/other/@connections/{id}")),
        ("POST", "/ws/@connections/".to_owned()),
        ("POST", "/ws/@connections".to_owned()),
        ("PUT", format!("/ws/@connections/{id}")),
    ] {
        let answer = request(fixture.address, method, &path, &[SIGNATURE], "x").await;
        assert_eq!(error(&answer), (403, "ForbiddenException"), "{method} {path}");
    }
    let answer = request(fixture.address, "POST", &format!("/open/@connections/{id}"), &[SIGNATURE], "x").await;
    assert_eq!(error(&answer), (410, "GoneException"), "an id belongs to its API");
}
