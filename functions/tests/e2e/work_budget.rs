//! The work budget: every operation and action has a cost, and a user who exhausts the budget does not slow down others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use shared::config::{Form, SETTINGS};
use shared::domain::limits::work_costs::{self, Counter};
use shared::protocol::actions::VERBS;

use crate::api::{Answer, Api, Person};
use crate::cloud::{Variable, own_world, world};
use crate::socket::Socket;
use crate::wait::until;

/// Windows start at multiples of their length; this one ends in 2033.
const NONE_LEFT: &str = "15/1000000000";
const TWICE: &str = "2/1000000000";
/// A bucket that refills evenly, practically never.
const TWICE_ON_A_ROW: &str = "2/2000000";

/// An operation for authenticated users.
struct Operation {
    method: String,
    path: String,
}

impl Operation {
    fn counter(&self) -> Counter {
        work_costs::of_route(&self.method, &self.path, None).counter
    }

    /// Requests the operation on resources that do not exist.
    async fn ask(&self, api: &Api, who: &Person, path: &str, body: &Value) -> Answer {
        let path: String =
            path.split('/').map(|part| if part.starts_with('{') { "4711" } else { part }).collect::<Vec<_>>().join("/");
        api.raw_as(who, self.method.parse::<Method>().expect("a method"), &path, body.to_string()).await
    }
}

/// Every operation of the document that requires a credential.
fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&functions::openapi::text().expect("a document")).expect("JSON");
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if operation.get("security").is_some() {
                all.push(Operation { method: method.to_uppercase(), path: path.clone() });
            }
        }
    }
    assert!(all.len() > 80, "{}", all.len());
    all
}

#[tokio::test]
async fn an_exhausted_budget_refuses_every_operation() {
    let world = own_world(&[Variable("RATE_WORK", NONE_LEFT)]);
    let spent = async |name: &str| {
        let who = world.api.person(name).await;
        for _ in 0..6 {
            world.api.get("/api/users/me", &who).await;
        }
        // Nothing cheaper fits the remaining budget.
        for _ in 0..3 {
            world.api.post("/api/auth/ticket", &who, json!({})).await;
        }
        who
    };
    let ann = spent("ann").await;
    for operation in operations() {
        let told = format!("{} {}", operation.method, operation.path);
        if operation.counter() == Counter::Ending {
            let answer = operation.ask(&world.api, &spent("bob").await, &operation.path, &json!({})).await;
            assert_ne!(answer.status, 429, "{told}: one can end one's sessions, whoever uses up the budget");
        } else {
            let answer = operation.ask(&world.api, &ann, &operation.path, &json!({})).await;
            assert_eq!(answer.status, 429, "{told}: {}", answer.plain());
            answer.refused(429, "rate_limited");
        }
    }
    let eve = world.api.person("eve").await;
    let rooms = world.api.get("/api/rooms", &eve).await;
    assert_eq!(rooms.headers["ratelimit-policy"], "\"default\";q=15;w=1000000000", "what reads is told its budget");
    rooms.is(200);
}

