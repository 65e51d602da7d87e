//! Work that waits: in queues, where it takes no instance, so that an account of ten instances serves everyone meanwhile.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::{Value, json};
use shared::aws::sigv4_client::SigV4Client;
use shared::aws::sqs::{QueueMessage, Sqs};
use shared::config::{Aws, Secret};
use shared::time::Timestamp;

use crate::api::Person;
use crate::cloud::{Variable, World, own_world};
use crate::faults::Registry;
use crate::friends::befriend;
use crate::notifications::{Browser, Service};
use crate::socket::Socket;
use crate::wait::{until, until_within};

/// Longer than the longest wait of the defaults: a pause of ten seconds between notifications.
const LATE: Duration = Duration::from_secs(40);
/// Shorter than the shortest wait of the defaults: five seconds until an absence is announced.
const LONGEST_INVOCATION: Duration = Duration::from_secs(4);

/// The state of a queue.
async fn queue(world: &World, name: &str) -> Value {
    let state = world.api.get_public("/_local/state").await.is(200);
    let queues = state["queues"].as_array().expect("queues");
    queues.iter().find(|queue| queue["name"].as_str().is_some_and(|own| own.starts_with(name))).expect("the queue").clone()
}

/// Returns the longest invocation of each function. A deployment waits for `migrate`, not a person.
fn longest_invocations(world: &World) -> BTreeMap<String, Duration> {
    let longest = world.cloud().lambda().journal().metrics().into_iter().map(|(function, metrics)| {
        let micros = metrics.durations.percentile(100).unwrap_or_default();
        (function, Duration::from_micros(micros.into()))
    });
    longest.filter(|(function, _)| function != "MigrateFunction").collect()
}

/// Fails if an invocation took longer than it may.
fn nothing_ran_long(world: &World) {
    for (function, took) in longest_invocations(world) {
        assert!(took < LONGEST_INVOCATION, "{function} ran for {took:?}");
    }
}

