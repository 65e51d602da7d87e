//! Queued and failed events contain references, never user content or names.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use crate::api::PASSWORD;
use crate::cloud::{Variable, World, own_world};
use crate::socket::Socket;
use crate::wait::until;

const CANARY: &str = "canary-medical-record-5527";

/// Everything that was handed over and still exists: queued events and dead letters.
fn kept(world: &World) -> String {
    let lambda = world.cloud().lambda();
    let events: Vec<_> = lambda
        .journal()
        .recent()
        .into_iter()
        .filter(|invocation| {
            ["FanoutFunction", "PresenceFunction", "NotifyFunction", "SweepFunction"].contains(&invocation.function.as_str())
        })
        .map(|invocation| format!("{} {}", invocation.function, String::from_utf8_lossy(&invocation.event)))
        .collect();
    let letters: Vec<_> = lambda.dead_letters().iter().map(ToString::to_string).collect();
    format!("{}\n{}", events.join("\n"), letters.join("\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_large_room_are_in_no_queue_and_no_dead_letter() {
    let world = own_world(&[Variable("PUSH_INLINE", "1")]);
    let api = &world.api;
    let (ann, bob, cat) = (api.person("ann").await, api.person("bob").await, api.person("cat").await);
    let room = api.group(&ann, &[&bob]).await;
    let mut sockets =
        [Socket::lean(&world.ws, &ann).await, Socket::lean(&world.ws, &bob).await, Socket::of(&world.ws, &bob).await];
    let dying = json!({ "kill": { "function": "fanout", "at": "before_handler" } });
    world.cloud().faults().set_json(&dying).expect("faults that can be set");
    let path = format!("/api/rooms/{room}/messages");
    let named = |what: &str| format!("{CANARY} {what}");
    api.patch("/api/users/me", &cat, json!({ "display_name": named("name"), "about": named("about") })).await.is(200);
    api.patch("/api/users/me", &ann, json!({ "display_name": named("mine") })).await.is(200);
    let sent = api.post(&path, &ann, json!({ "content": named("message") })).await.is(201);
    let message = format!("{path}/{}", sent["seq"]);
    api.patch(&message, &ann, json!({ "content": named("edit") })).await.is(200);
    let second = api.post(&path, &ann, json!({ "content": named("reply"), "reply_to": sent["seq"] })).await.is(201);
    api.put(&format!("{message}/reactions"), &bob, json!({ "emoji": "👍" })).await.is(200);
    api.put(&format!("{message}/pin"), &ann, json!({})).await.is(200);
    api.patch(&format!("/api/rooms/{room}"), &ann, json!({ "name": named("room"), "topic": named("topic") })).await.is(200);
    api.post(&format!("/api/rooms/{room}/members"), &ann, json!({ "user_ids": [cat.id] })).await.is(200);
    api.patch(&format!("/api/rooms/{room}/members/{}", cat.id), &ann, json!({ "role": "admin" })).await.is(200);
    api.post("/api/friends/requests", &ann, json!({ "user_id": bob.id })).await;
    api.put(&format!("/api/rooms/{room}/mute"), &bob, json!({ "until": "2099-01-01T00:00:00Z" })).await.is(200);

    until("there are ten dead letters", async || world.cloud().lambda().dead_letters().len() >= 10).await;
    let clean = |when: &str| {
        let kept = kept(&world);
        assert!(kept.contains("FanoutFunction") && kept.contains("room_id"), "something was looked at: {kept}");
        for word in [CANARY, &ann.name, &cat.name] {
            assert!(!kept.contains(word), "{word}, {when}: {kept}");
        }
    };
    clean("while it stands");
    api.delete(&format!("{message}?for=all"), &ann).await.is(204);
    api.raw_as(&ann, Method::DELETE, "/api/users/me", json!({ "password": PASSWORD }).to_string()).await.is(204);
    clean("after it was taken back");

    // A redriven dead letter delivers the current content.
    world.cloud().faults().clear();
    let letters = world.cloud().lambda().dead_letters();
    let of = |seq: &serde_json::Value| {
        let it = letters.iter().find(|letter| letter["requestPayload"]["what"]["message"]["seq"] == *seq);
        it.expect("a letter")["requestContext"]["requestId"].as_str().expect("an id").to_owned()
    };
    for seq in [&sent["seq"], &second["seq"]] {
        world.cloud().lambda().send_again(&of(seq)).expect("there").expect("sent");
    }
    let bob_hears = &mut sockets[1];
    let mut told = Vec::new();
    while let Some(frame) = bob_hears.next_within(Duration::from_secs(2)).await {
        if frame["type"] == "message" && frame["seq"] == second["seq"] {
            told.push("message");
        }
        if frame["type"] == "room" && frame["rev"] == sent["rev"] {
            told.push("room");
        }
        assert!(frame["seq"] != sent["seq"] || frame["type"] != "message", "it was taken back: {frame}");
    }
    told.sort_unstable();
    assert_eq!(told, ["message", "room"]);
}
