//! Renewing the access token on an open socket: which tokens are accepted, and that a refused one ends nothing.

use std::time::Duration;

use serde_json::{Value, json};
use shared::config::Secret;
use shared::domain::auth::tokens::{Claims, TokenKeys};
use shared::store::Db;
use shared::time::Timestamp;

use crate::api::{PASSWORD, Person};
use crate::cloud::{own_world, world};
use crate::socket::Socket;

const SECRET: &str = "k1:a-secret-of-more-than-thirty-two-bytes";

async fn renew(socket: &mut Socket, token: impl Into<Value>) -> Value {
    socket.ask(json!({ "action": "renew", "token": token.into() })).await
}

/// Refused with this code; the socket stays as it was.
async fn refused(socket: &mut Socket, token: impl Into<Value>, code: &str) {
    let token = token.into();
    let answer = renew(socket, token.clone()).await;
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{token}");
    if let Some(token) = token.as_str().filter(|token| token.len() > 3) {
        assert!(!answer.to_string().contains(token), "a token is not told back");
    }
    assert_eq!(socket.ask(json!({ "action": "ping" })).await["type"], "pong", "{token}: the socket goes on");
}

#[tokio::test]
async fn a_fresh_token_is_taken_bare_and_after_bearer() {
    let world = world();
    let ann = world.api.person("ann").await;
    let mut socket = Socket::lean(&world.ws, &ann).await;
    let fresh = world.api.post_public("/api/auth/refresh", json!({ "refresh_token": ann.refresh })).await.is(200);
    let fresh = fresh["access_token"].as_str().expect("a token");
    for token in [fresh.to_owned(), format!("Bearer {fresh}"), format!("bearer {fresh}"), ann.token.clone()] {
        let mut ack = renew(&mut socket, token).await;
        ack["id"] = json!(1);
        assert_eq!(ack, json!({ "type": "ack", "id": 1 }));
    }
    let sent = socket.ask(json!({ "action": "send", "content": "Still here" })).await;
    assert_eq!(sent["type"], "ack");
}

#[tokio::test]
async fn foreign_and_invalid_tokens_are_refused_and_end_nothing() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let mut socket = Socket::lean(&world.ws, &ann).await;
    let (signed, signature) = ann.token.rsplit_once('.').expect("a JWT");
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    let long = "x".repeat(20_000);
    for token in ["", "x", "Bearer", "Basic dTpw", &forged, &long, &ann.refresh, &bob.token, &format!("Bearer {}", bob.token)] {
        refused(&mut socket, token, "unauthenticated").await;
    }
    refused(&mut socket, Value::Null, "invalid_input").await;
    refused(&mut socket, 7, "invalid_input").await;
    let answer = socket.ask(json!({ "action": "renew" })).await;
    assert_eq!((&answer["code"], &answer["detail"]), (&json!("invalid_input"), &json!("token: must be an access token")));
    assert_eq!(renew(&mut socket, ann.token.as_str()).await["type"], "ack");
}

#[tokio::test]
async fn a_token_of_another_session_has_its_own_code_and_ends_neither_session() {
    let world = world();
    let laptop = world.api.person("ann").await;
    let mut socket = Socket::lean(&world.ws, &laptop).await;
    let body = json!({ "username": laptop.name, "password": PASSWORD });
    let phone = Person::of(&world.api.post_public("/api/auth/login", body).await.is(200));
    refused(&mut socket, phone.token.as_str(), "another_session").await;
    for who in [&laptop, &phone] {
        world.api.get("/api/rooms", who).await.is(200);
    }
    world.api.post("/api/auth/logout", &phone, json!({})).await.is(204);
    refused(&mut socket, phone.token.as_str(), "another_session").await;
    assert_eq!(renew(&mut socket, laptop.token.as_str()).await["type"], "ack");
}

#[tokio::test]
async fn an_expired_token_is_refused_and_an_ended_session_ends_the_socket() {
    let world = own_world(&[("JWT_SECRET", SECRET)]);
    let ann = world.api.person("ann").await;
    let mut socket = Socket::lean(&world.ws, &ann).await;
    let session = world.api.get("/api/auth/sessions", &ann).await.is(200)["items"][0]["id"].as_u64().expect("a session");
    let keys = TokenKeys::new(&Secret::new(SECRET), false).expect("a key");
    let claims = Claims { user: ann.id.into(), session: session.into() };
    let made = |ago: i64| keys.sign(claims, Duration::from_mins(1), Timestamp::now().plus_seconds(-ago)).expect("a token");
    assert_eq!(renew(&mut socket, made(0)).await["type"], "ack");
    refused(&mut socket, made(120), "token_expired").await;

    // Ended without notifying the socket, as after a lost push.
    let db = Db::lazy(&Secret::new(world.cloud().database_url())).expect("a URL");
    let text = "update sessions set revoked_at = 1 where id = ?";
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query(text).bind(session).execute(&mut *connection).await.expect("ended");
    assert_eq!(renew(&mut socket, made(0)).await["code"], "session_ended");
    assert_eq!(socket.wait("bye").await["code"], "session_ended");
    assert_eq!(socket.next().await, None);
}