#[tokio::test]
async fn whatever_changes_something_is_counted() {
    let world = own_world(&[
        Variable("RATE_ACT", TWICE),
        Variable("RATE_UPLOAD", TWICE),
        Variable("RATE_CONNECT", TWICE),
        Variable("RATE_SEND", TWICE_ON_A_ROW),
        Variable("RATE_CHANGE", TWICE_ON_A_ROW),
    ]);
    let api = &world.api;
    let ann = api.person("ann").await;
    let room = api.group(&ann, &[]).await;
    api.group(&ann, &[]).await;
    let place = format!("/api/rooms/{room}/messages");
    let said = api.post(&place, &ann, json!({ "content": "Hello" })).await.is(201)["seq"].as_u64().expect("a seq");
    let here = format!("{place}/{said}");
    let file = json!({ "purpose": "file", "file_name": "a.txt", "content_type": "text/plain", "size": 1 });
    // Limits applied inside transactions need the action to happen.
    let happens = |operation: &Operation, time: usize| -> Option<(String, Value)> {
        let text = json!({ "content": format!("text {time}") });
        Some(match (operation.method.as_str(), operation.path.as_str()) {
            ("POST", "/api/rooms/{room_id}/messages") => (place.clone(), text),
            ("POST", "/api/messages/send") => {
                (operation.path.clone(), json!({ "room_id": room, "content": format!("text {time}") }))
            }
            ("PATCH", "/api/rooms/{room_id}/messages/{seq}") => (here.clone(), text),
            ("PUT", "/api/rooms/{room_id}/messages/{seq}/reactions") => {
                let emoji = ["👍", "🎉", "😀", "👋"][time % 4];
                (format!("{here}/reactions"), json!({ "emoji": emoji }))
            }
            // Reactions before the limit was reached.
            ("DELETE", "/api/rooms/{room_id}/messages/{seq}/reactions") => {
                (format!("{here}/reactions?emoji=%F0%9F%91%8D"), json!({}))
            }
            ("POST", "/api/uploads") => (operation.path.clone(), file.clone()),
            ("POST", "/api/auth/ticket") => (operation.path.clone(), json!({})),
            ("DELETE", "/api/users/me") => (operation.path.clone(), json!({ "password": "not the password" })),
            _ => return None,
        })
    };
    api.put(&format!("{here}/reactions"), &ann, json!({ "emoji": "👍" })).await.is(200);
    let mut rows = BTreeSet::new();
    for operation in operations().into_iter().filter(|operation| operation.method != "GET") {
        let (method, path) = (operation.method.clone(), operation.path.clone());
        if path.starts_with("/api/auth/logout") {
            // Each success uses the last token.
            continue;
        }
        assert_ne!(operation.counter(), Counter::None, "{method} {path}");
        let mut refused = false;
        for time in 0..5 {
            let (asked, body) = happens(&operation, time).unwrap_or((path.clone(), json!({})));
            let answer = operation.ask(api, &ann, &asked, &body).await;
            refused |= answer.status == 429;
            assert_ne!(answer.status, 401, "{method} {path}");
        }
        assert!(refused, "{method} {path} may be asked for as often as one likes");
        if matches!(operation.counter(), Counter::Row | Counter::Separate) {
            rows.insert(format!("{method} {path}"));
        }
    }
    assert_eq!(rows.len(), 7, "what is not counted at the door: {rows:?}");
}

#[tokio::test]
async fn every_action_of_a_socket_is_counted() {
    let world = own_world(&[
        Variable("RATE_FRAMES", "3/1000000000"),
        Variable("RATE_SEND", TWICE_ON_A_ROW),
        Variable("RATE_CONNECT", "100/60"),
    ]);
    let ann = world.api.person("ann").await;
    for verb in &VERBS {
        let mut socket = Socket::lean(&world.ws, &ann).await;
        let mut frame: Value = serde_json::from_str(verb.examples[0]).expect("JSON");
        let mut seen = Vec::new();
        for time in 0..8 {
            frame["id"] = json!(format!("{}-{time}", verb.name));
            if !socket.try_send(&frame).await {
                break;
            }
            let answer = loop {
                match socket.next().await {
                    Some(answer) if answer["id"] == frame["id"] || answer["type"] == "bye" => break answer,
                    Some(_) => {}
                    None => break json!({ "type": "bye", "code": "closed" }),
                }
            };
            seen.push(answer["code"].as_str().unwrap_or("ok").to_owned());
            if answer["type"] == "bye" {
                break;
            }
        }
        let stopped = seen.iter().any(|code| matches!(code.as_str(), "rate_limited" | "too_many_frames" | "closed"));
        assert!(stopped, "{} is never too much: {seen:?}", verb.name);
    }
}

#[tokio::test]
async fn repeated_pins_and_blocks_are_limited_and_stop_notifying_others() {
    let world = own_world(&[Variable("RATE_ACT", "20/1000000000")]);
    let api = &world.api;
    let (ann, bob) = (api.person("ann").await, api.person("bob").await);
    let room = api.group(&ann, &[&bob]).await;
    api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Hello" })).await.is(201);
    api.put(&format!("/api/rooms/direct/{}", bob.id), &ann, json!({})).await.is(201);
    let mut his = Socket::lean(&world.ws, &bob).await;
    let (pin, block) = (format!("/api/rooms/{room}/messages/1/pin"), format!("/api/blocks/{}", bob.id));
    let mut statuses = BTreeMap::new();
    for path in [&pin, &block] {
        for _ in 0..15 {
            *statuses.entry(api.put(path, &ann, json!({})).await.status.as_u16()).or_insert(0) += 1;
            *statuses.entry(api.delete(path, &ann).await.status.as_u16()).or_insert(0) += 1;
        }
    }
    assert_eq!(statuses.get(&429), Some(&42), "{statuses:?}");
    let mut heard = 0;
    while his.next_within(Duration::from_millis(500)).await.is_some() {
        heard += 1;
    }
    assert!(heard <= 20, "{heard} frames");
}

