//! Faults at the gateway: posts are lost, duplicated, delayed or reordered; sockets vanish; `$disconnect` is skipped; limits are shorter.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{Client, manage, request};
use crate::fixture::{Fixture, friendly};

async fn joined(fixture: &mut Fixture) -> (Client, String) {
    let client = Client::join(fixture.address).await;
    let event = fixture.event("Connect").await;
    (client, event["requestContext"]["connectionId"].as_str().unwrap().to_owned())
}

fn set(fixture: &Fixture, faults: &Value) {
    fixture.gateway.faults().set_json(faults).unwrap_or_else(|wrong| panic!("{wrong}"));
}

fn happened(fixture: &Fixture, kind: &str) -> u64 {
    fixture.gateway.faults().counts().get(kind).copied().unwrap_or_default()
}

/// Sends posts and returns everything that arrives.
async fn arrivals(fixture: &Fixture, client: &mut Client, id: &str, posts: &[&str]) -> Vec<String> {
    for post in posts {
        assert_eq!(manage(fixture.address, "POST", id, post).await.status, 200);
    }
    let mut arrived = Vec::new();
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(Duration::from_millis(400), client.stream.next()).await {
        arrived.push(frame.into_text().unwrap().as_str().to_owned());
    }
    arrived
}

#[tokio::test]
async fn pushes_are_lost_doubled_and_overtaken_and_every_post_is_answered_200() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    for (push, posts, expected) in [
        (json!({ "lose": 1 }), &["a", "b"][..], &[][..]),
        (json!({ "double": 1 }), &["a"], &["a", "a"]),
        (json!({ "reorder": 1 }), &["alone"], &["alone"]),
        (json!({}), &["a", "b"], &["a", "b"]),
    ] {
        set(&fixture, &json!({ "push": push }));
        assert_eq!(arrivals(&fixture, &mut client, &id, posts).await, expected, "{push}");
    }
    // On average every second frame is held back; the following one then arrives first.
    set(&fixture, &json!({ "push": { "reorder": 0.5 }, "seed": 3 }));
    let posts = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let mut arrived = arrivals(&fixture, &mut client, &id, &posts).await;
    assert_ne!(arrived, posts);
    arrived.sort();
    assert_eq!(arrived, posts, "none is missing, none comes twice");
}

#[tokio::test]
async fn a_delay_is_kept_and_the_answer_does_not_wait_for_it() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    set(&fixture, &json!({ "push": { "delay_ms": 400 } }));
    let begun = Instant::now();
    assert_eq!(manage(fixture.address, "POST", &id, "late").await.status, 200);
    assert!(begun.elapsed() < Duration::from_millis(350), "{:?}", begun.elapsed());
    assert_eq!(client.text().await, "late");
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn chosen_posts_are_answered_410_and_429() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    set(&fixture, &json!({ "throttle": { "posts": [2, 3] }, "gone": { "posts": [5] } }));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(manage(fixture.address, "POST", &id, "x").await.status);
    }
    assert_eq!(statuses, [200, 429, 429, 200, 410, 410]);
    assert_eq!((happened(&fixture, "throttle"), happened(&fixture, "gone")), (2, 1));
    // After a 410 the socket is gone.
    assert_eq!([client.text().await, client.text().await], ["x", "x"]);
    assert!(!matches!(client.stream.next().await, Some(Ok(_))), "the connection breaks without a close");
    assert_eq!(fixture.event("Disconnect").await["requestContext"]["disconnectStatusCode"], 1006);
}

#[tokio::test]
async fn rates_of_0_and_1_are_certain() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    set(&fixture, &json!({ "throttle": 1 }));
    let answer = manage(fixture.address, "POST", &id, "x").await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (429, Some("LimitExceededException")));
    set(&fixture, &json!({ "throttle": 0, "gone": 0 }));
    assert_eq!(manage(fixture.address, "POST", &id, "y").await.status, 200);
    assert_eq!(client.text().await, "y");
}

#[tokio::test]
async fn disconnect_can_be_skipped() {
    let mut fixture = Fixture::start(friendly).await;
    set(&fixture, &json!({ "disconnect": { "lose": 1 } }));
    let (client, id) = joined(&mut fixture).await;
    drop(client);
    while manage(fixture.address, "GET", &id, "").await.status != 410 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fixture.gateway.faults().clear();
    let (client, _) = joined(&mut fixture).await;
    drop(client);
    let told = fixture.event("Disconnect").await;
    assert_ne!(told["requestContext"]["connectionId"], id.as_str(), "the first was told to nobody");
}

#[tokio::test]
async fn idle_and_lifetime_limits_are_compressed_for_open_sockets_too() {
    let mut fixture = Fixture::start(friendly).await;
    let (mut client, _) = joined(&mut fixture).await;
    set(&fixture, &json!({ "time": { "idle_s": 0.2 } }));
    assert_eq!(client.closed().await.0, 1001);
    set(&fixture, &json!({ "time": { "lifetime_s": 0.3 } }));
    let (mut client, id) = joined(&mut fixture).await;
    let begun = Instant::now();
    while manage(fixture.address, "POST", &id, "busy").await.status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(3));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(client.text().await, "busy");
    fixture.gateway.faults().clear();
    let (mut client, _) = joined(&mut fixture).await;
    assert!(client.is_silent().await);
    assert_eq!(fixture.gateway.limits(), local::gateway::Limits { grace: Duration::from_millis(300), ..Default::default() });
}

