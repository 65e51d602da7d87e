//! Concurrency: one order for all members, no lost frames, and large audiences through `fanout`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Person};
use crate::cloud::{Variable, own_world, world};
use crate::socket::Socket;
use crate::wait::until;

/// A public room and its members; the first one owns it.
pub(crate) async fn crowd(api: &Api, size: usize) -> (u64, Vec<Person>) {
    let mut people = Vec::new();
    for _ in 0..size {
        people.push(api.person("member").await);
    }
    let others: Vec<_> = people[1..].iter().map(|person| person.id).collect();
    let room = json!({ "name": "Crowd", "kind": "public", "member_ids": others });
    let room = api.post("/api/rooms", &people[0], room).await.is(201)["id"].as_u64().expect("an id");
    (room, people)
}

fn place_and_text(message: &Value) -> (u64, String) {
    (message["seq"].as_u64().expect("a seq"), message["content"].as_str().expect("a text").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_senders_in_one_room_reach_all_in_one_order_without_gaps() {
    const WRITERS: usize = 50;
    const EACH: usize = 3;
    let world = world();
    let (room, people) = crowd(&world.api, WRITERS).await;
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push((Socket::lean(&world.ws, person).await, person.name.clone()));
    }
    // Everyone writes and listens on one socket at the same time.
    let everyone: Vec<_> = sockets
        .into_iter()
        .map(|(mut socket, name)| {
            tokio::spawn(async move {
                let (mut heard, mut acked) = (BTreeSet::new(), 0);
                let text = |number| json!({ "action": "send", "room_id": room, "content": format!("{name} {number}") });
                socket.send(&text(0)).await;
                while heard.len() < WRITERS * EACH || acked < EACH {
                    let frame = socket.next().await.expect("the socket is open");
                    match frame["type"].as_str() {
                        Some("message") => drop(heard.insert(place_and_text(&frame))),
                        Some("ack") => {
                            acked += 1;
                            if acked < EACH {
                                socket.send(&text(acked)).await;
                            }
                        }
                        _ => panic!("{frame}"),
                    }
                }
                heard
            })
        })
        .collect();
    let mut all = Vec::new();
    for one in everyone {
        all.push(one.await.expect("wrote and heard"));
    }
    let mut history = BTreeSet::new();
    let mut after = "0".to_owned();
    loop {
        let page = world.api.get(&format!("/api/rooms/{room}/messages?after={after}&limit=100"), &people[0]).await.is(200);
        for message in page["items"].as_array().expect("items") {
            history.insert(place_and_text(message));
        }
        let Some(next) = page["next"].as_str() else { break };
        next.clone_into(&mut after);
    }
    let seqs: Vec<_> = history.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=(WRITERS * EACH) as u64).collect::<Vec<_>>(), "no hole and no double");
    for heard in all {
        assert_eq!(heard, history);
    }
}

#[tokio::test]
async fn a_large_audience_is_served_by_fanout_in_shards() {
    let world = own_world(&[Variable("PUSH_INLINE", "3"), Variable("PUSH_SHARD", "4")]);
    let (room, people) = crowd(&world.api, 11).await;
    let mut sockets = Vec::new();
    for (index, person) in people.iter().enumerate() {
        sockets.push(if index % 2 == 0 { Socket::lean(&world.ws, person).await } else { Socket::of(&world.ws, person).await });
    }
    world.api.post(&format!("/api/rooms/{room}/messages"), &people[0], json!({ "content": "to all" })).await.is(201);
    for (index, socket) in sockets.iter_mut().enumerate() {
        let frame = socket.wait("message").await;
        assert_eq!((&frame["content"], frame.get("data").is_some()), (&json!("to all"), index % 2 == 1));
    }
    let fanout = || -> u64 {
        let instances = world.cloud().lambda().instances();
        instances.iter().filter(|instance| instance.function == "FanoutFunction").map(|instance| instance.invocations).sum()
    };
    until("eleven connections in shards of four are three invocations", async || fanout() >= 3).await;
    assert_eq!(fanout(), 3);
}

#[tokio::test]
async fn a_busy_room_announces_changes_once_a_second_and_loses_none() {
    let world = own_world(&[Variable("PUSH_INLINE", "1"), Variable("PUSH_BUSY", "2")]);
    let (room, people) = crowd(&world.api, 4).await;
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push(Socket::lean(&world.ws, person).await);
    }
    let mut last = 0;
    for number in 0..12 {
        let content = json!({ "content": number.to_string() });
        let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &people[0], content).await.is(201);
        last = sent["rev"].as_u64().expect("a rev");
    }
    for socket in &mut sockets {
        let mut hints = 0;
        loop {
            let frame = socket.next().await.expect("a frame");
            assert_ne!(frame["type"], "message", "single messages would be too many");
            if frame["type"] == "room" {
                hints += 1;
                if frame["rev"].as_u64() >= Some(last) {
                    break;
                }
            }
        }
        assert!((1..=6).contains(&hints), "{hints} hints for 12 messages");
        assert!(socket.next_within(Duration::from_millis(1200)).await.is_none(), "and nothing after the last");
    }
}
