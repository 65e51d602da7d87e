//! Authentication: every way to present a credential, and everything that must be refused.

use std::time::Duration;

use serde_json::json;

use crate::api::Header;
use crate::cloud::{Variable, own_world, world};
use crate::socket::Socket;

#[tokio::test]
async fn a_socket_opens_with_a_token_in_every_place_that_clients_can_put_it() {
    let world = world();
    let ann = world.api.person("ann").await;
    let token = ann.token.as_str();
    let bearer = format!("Bearer {token}");
    let protocol = format!("bearer.{token}");
    let both = format!("conchat.v1, bearer.{token}");
    let query = format!("{}?token={token}", world.ws);
    for (url, headers, chosen) in [
        (&world.ws, vec![Header("authorization", token)], None),
        (&world.ws, vec![Header("authorization", &bearer)], None),
        (&query, vec![], None),
        (&world.ws, vec![Header("sec-websocket-protocol", &both)], Some("conchat.v1")),
        (&world.ws, vec![Header("sec-websocket-protocol", &protocol)], Some(protocol.as_str())),
    ] {
        let mut socket = Socket::open(url, &headers).await.expect("opens");
        assert_eq!(socket.protocol.as_deref(), chosen);
        assert_eq!(socket.ask(json!({ "action": "hello" })).await["user"]["id"], ann.id);
    }
}

#[tokio::test]
async fn a_stray_byte_in_a_header_harms_nobody() {
    let world = world();
    let ann = world.api.person("ann").await;
    let headers = [Header("authorization", &ann.token), Header("x-odd", "Jürgen \u{80}")];
    assert_eq!(
        Socket::open(&world.ws, &headers).await.expect("opens").ask(json!({ "action": "hello" })).await["type"],
        "welcome"
    );
}

#[tokio::test]
async fn a_ticket_opens_one_socket_once() {
    let world = world();
    let ann = world.api.person("ann").await;
    let ticket = world.api.post("/api/auth/ticket", &ann, json!({})).await.is(200);
    assert_eq!(ticket["expires_in"], 60);
    let url = ticket["url"].as_str().expect("a URL");
    assert_eq!(url, format!("{}?ticket={}", world.ws, ticket["ticket"].as_str().expect("a ticket")));
    let mut socket = Socket::open(url, &[]).await.expect("opens");
    assert_eq!(socket.ask(json!({ "action": "hello" })).await["user"]["id"], ann.id);
    assert_eq!(Socket::open(url, &[]).await.err(), Some(401), "a ticket works once");
}

#[tokio::test]
async fn a_ticket_taken_by_sixteen_at_once_opens_one_socket() {
    let world = world();
    let ann = world.api.person("ann").await;
    let ticket = world.api.post("/api/auth/ticket", &ann, json!({})).await.is(200);
    let url = ticket["url"].as_str().expect("a URL").to_owned();
    let tries: Vec<_> = (0..16)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Socket::open(&url, &[]).await.map(drop) })
        })
        .collect();
    let mut opened = 0;
    for attempt in tries {
        match attempt.await.expect("ran") {
            Ok(()) => opened += 1,
            Err(status) => assert_eq!(status, 401),
        }
    }
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn invalid_credentials_open_nothing() {
    let world = world();
    let ann = world.api.person("ann").await;
    let (head, rest) = ann.token.split_once('.').expect("a JWT");
    let forged = format!("{head}.{}", rest.chars().rev().collect::<String>());
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", rest.split_once('.').expect("a JWT").0);
    for token in ["", "x", "a.b.c", forged.as_str(), unsigned.as_str(), ann.refresh.as_str()] {
        assert_eq!(Socket::with_token(&world.ws, token).await.err(), Some(401), "{token}");
        let headers = [Header("authorization", token)];
        let answer = world.api.raw(hyper::Method::GET, "/api/rooms", &headers, "").await;
        answer.refused(401, "unauthenticated");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(Socket::open(&world.ws, &[]).await.err(), Some(401));
    world.api.get_public("/api/rooms").await.refused(401, "unauthenticated");
    assert_eq!(Socket::open(&format!("{}?ticket=made-up", world.ws), &[]).await.err(), Some(401));
}

#[tokio::test]
async fn logging_out_ends_requests_at_once_and_sockets_within_a_second() {
    let world = world();
    let ann = world.api.person("ann").await;
    let mut socket = Socket::of(&world.ws, &ann).await;
    let status = world.api.post("/api/auth/logout", &ann, json!({})).await.status;
    assert!(status.is_success(), "{status}");
    world.api.get("/api/rooms", &ann).await.refused(401, "session_ended");
    let bye = socket.next_within(Duration::from_secs(1)).await.expect("a bye within a second");
    assert_eq!((&bye["type"], &bye["code"], &bye["resume"]), (&json!("bye"), &json!("session_ended"), &json!(false)));
    assert_eq!(socket.next_within(Duration::from_secs(1)).await, None, "and the end");
    assert_eq!(Socket::with_token(&world.ws, &ann.token).await.err(), Some(401));
}

#[tokio::test]
async fn the_twenty_first_socket_closes_the_oldest() {
    let world = world();
    let ann = world.api.person("ann").await;
    let mut sockets = Vec::new();
    for _ in 0..21 {
        sockets.push(Socket::of(&world.ws, &ann).await);
    }
    assert_eq!(sockets[0].wait("bye").await["code"], "too_many_connections");
    assert!(sockets[0].next().await.is_none(), "the oldest is closed");
    assert_eq!(sockets[1].ask(json!({ "action": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_opens_no_socket() {
    let world = own_world(&[Variable("ALLOWED_ORIGINS", "https://app.example.com")]);
    let ann = world.api.person("ann").await;
    let open = async |origin: &str| {
        Socket::open(&world.ws, &[Header("authorization", &ann.token), Header("origin", origin)]).await.map(drop)
    };
    assert_eq!(open("https://app.example.com").await, Ok(()));
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://app.example.com:444",
    ] {
        assert_eq!(open(origin).await, Err(403), "{origin}");
    }
    assert!(Socket::with_token(&world.ws, &ann.token).await.is_ok(), "apps send no origin");
}