/// Which posts to two sockets arrive, posted in this order.
async fn fates(seed: u64, order: &[usize]) -> [Vec<String>; 2] {
    let mut fixture = Fixture::start(friendly).await;
    let (first, second) = (joined(&mut fixture).await, joined(&mut fixture).await);
    set(&fixture, &json!({ "push": { "lose": 0.4, "double": 0.3 }, "seed": seed }));
    let mut numbers = [0, 0];
    for socket in order {
        let id = [&first.1, &second.1][*socket];
        assert_eq!(manage(fixture.address, "POST", id, numbers[*socket].to_string()).await.status, 200);
        numbers[*socket] += 1;
    }
    let (mut first, mut second) = (first.0, second.0);
    let id = String::new();
    [arrivals(&fixture, &mut first, &id, &[]).await, arrivals(&fixture, &mut second, &id, &[]).await]
}

#[tokio::test]
async fn a_seed_decides_the_fate_of_each_post_of_each_socket_whatever_the_others_do() {
    let in_turn: Vec<usize> = (0..40).map(|number| number % 2).collect();
    let in_blocks: Vec<usize> = (0..40).map(|number| usize::from(number < 20)).collect();
    let (one, other) = tokio::join!(fates(7, &in_turn), fates(7, &in_blocks));
    let sorted = |arrived: &[Vec<String>; 2]| {
        let mut sorted = arrived.clone();
        for frames in &mut sorted {
            frames.sort();
        }
        sorted
    };
    assert_eq!(sorted(&one), sorted(&other));
    assert_ne!(sorted(&one)[0], sorted(&one)[1], "each socket has a row of its own");
    assert_ne!(sorted(&one), sorted(&fates(8, &in_turn).await));
}

#[tokio::test]
async fn wrong_faults_are_refused_with_the_name_of_the_field_and_change_nothing() {
    let fixture = Fixture::start(friendly).await;
    let faults = fixture.gateway.faults().clone();
    fixture.gateway.set_inspector(Arc::new(move |request| {
        let answer = local::faults::answer(&faults, &request);
        async { answer }.boxed()
    }));
    let put = |body: &str| {
        let body = body.to_owned();
        async move { request(fixture.address, "PUT", "/_local/faults", &[], body).await }
    };
    let good = r#"{"push":{"lose":0.3,"double":0.3,"reorder":0.3,"delay_ms":50},"gone":0.1,"throttle":{"posts":[1]},"disconnect":{"lose":1},"time":{"idle_s":3,"lifetime_s":10},"cold_start":{"delay_ms":5},"seed":7}"#;
    let answer = put(good).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = request(fixture.address, "GET", "/_local/faults", &[], "").await.json();
    assert_eq!((&told["faults"]["push"]["lose"], &told["faults"]["seed"]), (&json!(0.3), &json!(7)));
    assert_eq!(put(&told["faults"].to_string()).await.status, 200, "what is shown can be set");
    for (body, field) in [
        (r#"{"push":{"lose":2}}"#, "push.lose"),
        (r#"{"push":{"lose":"often"}}"#, "push.lose"),
        (r#"{"push":{"delay_ms":-1}}"#, "push.delay_ms"),
        (r#"{"push":{"delay_ms":1e9}}"#, "push.delay_ms"),
        (r#"{"push":{"loose":1}}"#, "push.loose"),
        (r#"{"pusch":{}}"#, "pusch"),
        (r#"{"gone":-0.1}"#, "gone"),
        (r#"{"throttle":{"posts":"all"}}"#, "throttle"),
        (r#"{"disconnect":{}}"#, "disconnect"),
        (r#"{"time":{"idle_s":0}}"#, "time.idle_s"),
        (r#"{"time":{"lifetime_s":1e6}}"#, "time.lifetime_s"),
        (r#"{"kill":{"at":"lunch"}}"#, "kill.at"),
        (r#"{"kill":{"at":"before_handler","function":"nobody"}}"#, "kill.function"),
        (r#"{"concurrency":{"limit":-1}}"#, "concurrency.limit"),
        (r#"{"seed":-1}"#, "seed"),
        (r#"{"mysql":{"mode":"slow"}}"#, "mysql"),
        (r#"{"s3":{"mode":"tired"}}"#, "s3.mode"),
        ("[]", "."),
        ("{", "."),
        ("", "."),
    ] {
        let answer = put(body).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some(field)), "{body}: {}", answer.text());
        assert!(answer.json()["message"].as_str().unwrap().len() > field.len() + 5, "{}", answer.text());
    }
    let after = request(fixture.address, "GET", "/_local/faults", &[], "").await.json();
    assert_eq!(after["faults"], told["faults"]);
    assert_eq!(request(fixture.address, "POST", "/_local/faults", &[], "{}").await.status, 405);
    assert_eq!(request(fixture.address, "PUT", "/_local/faults", &["host: evil.example.com"], "{}").await.status, 403);
    assert_eq!(put("{}").await.json()["faults"], json!({}));
}
