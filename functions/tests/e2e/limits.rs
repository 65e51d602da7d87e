//! Rates, as configuration: what is too much is told with the time to wait, and nothing of it is stored.

use serde_json::json;

use crate::api::PASSWORD;
use crate::cloud::own_world;
use crate::socket::Socket;

#[tokio::test]
async fn every_rate_is_refused_with_the_time_to_wait() {
    // Windows begin at multiples of their length; one of these ends in 2033, and not in the middle of the test.
    let long = "3/1000000000";
    let world = own_world(&[("RATE_REGISTER", long), ("RATE_LOGIN", long), ("RATE_SEND", "2/60"), ("RATE_CONNECT", long)]);
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
    let fourth = Socket::open(&world.ws, &[("authorization", &ann.token)]).await.err();
    assert!(fourth.is_some_and(|status| status >= 400), "{fourth:?}");
    Socket::of(&world.ws, &bob).await;

    let wrong = json!({ "username": bob.name, "password": "not the password" });
    for _ in 0..3 {
        world.api.post_public("/api/auth/login", wrong.clone()).await.refused(401, "invalid_credentials");
    }
    world.api.post_public("/api/auth/login", wrong).await.refused(429, "rate_limited");
    world.api.get("/api/rooms", &bob).await.is(200);
}
