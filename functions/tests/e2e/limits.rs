//! Configured rate limits: excess requests are refused with the time to wait and store nothing.

use serde_json::json;

use crate::api::{PASSWORD, Person};
use crate::cloud::{Variable, own_world};
use crate::socket::Socket;

#[tokio::test]
async fn every_rate_is_refused_with_the_time_to_wait() {
    // Windows start at multiples of their length; this one ends in 2033, not during the test.
    let long = "3/1000000000";
    let world = own_world(&[
        Variable("RATE_REGISTER", long),
        Variable("RATE_LOGIN", long),
        Variable("RATE_SEND", "2/60"),
        Variable("RATE_CONNECT", long),
    ]);
    let ann = world.api.person("ann").await;
    let bob = world.api.person("bob").await;
    world.api.person("cleo").await;
    let refused = world.api.post_public("/api/auth/register", json!({ "username": "dora", "password": PASSWORD })).await;
    refused.refused(429, "rate_limited");
    let wait: u32 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=1_000_000_000).contains(&wait));

    for _ in 0..2 {
        world.api.post("/api/rooms/general/messages", &ann, json!({ "content": "Hi" })).await.is(201);
    }
    let refused = world.api.post("/api/rooms/general/messages", &ann, json!({ "content": "Hi" })).await;
    refused.refused(429, "rate_limited");
    assert_eq!(refused.headers["ratelimit-policy"], "\"default\";q=2;w=60");
    assert!(refused.headers.contains_key("retry-after") && refused.headers.contains_key("ratelimit"));
    let mut socket = Socket::of(&world.ws, &ann).await;
    let error = socket.ask(json!({ "action": "send", "content": "Hi" })).await;
    assert_eq!(error["code"], "rate_limited");
    assert!(error["retry_after"].as_u64().is_some_and(|seconds| (1..=60).contains(&seconds)), "{error}");
    let history = world.api.get("/api/rooms/general/messages", &ann).await.is(200);
    let texts: Vec<_> = history["items"].as_array().expect("items").iter().map(|message| &message["content"]).collect();
    assert_eq!(texts, [&json!(format!("{} joined", ann.name)), &json!("Hi"), &json!("Hi")]);

    let mut opened = vec![socket];
    for _ in 0..2 {
        opened.push(Socket::of(&world.ws, &ann).await);
    }
    let fourth = Socket::with_token(&world.ws, &ann.token).await.err();
    assert!(fourth.is_some_and(|status| status >= 400), "{fourth:?}");
    Socket::of(&world.ws, &bob).await;

    let wrong = json!({ "username": bob.name, "password": "not the password" });
    for _ in 0..3 {
        world.api.post_public("/api/auth/login", wrong.clone()).await.refused(401, "invalid_credentials");
    }
    world.api.post_public("/api/auth/login", wrong).await.refused(429, "rate_limited");
    world.api.get("/api/rooms", &bob).await.is(200);
}

#[tokio::test]
async fn changes_repeats_and_acts_have_their_limits() {
    let long = "2/1000000000";
    let world = own_world(&[
        Variable("RATE_CHANGE", long),
        Variable("RATE_REPEAT", long),
        Variable("RATE_ACT", long),
        Variable("RATE_SEND", "3/3000000"),
    ]);
    let ann = world.api.person("ann").await;
    let room = json!({ "name": "Room" });
    for left in [1, 0] {
        let made = world.api.post("/api/rooms", &ann, room.clone()).await;
        assert_eq!(made.headers["ratelimit-policy"], "\"default\";q=2;w=1000000000", "told before it is too late, too");
        assert!(made.headers["ratelimit"].to_str().expect("text").starts_with(&format!("\"default\";r={left};t=")));
        made.is(201);
    }
    let refused = world.api.post("/api/rooms", &ann, room).await;
    assert!(refused.headers["ratelimit"].to_str().expect("text").starts_with("\"default\";r=0;t="));
    refused.refused(429, "rate_limited");
    world.api.get("/api/rooms", &ann).await.is(200);

    let offer = json!({ "content": "Buy gold here" });
    for left in [2, 1] {
        let sent = world.api.post("/api/rooms/general/messages", &ann, offer.clone()).await;
        assert!(sent.headers["ratelimit"].to_str().expect("text").starts_with(&format!("\"default\";r={left};t=")));
        sent.is(201);
    }
    let refused = world.api.post("/api/rooms/general/messages", &ann, offer).await;
    let wait: u32 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((999_999_000..=1_000_000_000).contains(&wait), "{wait}");
    refused.refused(429, "duplicate_message");
    let mut socket = Socket::of(&world.ws, &ann).await;
    let error = socket.ask(json!({ "action": "send", "content": "BUY GOLD HERE!" })).await;
    assert_eq!(error["code"], "duplicate_message");
    assert!(error["retry_after"].as_u64().is_some_and(|seconds| seconds > 999_999_000), "{error}");

    for emoji in ["👍", "🎉"] {
        world.api.put("/api/rooms/general/messages/2/reactions", &ann, json!({ "emoji": emoji })).await.is(200);
    }
    let refused = world.api.put("/api/rooms/general/messages/2/reactions", &ann, json!({ "emoji": "😀" })).await;
    refused.refused(429, "rate_limited");
    let error = socket.ask(json!({ "action": "edit", "room_id": "general", "seq": 2, "content": "Sell" })).await;
    assert_eq!(error["code"], "rate_limited");
    assert!(error["retry_after"].is_u64(), "{error}");
}

