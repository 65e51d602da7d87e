//! Reliability under faults: no acknowledged message is lost, none is duplicated, and every client converges to the room's state.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Answer, Header, Person};
use crate::cloud::{Variable, World, own_world};
use crate::faults::Registry;
use crate::socket::Socket;
use crate::wait::{until, until_within};

fn set(world: &World, faults: &Value) {
    world.cloud().faults().set_json(faults).expect("faults that can be set");
}

fn happened(world: &World, kind: &str) -> u64 {
    world.cloud().faults().counts().get(kind).copied().unwrap_or_default()
}

/// The visible content of a message.
type Seen = (String, bool);

fn seen(message: &Value) -> (u64, Seen) {
    let content = message["content"].as_str().unwrap_or_default().to_owned();
    (message["seq"].as_u64().expect("a seq"), (content, message["deleted_at"].is_string()))
}

/// A client's state of its one room, maintained only by the rules of the protocol.
#[derive(Default)]
struct Known {
    rev: u64,
    messages: BTreeMap<u64, Seen>,
    acked: BTreeMap<String, u64>,
    left: usize,
    /// Frames with several messages.
    windows: usize,
}

impl Known {
    /// Applies a frame; returns `true` when it reveals a gap.
    fn take(&mut self, frame: &Value) -> bool {
        let rev = frame["rev"].as_u64().unwrap_or_default();
        match frame["type"].as_str().unwrap_or_default() {
            // An outdated response describes an older state.
            "sync" if rev <= self.rev => false,
            "sync" => {
                self.messages.extend(frame["messages"].as_array().into_iter().flatten().map(seen));
                self.rev = rev;
                frame["more"] == true
            }
            "pong" => frame["changed"].as_array().into_iter().flatten().any(|room| room["rev"].as_u64() > Some(self.rev)),
            "message" | "message.edited" | "message.unsent" if rev == self.rev + 1 => {
                let (seq, message) = seen(frame);
                let unsent = frame["type"] == "message.unsent";
                self.messages.insert(seq, if unsent { (String::new(), true) } else { message });
                self.rev = rev;
                false
            }
            "messages" => {
                self.windows += 1;
                let single = |message: &Value| {
                    let mut frame = message.clone();
                    frame["type"] = json!("message");
                    frame
                };
                let frames: Vec<_> = frame["messages"].as_array().into_iter().flatten().map(single).collect();
                frames.iter().fold(false, |gap, frame| gap | self.take(frame))
            }
            _ => rev > self.rev + 1,
        }
    }
}