async fn say(world: &World, who: &Person, room: u64, text: &str) -> u16 {
    world.api.post(&format!("/api/rooms/{room}/messages"), who, json!({ "content": text })).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_instances_serve_all_while_forty_people_leave_and_fourteen_absent_ones_get_bursts() {
    const LEAVERS: usize = 40;
    const PAIRS: usize = 14;
    let world = own_world(&["RATE_ACT", "RATE_REACH", "RATE_SEND", "RATE_WORK"].map(|rate| Variable(rate, "100000/60")));
    let mut service = Service::start().await;
    let watcher = world.api.person("watcher").await;
    let mut leaving = Vec::new();
    for _ in 0..LEAVERS {
        let person = world.api.person("leaver").await;
        befriend(&world.api, &watcher, &person).await;
        leaving.push((Socket::lean(&world.ws, &person).await, person));
    }
    let everyone: Vec<_> = leaving.iter().map(|(_, person)| person).collect();
    let room = world.api.group(&watcher, &everyone).await;
    let mut writers = Vec::new();
    for number in 0..PAIRS {
        let (writer, absent) = (world.api.person("writer").await, world.api.person("absent").await);
        let browser = Browser::subscribe(&world, &absent, format!("{}/{number}", service.base)).await;
        let direct = world.api.put(&format!("/api/rooms/direct/{}", absent.id), &writer, json!({})).await.is(201);
        writers.push((writer, direct["id"].as_u64().expect("an id"), browser));
    }
    let mut hears = Socket::lean(&world.ws, &watcher).await;
    // What the beginning caused is over.
    let idle = async || {
        let queue = queue(&world, "PresenceQueue").await;
        queue["visible"] == 0 && queue["in_flight"] == 0
    };
    until("arrivals are announced", idle).await;

    world.cloud().faults().set_json(&json!({ "concurrency": { "limit": 10 } })).expect("faults that can be set");
    let world = Arc::new(world);
    let over = Arc::new(AtomicBool::new(false));
    let talking = tokio::spawn({
        let (world, over, watcher) = (Arc::clone(&world), Arc::clone(&over), watcher.clone());
        async move {
            let mut answers: BTreeMap<u16, u32> = BTreeMap::new();
            while !over.load(Ordering::Relaxed) {
                *answers.entry(say(&world, &watcher, room, "Is anybody still here?").await).or_default() += 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            answers
        }
    });
    let mut gone: Vec<u64> = Vec::new();
    for (socket, person) in leaving {
        drop(socket);
        gone.push(person.id);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (texts, last) in [(&["first"][..], "first"), (&["second", "third"], "third")] {
        for text in texts {
            for (writer, direct, _) in &writers {
                assert_eq!(say(&world, writer, *direct, text).await, 201, "{text}");
            }
        }
        let mut notified = BTreeMap::new();
        while notified.len() < PAIRS {
            let arrived = service.next(LATE).await.unwrap_or_else(|| panic!("not every device heard of {last}: {notified:?}"));
            let number: usize = arrived.path.trim_start_matches('/').parse().expect("a number");
            let preview = writers[number].2.read(&arrived.body)["preview"].clone();
            assert_eq!(notified.insert(arrived.path, preview), None, "once for each");
        }
        assert!(notified.values().all(|preview| preview == last), "{notified:?}");
    }
    while !gone.is_empty() {
        let hearing = tokio::time::timeout(LATE, hears.wait("presence")).await;
        let frame = hearing.unwrap_or_else(|_| panic!("not announced as absent: {gone:?}"));
        if frame["online"] == false {
            gone.retain(|id| frame["user_id"] != *id);
        }
    }
    over.store(true, Ordering::Relaxed);
    let answers = talking.await.expect("the answers");
    assert_eq!(answers.keys().collect::<Vec<_>>(), [&201], "{answers:?}");
    let messages = answers.values().sum::<u32>();
    // Not `println!`, which the harness hides on success.
    let longest = longest_invocations(&world);
    writeln!(io::stderr(), "{messages} messages accepted meanwhile; longest invocations: {longest:?}").expect("a line");
    world.cloud().faults().clear();
    nothing_ran_long(&world);
    assert_eq!(queue(&world, "QueueDeadLetters").await["visible"], 0);
}

#[tokio::test]
async fn a_message_that_fails_comes_back_alone() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    befriend(&world.api, &ann, &bob).await;
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let _his = Socket::lean(&world.ws, &bob).await;
    assert_eq!(hers.wait("presence").await["user_id"], bob.id);
    let aws = Aws {
        region: "us-east-1".into(),
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test"),
        session_token: None,
        is_real: false,
    };
    let (client, sqs) = (SigV4Client::new(&aws), Sqs::at(&world.cloud().sqs().endpoint()));
    let good = json!({ "came": { "user_id": bob.id } }).to_string();
    for body in ["no check", &good, r#"{"came":{}}"#, &good] {
        let message = QueueMessage {
            queue_url: "https://sqs.us-east-1.amazonaws.com/000000000000/PresenceQueue",
            body: body.into(),
            delay: Duration::from_secs(1),
        };
        sqs.send(&client, &message, Timestamp::now()).await.expect("sent");
    }
    for _ in 0..2 {
        let frame = hers.wait("presence").await;
        assert_eq!((&frame["user_id"], &frame["online"]), (&json!(bob.id), &json!(true)));
    }
    // In flight: they become visible again after the visibility timeout.
    let left = async || {
        let queue = queue(&world, "PresenceQueue").await;
        (&queue["visible"], &queue["delayed"], &queue["in_flight"]) == (&json!(0), &json!(0), &json!(2))
    };
    until("two messages are left", left).await;
}

#[tokio::test]
async fn events_of_the_previous_release_are_served_and_wait_in_queues() {
    let world = own_world(&[Variable("PRESENCE_GRACE", "5"), Variable("NOTIFY_PAUSE", "1"), Variable("RATE_SEND", "100000/60")]);
    let mut service = Service::start().await;
    let (ann, bob, cat) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("cat").await);
    befriend(&world.api, &ann, &bob).await;
    let room = world.api.group(&ann, &[&bob, &cat]).await;
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let _his = Socket::lean(&world.ws, &bob).await;
    assert_eq!(hers.wait("presence").await["user_id"], bob.id);
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Soup" })).await.is(201);
    let browser = Browser::subscribe(&world, &cat, format!("{}/cat", service.base)).await;
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    let socket = registry.connections(ann.id).await.pop().expect("her socket");

    let now = Timestamp::now().0;
    let invoke = |function: &str, event: Value| {
        world.cloud().lambda().invoke_event(function, Bytes::from(event.to_string())).expect("invoked");
    };
    invoke("PresenceFunction", json!({ "came": { "user_id": bob.id } }));
    invoke("PresenceFunction", json!({ "left": { "until": now + 1500, "part": 7 } }));
    invoke("PresenceFunction", json!({ "ended": { "user_id": cat.id } }));
    invoke("NotifyFunction", json!({ "room_id": room, "seq": sent["seq"], "to": [cat.id] }));
    let hint = json!({ "busy": { "room_id": room, "rev": 4711, "due": now + 1000 } });
    invoke("FanoutFunction", json!({ "what": hint, "to": [[ann.id, socket, 1, true, now - 60_000]] }));

    let waits = async || queue(&world, "PresenceQueue").await["delayed"] == 1;
    until_within(Duration::from_secs(5), "what comes early waits in the queue", waits).await;
    assert_eq!(hers.wait("presence").await["online"], true);
    assert_eq!(browser.read(&service.next(LATE).await.expect("a notification").body)["preview"], "Soup");
    let hint = hers.wait("room").await;
    assert_eq!((&hint["room_id"], &hint["rev"]), (&json!(room), &json!(4711)));
    until("the check has run", async || queue(&world, "PresenceQueue").await["delayed"] == 0).await;
    nothing_ran_long(&world);
    assert!(world.cloud().lambda().dead_letters().is_empty());
}

#[tokio::test]
async fn what_runs_twice_notifies_once() {
    let world = own_world(&[Variable("NOTIFY_PAUSE", "1")]);
    let mut service = Service::start().await;
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let browser = Browser::subscribe(&world, &bob, format!("{}/bob", service.base)).await;
    let twice = json!({ "replay": { "function": "notify" } });
    world.cloud().faults().set_json(&twice).expect("faults that can be set");
    for (texts, last) in [(&["first"][..], "first"), (&["second", "third"], "third")] {
        for text in texts {
            assert_eq!(say(&world, &ann, room, text).await, 201);
        }
        let arrived = service.next(LATE).await.expect("a notification");
        assert_eq!(browser.read(&arrived.body)["preview"], last);
    }
    let more = service.next(Duration::from_secs(4)).await;
    assert!(more.is_none(), "{more:?}");
}

#[tokio::test]
async fn queues_that_do_not_answer_keep_no_one_from_talking() {
    let world = own_world(&[Variable("RATE_SEND", "100000/60")]);
    let service = Service::start().await;
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    Browser::subscribe(&world, &bob, format!("{}/bob", service.base)).await;
    for mode in ["refuse", "reset", "hang"] {
        world.cloud().faults().set_json(&json!({ "sqs": { "mode": mode } })).expect("faults that can be set");
        let begun = Instant::now();
        assert_eq!(say(&world, &ann, room, mode).await, 201);
        let mut hers = Socket::lean(&world.ws, &ann).await;
        assert_eq!(hers.ask(json!({ "action": "ping" })).await["type"], "pong", "{mode}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{mode}: {:?}", begun.elapsed());
    }
}
