//! The main path: two users, their sockets, and what each legacy client expects.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::world;
use crate::socket::Socket;

#[tokio::test]
async fn two_people_talk_to_each_other() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut hers = Socket::of(&world.ws, &ann).await;
    let mut his = Socket::of(&world.ws, &bob).await;
    let ack = hers.ask(json!({ "action": "send", "room_id": room, "content": "Hello, Bob! 👋", "client_id": "c-7" })).await;
    assert_eq!(ack["type"], "ack");
    assert_eq!((&ack["room_id"], &ack["seq"], &ack["client_id"]), (&json!(room), &json!(1), &json!("c-7")));
    let heard = his.wait("message").await;
    assert_eq!(heard["content"], "Hello, Bob! 👋");
    assert_eq!(heard["id"], ack["message_id"]);
    assert_eq!((&heard["seq"], &heard["rev"]), (&ack["seq"], &ack["rev"]));
    let ack = his.ask(json!({ "action": "send", "room_id": room, "content": "Hello, Ann!", "reply_to": 1 })).await;
    assert_eq!(ack["seq"], 2);
    let answer = hers.wait("message").await;
    assert_eq!(answer["reply_to"], json!({ "seq": 1, "username": ann.name, "kind": "text", "preview": "Hello, Bob! 👋" }));
    let history = world.api.get(&format!("/api/rooms/{room}/messages"), &ann).await.is(200);
    let texts: Vec<_> = history["items"].as_array().expect("items").iter().map(|message| &message["content"]).collect();
    assert_eq!(texts, ["Hello, Bob! 👋", "Hello, Ann!"]);
}

#[tokio::test]
async fn the_sender_and_its_other_devices_receive_the_message_before_the_ack() {
    let world = world();
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    let (mut laptop, mut phone) = (Socket::of(&world.ws, &ann).await, Socket::lean(&world.ws, &ann).await);
    laptop.send(&json!({ "action": "send", "room_id": room, "content": "Hi", "id": 7 })).await;
    let first = laptop.next().await.expect("a frame");
    let second = laptop.next().await.expect("a frame");
    assert_eq!((&first["type"], &second["type"], &second["id"]), (&json!("message"), &json!("ack"), &json!(7)));
    assert_eq!(phone.wait("message").await["content"], "Hi");
}

#[tokio::test]
async fn lean_frames_have_no_redundant_keys_and_full_ones_serve_every_legacy_client() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut full = Socket::of(&world.ws, &bob).await;
    let mut lean = Socket::lean(&world.ws, &bob).await;
    assert_eq!((full.protocol.as_deref(), lean.protocol.as_deref()), (None, Some("conchat.v1")));
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Hello, world!" })).await.is(201);
    let lean = lean.wait("message").await;
    for key in ["data", "user", "message"] {
        assert!(lean.get(key).is_none(), "{key} in {lean}");
    }
    let full = full.wait("message").await;
    for (key, value) in lean.as_object().expect("an object") {
        assert_eq!(&full[key], value, "{key}");
    }
    // Numbers for one legacy client, strings in `data` for another, `user` and `message` for a third.
    assert_eq!(full["type"], "message");
    assert_eq!((full["room_id"].as_u64(), full["sender_id"].as_u64()), (Some(room), Some(ann.id)));
    assert_eq!((full["username"].as_str(), full["content"].as_str()), (Some(ann.name.as_str()), Some("Hello, world!")));
    assert!(full["ts"].as_i64().is_some_and(|ts| ts > 1_600_000_000_000));
    assert_eq!(full["data"]["room_id"], room.to_string());
    assert_eq!((&full["data"]["content"], &full["data"]["file_url"]), (&json!("Hello, world!"), &Value::Null));
    assert_eq!((&full["user"], &full["message"]), (&json!(ann.name), &json!("Hello, world!")));
}

#[tokio::test]
async fn a_message_may_come_in_every_shape_that_older_clients_send() {
    let world = world();
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    let mut socket = Socket::with_token(&format!("{}?roomId={room}", world.ws), &ann.token).await.expect("opens");
    for frame in [
        json!({ "content": "a" }),
        json!({ "type": "message", "data": { "room_id": format!("room-{room}"), "content": "b", "file_url": null } }),
        json!({ "type": "message", "data": "c" }),
        json!({ "action": "sendmessage", "data": "d" }),
        json!({ "action": "send", "roomId": room.to_string(), "content": "e" }),
    ] {
        socket.send(&frame).await;
        assert_eq!(socket.wait("ack").await["room_id"], room, "{frame}");
    }
    let history = world.api.get(&format!("/api/messages?roomId={room}&limit=3"), &ann).await.is(200);
    let texts: Vec<_> = history["items"].as_array().expect("items").iter().map(|message| &message["content"]).collect();
    assert_eq!(texts, ["c", "d", "e"]);
}

#[tokio::test]
async fn a_frame_without_a_room_goes_to_general_and_never_vanishes() {
    let world = world();
    let ann = world.api.person("ann").await;
    let general = world.api.get("/api/rooms/general", &ann).await.is(200);
    assert_eq!((&general["name"], &general["joined"]), (&json!("General"), &json!(false)));
    let mut socket = Socket::of(&world.ws, &ann).await;
    let ack = socket.ask(json!({ "type": "message", "data": "to everyone" })).await;
    assert_eq!(ack["room_id"], general["id"], "{ack}");
    assert_eq!(world.api.get("/api/rooms/general", &ann).await.is(200)["joined"], true, "posting joins");
}