/// A client that sends messages in sequence, each until acknowledged, and follows the room across any socket failure.
async fn follow(ws: String, who: Person, room: u64, known: Arc<Mutex<Known>>, mut to_send: VecDeque<String>) {
    let headers = [Header("authorization", &who.token), Header("sec-websocket-protocol", "conchat.v2, conchat.v1")];
    loop {
        let Ok(mut socket) = Socket::open(&ws, &headers).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let rev = known.lock().expect("no panic").rev;
        let mut open = socket.try_send(&json!({ "action": "hello", "rooms": { room.to_string(): rev } })).await;
        let mut sent_at: Option<Instant> = None;
        while open {
            if let Some(content) = to_send.front()
                && sent_at.is_none_or(|at| at.elapsed() > Duration::from_millis(700))
            {
                let frame = json!({ "action": "send", "room_id": room, "content": content, "client_id": content });
                open = socket.try_send(&frame).await;
                sent_at = Some(Instant::now());
            }
            let Some(frame) = socket.next_within(Duration::from_millis(200)).await else {
                // Silence or a closed socket: a request reveals which. The response reveals lost frames.
                open = open && socket.try_send(&json!({ "action": "ping", "since": 1 })).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let acked = frame["type"] == "ack" && to_send.front().is_some_and(|content| frame["client_id"] == content.as_str());
            let acked = acked.then(|| to_send.pop_front().zip(frame["seq"].as_u64())).flatten();
            if acked.is_some() {
                sent_at = None;
            }
            let missed = {
                let mut known = known.lock().expect("no panic");
                known.acked.extend(acked);
                known.left = to_send.len();
                known.take(&frame).then_some(known.rev)
            };
            if let Some(rev) = missed {
                open = socket.try_send(&json!({ "action": "sync", "room_id": room, "rev": rev })).await;
            }
        }
    }
}

/// Repeats a request until it gets the expected response.
async fn until_done(mut ask: impl AsyncFnMut() -> Answer, status: u16) -> Value {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if answer.status.as_u16() == status {
            return answer.is(status);
        }
        assert!(answer.status.is_server_error(), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const RATES: [Variable<'_>; 2] = [Variable("RATE_CONNECT", "100000/60"), Variable("RATE_SEND", "100000/60")];
const MESSAGES: usize = 12;

/// Has clients write under all faults. Returns how many frames held several messages.
async fn clients_end_with_the_rooms_state(seed: u64, env: &[Variable<'_>]) -> usize {
    let world = own_world(&[&RATES, env].concat());
    let people = [world.api.person("ann").await, world.api.person("bob").await, world.api.person("cleo").await];
    let room = world.api.group(&people[0], &[&people[1], &people[2]]).await;
    set(
        &world,
        &json!({
            "kill": { "function": "send", "at": "after_commit", "rate": 0.15 },
            "replay": { "rate": 0.2 },
            "push": { "lose": 0.3, "double": 0.3, "reorder": 0.3, "delay_ms": 20 },
            "gone": 0.02, "throttle": 0.05, "disconnect": { "lose": 0.5 },
            "mysql": { "mode": "reset", "rate": 0.01 }, "dynamodb": { "mode": "reset", "rate": 0.02 },
            "time": { "lifetime_s": 4 }, "cold_start": { "delay_ms": 20 }, "seed": seed,
        }),
    );
    let clients: Vec<_> = people
        .iter()
        .map(|who| {
            let known = Arc::new(Mutex::new(Known { left: MESSAGES, ..Known::default() }));
            let contents = (0..MESSAGES).map(|number| format!("{}-{number}", who.name)).collect();
            let following = tokio::spawn(follow(world.ws.clone(), who.clone(), room, Arc::clone(&known), contents));
            (known, following)
        })
        .collect();
    // Meanwhile the first sender edits over HTTP.
    let mine = |number: usize| json!({ "content": format!("changed {number}"), "client_id": format!("h-{number}") });
    let path = format!("/api/rooms/{room}/messages");
    for number in 0..6 {
        let sent = loop {
            let answer = world.api.post(&path, &people[0], mine(number)).await;
            match answer.status.as_u16() {
                200 | 201 => break answer.is(answer.status.as_u16()),
                _ => assert!(answer.status.is_server_error(), "{answer:?}"),
            }
        };
        let its = format!("{path}/{}", sent["seq"]);
        if number % 2 == 0 {
            until_done(async || world.api.patch(&its, &people[0], json!({ "content": "edited" })).await, 200).await;
        } else {
            until_done(async || world.api.delete(&format!("{its}?for=all"), &people[0]).await, 204).await;
        }
    }
    let all_acked = async || clients.iter().all(|(known, _)| known.lock().expect("no panic").left == 0);
    until_within(Duration::from_mins(1), &format!("seed {seed}: everything is acknowledged"), all_acked).await;
    let broke = world.cloud().faults().counts();
    for kind in ["kill.after_commit", "replay", "push.lose", "push.double", "push.reorder"] {
        assert!(broke.contains_key(kind), "seed {seed}: {kind} did not happen: {broke:?}");
    }
    // Pushes still fail; the state converges anyway.
    set(&world, &json!({ "push": { "lose": 0.3, "double": 0.3, "reorder": 0.3 }, "seed": seed }));
    let items = world.api.history(room, &people[0]).await;
    let state: BTreeMap<_, _> = items.iter().map(seen).collect();
    for (known, following) in &clients {
        let converged = async || known.lock().expect("no panic").messages == state;
        until(&format!("seed {seed}: a client has the history {state:?}"), converged).await;
        following.abort();
    }
    let seqs: Vec<_> = state.keys().copied().collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no hole");
    assert_eq!(items.len(), people.len() * MESSAGES + 6, "none is missing, none stands twice");
    for (known, _) in &clients {
        for (key, seq) in &known.lock().expect("no panic").acked {
            let stored = items.iter().find(|message| message["client_id"] == key.as_str()).map(|message| message["seq"].as_u64());
            assert_eq!(stored, Some(Some(*seq)), "{key}");
        }
    }
    clients.iter().map(|(known, _)| known.lock().expect("no panic").windows).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_all_faults_at_once_every_client_ends_with_the_rooms_state() {
    for seed in [1, 2] {
        assert_eq!(clients_end_with_the_rooms_state(seed, &[]).await, 0, "three sockets are no crowd");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_in_a_room_whose_messages_are_coalesced() {
    let env = [Variable("COALESCE_SOCKETS", "1"), Variable("COALESCE_RATE", "1/5")];
    assert!(clients_end_with_the_rooms_state(3, &env).await > 0, "windows came");
}

#[tokio::test]
async fn a_message_whose_instance_died_after_its_commit_stands_once() {
    let world = own_world(&RATES);
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    set(&world, &json!({ "kill": { "function": "messages", "at": "after_commit", "rate": 0.5 }, "seed": 1 }));
    let path = format!("/api/rooms/{room}/messages");
    for number in 0..12 {
        let body = json!({ "content": "once", "client_id": format!("c-{number}") });
        let begun = Instant::now();
        while !world.api.post(&path, &ann, body.clone()).await.status.is_success() {
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
    }
    assert!(happened(&world, "kill.after_commit") >= 3, "{:?}", world.cloud().faults().counts());
    world.cloud().faults().clear();
    let keys: Vec<_> = world.api.history(room, &ann).await.into_iter().map(|message| message["client_id"].clone()).collect();
    assert_eq!(keys, (0..12).map(|number| json!(format!("c-{number}"))).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_a_storm_of_410_nothing_is_posted_to_the_dead() {
    let world = own_world(&RATES);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(Socket::lean(&world.ws, &bob).await);
    }
    // Young connections are kept, since their `$connect` may still run: makes these older.
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a clock").as_millis()).expect("a time");
    for connection in registry.connections(bob.id).await {
        registry.add(bob.id, &connection, now - 60_000).await;
    }
    set(&world, &json!({ "gone": 1, "disconnect": { "lose": 1 } }));
    let path = format!("/api/rooms/{room}/messages");
    world.api.post(&path, &ann, json!({ "content": "nobody hears this" })).await.is(201);
    assert_eq!(happened(&world, "gone"), 6);
    world.cloud().faults().clear();
    let mut alive = Socket::lean(&world.ws, &bob).await;
    let before = world.cloud().gateway().stats();
    world.api.post(&path, &ann, json!({ "content": "hello again" })).await.is(201);
    assert_eq!(alive.wait("message").await["content"], "hello again");
    assert_eq!(world.cloud().gateway().stats().posts_gone, before.posts_gone);
}

#[tokio::test]
async fn without_dynamodb_or_s3_messages_are_stored_and_read() {
    let world = own_world(&RATES);
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    let path = format!("/api/rooms/{room}/messages");
    let faults = [
        json!({ "dynamodb": { "mode": "refuse" } }),
        json!({ "dynamodb": { "mode": "hang" } }),
        json!({ "s3": { "mode": "refuse" } }),
        json!({ "s3": { "mode": "hang" } }),
    ];
    for (number, faults) in faults.iter().enumerate() {
        set(&world, faults);
        let begun = Instant::now();
        world.api.post(&path, &ann, json!({ "content": format!("message {number}") })).await.is(201);
        let items = world.api.history(room, &ann).await;
        assert_eq!(items.last().expect("a message")["content"], format!("message {number}"), "{faults}");
        assert!(begun.elapsed() < Duration::from_secs(9), "{faults}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_database_that_hangs_or_refuses_is_a_503_within_the_deadline_and_heals_alone() {
    let world = own_world(&RATES);
    let ann = world.api.person("ann").await;
    for mode in ["hang", "refuse", "reset"] {
        set(&world, &json!({ "mysql": { "mode": mode } }));
        let begun = Instant::now();
        let refused = world.api.get("/api/rooms", &ann).await;
        refused.refused(503, "unavailable");
        assert!(refused.headers.contains_key("retry-after"), "{mode}");
        assert!(begun.elapsed() < Duration::from_secs(9), "{mode}: {:?}", begun.elapsed());
        set(&world, &json!({ "mysql": { "mode": "slow", "ms": 1 } }));
        let begun = Instant::now();
        while !world.api.get("/api/rooms", &ann).await.status.is_success() {
            assert!(begun.elapsed() < Duration::from_secs(5), "{mode}: it does not heal");
        }
    }
}
