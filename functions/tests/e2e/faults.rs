//! Faults: killed instances, a killed database, dead and stuck sockets. No acknowledged message is lost, no retry duplicates one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::aws::dynamodb::{self, LazyClient};
use shared::config::{Aws, Secret};

use crate::api::{Api, Header, Person};
use crate::cloud::{World, own_world};
use crate::socket::Socket;
use crate::wait::{until, until_within};

/// Sends numbered messages over a socket, each with its key, and retries each until acknowledged. Returns the acknowledged ones.
async fn stubborn(ws: String, who: Person, room: u64, stop: Arc<AtomicBool>) -> BTreeMap<String, u64> {
    let mut acked = BTreeMap::new();
    let mut socket: Option<Socket> = None;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let client_id = format!("{}-{number}", who.name);
        let frame = json!({ "action": "send", "room_id": room, "content": client_id, "client_id": client_id });
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            assert!(Instant::now() < deadline, "{client_id} was never acknowledged");
            if socket.is_none() {
                socket =
                    Socket::open(&ws, &[Header("authorization", &who.token), Header("sec-websocket-protocol", "conchat.v1")])
                        .await
                        .ok();
            }
            let Some(open) = &mut socket else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if open.try_send(&frame).await
                && let Some(seq) = answered(open, &client_id).await
            {
                acked.insert(client_id, seq);
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        number += 1;
    }
    acked
}

/// The `seq` in the ack of this key; none when it is refused or nothing arrives.
async fn answered(socket: &mut Socket, client_id: &str) -> Option<u64> {
    loop {
        let frame = socket.next_within(Duration::from_secs(3)).await?;
        match frame["type"].as_str() {
            Some("ack") if frame["client_id"] == client_id => return frame["seq"].as_u64(),
            // API Gateway's own frame after a failed invocation has no type.
            Some("error") | None => return None,
            _ => {}
        }
    }
}

/// Waits until the gateway has received so many more frames.
async fn frames(world: &World, more: u64) {
    let before = world.cloud().gateway().stats().messages;
    until("senders go on", async || world.cloud().gateway().stats().messages >= before + more).await;
}

