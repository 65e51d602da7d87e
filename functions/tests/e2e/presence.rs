//! Presence over real sockets: announcements, and the effects of reconnects, killed connections and lost events.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::api::{Api, Person};
use crate::cloud::{Variable, World, own_world};
use crate::faults::Registry;
use crate::friends::befriend;
use crate::socket::Socket;
use crate::wait::until;

/// Longer than any announcement takes with a grace period of one second: departures are collected for two, and queues count whole seconds.
const LATE: Duration = Duration::from_secs(7);

fn quick_world() -> World {
    own_world(&[Variable("PRESENCE_GRACE", "1")])
}

/// The next announcement about a user within a time.
async fn next_presence(socket: &mut Socket, of: &Person, within: Duration) -> Option<Value> {
    let telling = async {
        loop {
            let frame = socket.wait("presence").await;
            if frame["user_id"] == of.id {
                return frame;
            }
        }
    };
    tokio::time::timeout(within, telling).await.ok()
}

/// The number of invocations of `presence`.
fn looks(world: &World) -> u64 {
    let instances = world.cloud().lambda().instances();
    instances.iter().filter(|instance| instance.function == "PresenceFunction").map(|instance| instance.invocations).sum()
}

async fn friend(api: &Api, who: &Person, of: &Person) -> Value {
    let friends = api.get("/api/friends", who).await.is(200);
    let mut items = friends["items"].as_array().expect("items").iter();
    items.find(|friend| friend["user"]["id"] == of.id).expect("the friend")["user"].clone()
}

#[tokio::test]
async fn a_friend_is_notified_of_the_first_and_the_last_socket_only() {
    let world = quick_world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    befriend(&world.api, &ann, &bob).await;
    let mut hers = Socket::of(&world.ws, &ann).await;
    assert_eq!(friend(&world.api, &ann, &bob).await["online"], false);
    let laptop = Socket::of(&world.ws, &bob).await;
    let came = next_presence(&mut hers, &bob, LATE).await.expect("told");
    assert_eq!((&came["online"], &came["last_seen"]), (&json!(true), &Value::Null));
    assert!(came["ts"].as_i64().is_some_and(|ts| ts > 0));
    assert_eq!(friend(&world.api, &ann, &bob).await["online"], true);
    let before = looks(&world);
    let phone = Socket::lean(&world.ws, &bob).await;
    drop(laptop);
    assert_eq!(next_presence(&mut hers, &bob, Duration::from_secs(1)).await, None);
    assert_eq!(looks(&world), before, "a second socket has nobody look");
    // Closed and reopened within the grace period.
    drop(phone);
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    until("the socket has left the registry", async || registry.connections(bob.id).await.is_empty()).await;
    let again = Socket::of(&world.ws, &bob).await;
    assert_eq!(next_presence(&mut hers, &bob, LATE).await, None, "flapping is not told");
    drop(again);
    let left = next_presence(&mut hers, &bob, LATE).await.expect("told");
    assert_eq!(left["online"], false);
    let seen = friend(&world.api, &ann, &bob).await;
    assert_eq!((&seen["online"], &seen["last_seen"]), (&json!(false), &left["last_seen"]));
    assert!(left["last_seen"].is_string());
}

#[tokio::test]
async fn welcome_and_direct_rooms_contain_presence() {
    let world = quick_world();
    let (ann, bob, cat) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("cat").await);
    befriend(&world.api, &ann, &bob).await;
    let direct = format!("/api/rooms/direct/{}", cat.id);
    world.api.put(&direct, &ann, json!({})).await.is(201);
    let (_his, _hers) = (Socket::of(&world.ws, &bob).await, Socket::of(&world.ws, &cat).await);
    let mut socket = Socket::of(&world.ws, &ann).await;
    let welcome = socket.ask(json!({ "action": "hello" })).await;
    assert_eq!(welcome["online"], json!([bob.id, cat.id]), "friends, and the others of direct rooms");
    assert_eq!(world.api.put(&direct, &ann, json!({})).await.is(200)["direct_user"]["online"], true);
    let rooms = world.api.get("/api/rooms?scope=joined", &ann).await.is(200);
    assert_eq!(rooms["items"][0]["direct_user"]["online"], true);
}