#[tokio::test]
async fn tabs_that_come_back_at_once_all_catch_up_and_notice_nothing() {
    let world = world();
    let (ann, known) = world.api.person_with_rooms("ann", 20, Duration::ZERO).await;
    let tab = async |packed: bool| {
        let mut socket = Socket::lean(&world.ws, &ann).await;
        let hello = json!({ "action": "hello", "id": "h", "rooms": known, "packed": packed });
        socket.send(&hello).await;
        assert_eq!(socket.wait("welcome").await["id"], "h");
        let mut told = BTreeSet::new();
        while told.len() < 20 {
            let frame = socket.next().await.expect("a frame");
            match frame["type"].as_str() {
                Some("catch_up") if packed => {
                    told.extend(frame["rooms"].as_array().expect("rooms").iter().map(|room| room["room_id"].as_u64()));
                }
                Some("sync") if !packed => drop(told.insert(frame["room_id"].as_u64())),
                // On a busy machine: what any client does in that case.
                Some("error") if frame["code"] == "rate_limited" => {
                    tokio::time::sleep(Duration::from_secs(frame["retry_after"].as_u64().expect("seconds"))).await;
                    socket.send(&hello).await;
                    socket.wait("welcome").await;
                }
                _ => panic!("{frame}"),
            }
        }
    };
    tokio::join!(tab(true), tab(true), tab(false), tab(true), tab(false));
}

/// The rate limits of a deployment, except for registration.
fn deployed_rates() -> Vec<Variable<'static>> {
    let rates = SETTINGS.iter().filter(|setting| setting.form == Form::Rate && setting.name != "RATE_REGISTER");
    rates.map(|setting| Variable(setting.name, setting.default)).collect()
}

/// The worst load of one account: catch-ups of all rooms on many sockets and heavy reads, continued beyond the limits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_at_its_limits_does_not_block_other_senders() {
    let world = own_world(&deployed_rates());
    let (mallory, known) = world.api.person_with_rooms("mallory", 40, Duration::ZERO).await;
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let hello = json!({ "action": "hello", "rooms": known });
    let until = Instant::now() + Duration::from_secs(8);
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let (mut socket, hello) = (Socket::lean(&world.ws, &mallory).await, hello.clone());
        tasks.push(tokio::spawn(async move {
            let mut refused = false;
            while Instant::now() < until && socket.try_send(&hello).await {
                while let Some(frame) = socket.next_within(Duration::from_millis(150)).await {
                    refused |= frame["code"] == "rate_limited";
                }
            }
            refused
        }));
    }
    let api = world.api.clone();
    tasks.push(tokio::spawn(async move {
        let mut refused = false;
        while Instant::now() < until {
            for path in ["/api/users/me/export", "/api/sync", "/api/rooms?scope=all&limit=100", "/api/search?q=x"] {
                let status = api.get(path, &mallory).await.status;
                refused |= status == 429;
                assert!(status == 200 || status == 429, "{path}: {status}");
            }
        }
        refused
    }));
    let mut slowest = Duration::ZERO;
    for number in 0..28 {
        let begun = Instant::now();
        let content = json!({ "content": format!("text {number}") });
        world.api.post(&format!("/api/rooms/{room}/messages"), &ann, content).await.is(201);
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut refused = false;
    for task in tasks {
        refused |= task.await.expect("the attack goes on");
    }
    assert!(refused, "nothing of it was too much");
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
}

#[tokio::test]
async fn frequent_probes_share_one_check() {
    let world = own_world(&[]);
    let begun = Instant::now();
    world.api.get_public("/health/ready").await.is(200);
    for _ in 0..30 {
        world.api.get_public("/health/ready").await.is(200);
    }
    let looks = || {
        let recent = world.cloud().lambda().journal().recent();
        let lines = recent.into_iter().flat_map(|invocation| invocation.lines);
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        let ready: Vec<_> = lines.filter(|line| line["what"] == "GET /health/ready").collect();
        (ready.len(), ready.iter().filter(|line| line["statements"].as_u64() > Some(0)).count())
    };
    until("every probe is recorded", async || looks().0 >= 31).await;
    let (probes, asked) = looks();
    let most = 1 + usize::try_from(begun.elapsed().as_secs() / 2).expect("few");
    assert!(probes == 31 && asked >= 1 && asked <= most, "{asked} of {probes} probes asked the stores");
}