#[tokio::test]
async fn connecting_joins_a_public_room_and_does_not_find_a_hidden_one() {
    let world = world();
    let (ann, eve) = (world.api.person("ann").await, world.api.person("eve").await);
    let group = world.api.group(&ann, &[]).await;
    let public = world.api.post("/api/rooms/create", &ann, json!({ "name": "Open" })).await.is(200);
    assert_eq!(public["kind"], "public");
    let id = public["id"].as_u64().expect("an id");
    let open = async |room: &str| Socket::with_token(&format!("{}?roomId={room}", world.ws), &eve.token).await;
    assert!(open(&id.to_string()).await.is_ok());
    assert_eq!(world.api.get(&format!("/api/rooms/{id}"), &eve).await.is(200)["joined"], true);
    for room in [group.to_string(), "999999999".into(), "nowhere".into(), "%20".into()] {
        assert_eq!(open(&room).await.err(), Some(404), "{room}");
    }
}

#[tokio::test]
async fn welcome_contains_the_user_and_the_rooms() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    for text in ["one", "two"] {
        world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": text })).await.is(201);
    }
    let mut socket = Socket::with_token(&world.ws, &format!("Bearer {}", bob.token)).await.expect("opens");
    let welcome = socket.ask(json!({ "action": "hello" })).await;
    assert_eq!((&welcome["type"], &welcome["user"]["id"]), (&json!("welcome"), &json!(bob.id)));
    assert!(welcome["connection_id"].as_str().is_some_and(|id| id.len() > 10));
    let rooms = welcome["rooms"].as_array().expect("rooms");
    assert_eq!((rooms.len(), &rooms[0]["id"], &rooms[0]["unread"]), (1, &json!(room), &json!(2)));
    assert_eq!(rooms[0]["last_message"]["content"], "two");
    assert!(welcome["reconnect_before"].as_str() > welcome["server_time"].as_str());
}

#[tokio::test]
async fn a_room_list_stays_true_from_frames_alone() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let mut his = Socket::lean(&world.ws, &bob).await;
    let room = world.api.group(&ann, &[&bob]).await;
    let mut mine = his.wait("room.joined").await["room"].clone();
    for text in ["one", "two", "three"] {
        world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": text })).await.is(201);
        let frame = his.wait("message").await;
        mine["last_seq"] = frame["seq"].clone();
        mine["rev"] = frame["rev"].clone();
        mine["unread"] = json!(mine["unread"].as_u64().expect("a number") + 1);
        mine["last_message"] = frame;
    }
    let told = world.api.get(&format!("/api/rooms/{room}"), &bob).await.is(200);
    for key in ["last_seq", "rev", "unread"] {
        assert_eq!(mine[key], told[key], "{key}");
    }
    for key in ["id", "seq", "content", "created_at", "username"] {
        assert_eq!(mine["last_message"][key], told["last_message"][key], "{key}");
    }
    assert!(his.next_within(Duration::from_millis(200)).await.is_none(), "one post a change, and no second one");
}

#[tokio::test]
async fn ping_returns_the_changed_rooms() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut his = Socket::of(&world.ws, &bob).await;
    let pong = his.ask(json!({ "action": "ping" })).await;
    assert_eq!((&pong["type"], &pong["changed"]), (&json!("pong"), &json!([])));
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Hi" })).await.is(201);
    let pong = his.ask(json!({ "action": "ping", "since": pong["ts"] })).await;
    assert_eq!(pong["changed"], json!([{ "room_id": room, "rev": sent["rev"] }]));
    let later = pong["ts"].as_i64().expect("a time") + 3_600_000;
    assert_eq!(his.ask(json!({ "action": "ping", "since": later })).await["changed"], json!([]));
}

#[tokio::test]
async fn joining_and_leaving_reach_the_others_and_leaving_takes_effect_at_once() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.post("/api/rooms", &ann, json!({ "name": "Open", "kind": "public" })).await.is(201)["id"].as_u64();
    let room = room.expect("an id");
    let mut hers = Socket::of(&world.ws, &ann).await;
    let mut his = Socket::of(&world.ws, &bob).await;
    let ack = his.ask(json!({ "action": "join", "room_id": room })).await;
    assert_eq!((&ack["type"], &ack["room_id"]), (&json!("ack"), &json!(room)));
    let added = hers.wait("member.added").await;
    assert_eq!((&added["room_id"], &added["member"]["user"]["id"]), (&json!(room), &json!(bob.id)));
    let members = world.api.get(&format!("/api/rooms/{room}/members"), &bob).await.is(200);
    assert_eq!(members["items"].as_array().map(Vec::len), Some(2));
    his.send(&json!({ "action": "leave", "room_id": room, "id": "bye" })).await;
    his.wait("room.left").await;
    assert_eq!(his.wait("ack").await["id"], "bye");
    assert_eq!(hers.wait("member.removed").await["user_id"], bob.id);
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "without Bob" })).await.is(201);
    assert!(his.next_within(Duration::from_millis(300)).await.is_none(), "who left hears nothing more");
}