#[tokio::test]
async fn a_block_ends_what_two_see_of_each_other() {
    let world = quick_world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    befriend(&world.api, &ann, &bob).await;
    let direct = world.api.put(&format!("/api/rooms/direct/{}", bob.id), &ann, json!({})).await.is(201);
    let (mut hers, his) = (Socket::of(&world.ws, &ann).await, Socket::of(&world.ws, &bob).await);
    assert_eq!(next_presence(&mut hers, &bob, LATE).await.expect("told")["online"], true);
    world.api.put(&format!("/api/blocks/{}", bob.id), &ann, json!({})).await.is(204);
    let hidden = next_presence(&mut hers, &bob, LATE).await.expect("told");
    assert_eq!((&hidden["online"], &hidden["last_seen"]), (&Value::Null, &Value::Null));
    for who in [&ann, &bob] {
        let room = world.api.get(&format!("/api/rooms/{}", direct["id"]), who).await.is(200);
        assert_eq!((&room["direct_user"]["online"], &room["direct_user"]["last_seen"]), (&Value::Null, &Value::Null));
    }
    drop(his);
    assert_eq!(next_presence(&mut hers, &bob, LATE).await, None, "nor hears she that he left");
}

/// Replaces a user's registry entry by a socket that died silently some time ago.
async fn lose_disconnect(world: &World, who: &Person, socket: Socket, ago_ms: i64) {
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a clock").as_millis()).expect("a time");
    let real = registry.connections(who.id).await.pop().expect("a socket");
    registry.add(who.id, "T2xkT2xkT2xkT2w=", now - ago_ms).await;
    let update = registry.0.update_item().table_name("ConnectionsTable").key("user_id", AttributeValue::N(who.id.to_string()));
    let update = update.update_expression("REMOVE #c").expression_attribute_names("#c", format!("c#{real}"));
    update.send().await.expect("written");
    drop(socket);
}

#[tokio::test]
async fn a_silently_dead_socket_is_detected_at_the_next_push() {
    let world = quick_world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    befriend(&world.api, &ann, &bob).await;
    let room = world.api.group(&ann, &[&bob]).await;
    let mut hers = Socket::of(&world.ws, &ann).await;
    let his = Socket::of(&world.ws, &bob).await;
    assert_eq!(next_presence(&mut hers, &bob, LATE).await.expect("told")["online"], true);
    lose_disconnect(&world, &bob, his, 60_000).await;
    assert_eq!(next_presence(&mut hers, &bob, Duration::from_secs(4)).await, None, "nobody knows yet");

    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Hi" })).await.is(201);
    assert_eq!(next_presence(&mut hers, &bob, LATE).await.expect("told")["online"], false);
}

#[tokio::test]
async fn an_expired_entry_is_announced_when_it_is_read() {
    let world = quick_world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    befriend(&world.api, &ann, &bob).await;
    let mut hers = Socket::of(&world.ws, &ann).await;
    let his = Socket::of(&world.ws, &bob).await;
    assert_eq!(next_presence(&mut hers, &bob, LATE).await.expect("told")["online"], true);
    lose_disconnect(&world, &bob, his, 3 * 3_600_000).await;
    let seen = friend(&world.api, &ann, &bob).await;
    assert_eq!(seen["online"], false);
    let left = next_presence(&mut hers, &bob, LATE).await.expect("told");
    assert_eq!((&left["online"], &left["last_seen"]), (&json!(false), &seen["last_seen"]));
    let his = Socket::of(&world.ws, &bob).await;
    assert_eq!(next_presence(&mut hers, &bob, LATE).await.expect("told")["online"], true, "and he comes anew");
    drop(his);
}

#[tokio::test]
async fn hiding_presence_hides_it_from_everyone_at_once() {
    let world = quick_world();
    let (ann, bob, eve) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("eve").await);
    befriend(&world.api, &ann, &bob).await;
    let mut hers = Socket::of(&world.ws, &ann).await;
    let his = Socket::of(&world.ws, &bob).await;
    assert_eq!(next_presence(&mut hers, &bob, LATE).await.expect("told")["online"], true);
    let profile = async |who| world.api.get(&format!("/api/users/{}", bob.id), who).await.is(200)["online"].clone();
    for (visibility, heard, friend, stranger) in [
        ("friends", None, json!(true), Value::Null),
        ("nobody", Some(Value::Null), Value::Null, Value::Null),
        ("everyone", Some(json!(true)), json!(true), json!(true)),
        ("nobody", Some(Value::Null), Value::Null, Value::Null),
    ] {
        world.api.patch("/api/users/me", &bob, json!({ "settings": { "presence": visibility } })).await.is(200);
        let frame = next_presence(&mut hers, &bob, Duration::from_secs(1)).await;
        assert_eq!(frame.map(|frame| frame["online"].clone()), heard, "{visibility}");
        assert_eq!((profile(&ann).await, profile(&eve).await), (friend, stranger), "{visibility}");
    }
    drop(his);
    assert_eq!(next_presence(&mut hers, &bob, LATE).await, None);
}