/// Asserts that every ack matches the history, every key occurs once, and there are no gaps.
async fn nothing_is_lost_or_doubled(api: &Api, room: u64, who: &Person, acked: &BTreeMap<String, u64>) {
    let items = api.history(room, who).await;
    let seqs: Vec<_> = items.iter().map(|message| message["seq"].as_u64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no hole");
    let mut stored = BTreeMap::new();
    for message in &items {
        let key = message["client_id"].as_str().expect("a key").to_owned();
        assert_eq!(stored.insert(key, message["seq"].as_u64().expect("a seq")), None, "a key stands twice: {message}");
    }
    for (key, seq) in acked {
        assert_eq!(stored.get(key), Some(seq), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_instances_under_load_loses_no_acked_message_and_doubles_none() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = [&ann, &bob, &ann, &bob]
        .into_iter()
        .enumerate()
        .map(|(index, who)| {
            let who = Person { name: format!("{}-{index}", who.name), ..who.clone() };
            tokio::spawn(stubborn(world.ws.clone(), who, room, Arc::clone(&stop)))
        })
        .collect();
    let faults = world.cloud().faults();
    for at in ["before_handler", "after_commit", "before_response"] {
        faults.set_json(&json!({ "kill": { "function": "send", "at": at, "rate": 0.3 } })).expect("faults that can be set");
        let killed = async || faults.counts().get(format!("kill.{at}").as_str()).is_some_and(|killed| *killed >= 3);
        until_within(Duration::from_mins(1), &format!("three instances are killed {at}"), killed).await;
    }
    faults.clear();
    // Each message is pushed to the sockets of two users.
    frames(&world, 200).await;
    stop.store(true, Ordering::Relaxed);
    let mut acked = BTreeMap::new();
    for sender in senders {
        acked.extend(sender.await.expect("sent"));
    }
    assert!(acked.len() >= 50, "only {} messages came through", acked.len());
    nothing_is_lost_or_doubled(&world.api, room, &ann, &acked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_database_under_load_loses_no_acked_message_and_it_heals_alone() {
    let world = own_world(&[]);
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..3)
        .map(|index| {
            let who = Person { name: format!("{}-{index}", ann.name), ..ann.clone() };
            tokio::spawn(stubborn(world.ws.clone(), who, room, Arc::clone(&stop)))
        })
        .collect();
    let mysql = world.cloud().mysql().expect("a database of our own");
    for _ in 0..2 {
        frames(&world, 20).await;
        mysql.kill().await;
        let refused = world.api.get("/api/rooms", &ann).await;
        refused.refused(503, "unavailable");
        assert!(refused.headers.contains_key("retry-after"));
        mysql.restart().await.expect("MariaDB recovers");
    }
    let healed = async || world.api.get("/api/rooms", &ann).await.status.is_success();
    until_within(Duration::from_secs(5), "it heals within seconds", healed).await;
    frames(&world, 20).await;
    stop.store(true, Ordering::Relaxed);
    let mut acked = BTreeMap::new();
    for sender in senders {
        acked.extend(sender.await.expect("sent"));
    }
    assert!(acked.len() >= 20, "only {} messages came through", acked.len());
    nothing_is_lost_or_doubled(&world.api, room, &ann, &acked).await;
}

#[tokio::test]
async fn the_next_push_removes_dead_registry_entries_and_keeps_live_ones() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut his = Socket::of(&world.ws, &bob).await;
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a clock").as_millis()).expect("a time");
    // An old socket whose `$disconnect` was lost, a young one whose `$connect` may still run, and one that has expired.
    registry.add(bob.id, "T2xkT2xkT2xkT2w=", now - 60_000).await;
    registry.add(bob.id, "WW91bmdZb3VuZ1k=", now).await;
    registry.add(bob.id, "RGVhZERlYWREZWE=", now - 3 * 3_600_000).await;
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Hi" })).await.is(201);
    assert_eq!(his.wait("message").await["content"], "Hi");
    let left = registry.connections(bob.id).await;
    assert!(!left.contains(&"T2xkT2xkT2xkT2w=".to_owned()), "{left:?}");
    assert!(left.contains(&"WW91bmdZb3VuZ1k=".to_owned()), "a young one may be just connecting: {left:?}");
    assert_eq!(his.ask(json!({ "action": "ping" })).await["type"], "pong", "the live one stays");
    assert_eq!(left.len(), 3, "the live, the young, and the one that is passed over: {left:?}");
}

#[tokio::test]
async fn a_closed_socket_leaves_the_registry() {
    let world = own_world(&[]);
    let ann = world.api.person("ann").await;
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    let socket = Socket::of(&world.ws, &ann).await;
    assert_eq!(registry.connections(ann.id).await.len(), 1);
    drop(socket);
    until("`$disconnect` forgets it", async || registry.connections(ann.id).await.is_empty()).await;
}

#[tokio::test]
async fn a_socket_that_never_reads_is_given_up_and_harms_nobody() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let stuck = Socket::of(&world.ws, &bob).await;
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    assert_eq!(registry.connections(bob.id).await.len(), 1);
    let begun = Instant::now();
    let mut sent = 0;
    // The kernel buffers some megabytes before the gateway's queue fills; then posts get 429.
    while !registry.connections(bob.id).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(40), "not given up after {sent} messages");
        for _ in 0..20 {
            let text = "😀".repeat(1000);
            let ack = hers.ask(json!({ "action": "send", "room_id": room, "content": text })).await;
            assert_eq!(ack["type"], "ack", "{ack}");
            sent += 1;
        }
    }
    drop(stuck);
    assert_eq!(hers.ask(json!({ "action": "send", "room_id": room, "content": "on we go" })).await["seq"], sent + 1);
}

/// Reads the table of connections.
pub(crate) struct Registry(pub(crate) LazyClient);

impl Registry {
    pub(crate) fn of(endpoint: &str) -> Self {
        let aws = Aws {
            region: "us-east-1".into(),
            access_key_id: "test".into(),
            secret_access_key: Secret::new("test"),
            session_token: None,
            is_real: false,
        };
        Self(dynamodb::client_at(&aws, endpoint.to_owned()))
    }

    pub(crate) async fn add(&self, user: u64, connection: &str, connected_at: i64) {
        use aws_sdk_dynamodb::types::AttributeValue;
        let number = |value: i64| AttributeValue::N(value.to_string());
        let entry = [
            ("session_id".to_owned(), number(1)),
            ("lean".to_owned(), AttributeValue::Bool(true)),
            ("connected_at".to_owned(), number(connected_at)),
        ];
        self.0
            .update_item()
            .table_name("ConnectionsTable")
            .key("user_id", AttributeValue::N(user.to_string()))
            .update_expression("SET #c = :c")
            .expression_attribute_names("#c", format!("c#{connection}"))
            .expression_attribute_values(":c", AttributeValue::M(entry.into_iter().collect()))
            .send()
            .await
            .expect("written");
    }

    pub(crate) async fn connections(&self, user: u64) -> Vec<String> {
        use aws_sdk_dynamodb::types::AttributeValue;
        let found = self
            .0
            .get_item()
            .table_name("ConnectionsTable")
            .key("user_id", AttributeValue::N(user.to_string()))
            .send()
            .await
            .expect("read");
        let item = found.item.unwrap_or_default();
        item.keys().filter_map(|name| name.strip_prefix("c#")).map(str::to_owned).collect()
    }
}