#[tokio::test]
async fn no_other_door_leads_round_a_limit() {
    let world = own_world(&[Variable("RATE_ACT", "3/1000000000"), Variable("RATE_FRAMES", "5/1000000000")]);
    let (ann, bob, eve) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("eve").await);
    let to = |whom: &Person| json!({ "receiver_id": whom.id, "message": "Hi" });
    world.api.post("/api/messages/send", &ann, to(&bob)).await.is(200);
    let room = world.api.group(&ann, &[]).await;
    let mut socket = Socket::of(&world.ws, &ann).await;
    assert_eq!(socket.ask(json!({ "action": "leave", "room_id": room })).await["type"], "ack");
    assert_eq!(socket.ask(json!({ "action": "join", "room_id": "general" })).await["code"], "rate_limited");
    world.api.post("/api/messages/send", &ann, to(&eve)).await.refused(429, "rate_limited");
    world.api.post("/api/messages/send", &ann, to(&bob)).await.is(200);
    world.api.post("/api/rooms/general/join", &ann, json!({})).await.refused(429, "rate_limited");

    // Trying e-mail addresses on one's own profile does not reveal other accounts.
    let guess = json!({ "email": "somebody@example.com", "password": PASSWORD });
    world.api.patch("/api/users/me", &ann, guess.clone()).await.refused(429, "rate_limited");
    world.api.put("/api/user", &ann, guess).await.refused(429, "rate_limited");

    // The socket counts actions that no row of a room counts, because they were refused or had no effect.
    let mut flooding = Socket::lean(&world.ws, &bob).await;
    for _ in 0..9 {
        let nowhere = json!({ "action": "send", "room_id": 999_999_999, "content": "x" });
        assert_eq!(flooding.ask(nowhere).await["code"], "room_not_found");
    }
    flooding.send(&json!({ "action": "send", "room_id": 999_999_999, "content": "x" })).await;
    assert_eq!(flooding.wait("bye").await["code"], "too_many_frames");
    let mut again = Socket::lean(&world.ws, &eve).await;
    let same = json!({ "action": "send", "room_id": "general", "content": "x", "client_id": "c-1" });
    for _ in 0..5 {
        assert_eq!(again.ask(same.clone()).await["type"], "ack");
    }
    assert_eq!(again.ask(same).await["code"], "rate_limited");
}

#[tokio::test]
async fn a_flooding_socket_is_warned_then_closed_without_affecting_others() {
    let world = own_world(&[Variable("RATE_FRAMES", "5/1000000000"), Variable("RATE_SEND", "2/3000000")]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    // `hello` is the first frame of each socket.
    let (mut flooding, mut his) = (Socket::of(&world.ws, &ann).await, Socket::of(&world.ws, &bob).await);
    let mut answers = Vec::new();
    for frame in
        [json!({ "action": "ping" }), json!({ "action": "ping" }), json!({ "action": "dance" }), json!({ "action": "ping" })]
    {
        answers.push(flooding.ask(frame).await);
    }
    for frame in ["ping", "sync", "hello", "typing", "dance"] {
        let error = flooding.ask(json!({ "action": frame, "room_id": "general", "rev": 0, "active": true })).await;
        assert_eq!(error["code"], "rate_limited", "{frame}: {error}");
        assert!(error["retry_after"].as_u64().is_some_and(|seconds| seconds > 0), "{error}");
    }
    let kinds: Vec<_> = answers.iter().map(|answer| answer["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["pong", "pong", "error", "pong"], "also what is no action counts");
    for content in ["one", "two"] {
        let ack = flooding.ask(json!({ "action": "send", "content": content })).await;
        assert_eq!(ack["type"], "ack", "messages have a limit of their own: {ack}");
    }
    flooding.send(&json!({ "action": "send", "content": "three" })).await;
    let bye = flooding.wait("bye").await;
    assert_eq!((bye["code"].as_str(), bye["resume"].as_bool()), (Some("too_many_frames"), Some(true)));
    assert!(flooding.close_code().await.is_some());
    assert_eq!(his.ask(json!({ "action": "ping" })).await["type"], "pong");
    let mut again = Socket::of(&world.ws, &ann).await;
    assert_eq!(again.ask(json!({ "action": "ping" })).await["type"], "pong", "a new socket begins anew");
}
