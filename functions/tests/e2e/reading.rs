//! Reading and synchronisation over HTTP and socket: read markers, unread counts, receipts, typing, sync.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Person;
use crate::cloud::{World, world};
use crate::socket::Socket;

async fn say(world: &World, who: &Person, room: u64, text: &str) -> Value {
    world.api.post(&format!("/api/rooms/{room}/messages"), who, json!({ "content": text })).await.is(201)
}

fn ids(seen: &Value) -> Vec<u64> {
    seen.as_array().expect("a list").iter().map(|seen| seen["user"]["id"].as_u64().expect("an id")).collect()
}

#[tokio::test]
async fn read_markers_move_over_http_and_socket_and_reach_others() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    for text in ["one", "two", "three"] {
        say(&world, &ann, room, text).await;
    }
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let (mut his, mut phone) = (Socket::lean(&world.ws, &bob).await, Socket::lean(&world.ws, &bob).await);
    let ack = his.ask(json!({ "action": "read", "room_id": room, "seq": 2 })).await;
    assert_eq!((&ack["type"], &ack["room_id"], &ack["seq"]), (&json!("ack"), &json!(room), &json!(2)));
    let told = json!({ "type": "receipt", "room_id": room, "user_id": bob.id, "read_seq": 2, "delivered_seq": 2 });
    assert_eq!(hers.wait("receipt").await, told, "the sender learns how far one is, and not what is unread");
    let mut own = told.clone();
    own["unread"] = json!(1);
    assert_eq!(phone.wait("receipt").await, own);
    let delivered = his.ask(json!({ "action": "delivered", "room_id": room, "seq": 99 })).await;
    assert_eq!(delivered["seq"], 3, "the end is the end");
    assert_eq!(hers.wait("receipt").await["delivered_seq"], 3);
    let path = format!("/api/rooms/{room}/read");
    let marked = world.api.put(&path, &bob, json!({ "seq": 3 })).await.is(200);
    let expected = json!({ "room_id": room, "user_id": bob.id, "read_seq": 3, "delivered_seq": 3, "unread": 0 });
    assert_eq!(marked, expected);
    assert_eq!(hers.wait("receipt").await["read_seq"], 3);
    assert_eq!(world.api.put(&path, &bob, json!({ "seq": 1 })).await.is(200), expected, "a mark never falls");
    assert_eq!(world.api.put(&format!("/api/rooms/{room}/delivered"), &bob, json!({ "seq": 2 })).await.is(200), expected);
    assert!(hers.next_within(Duration::from_millis(200)).await.is_none(), "what changes nothing is told to nobody");
    for text in ["four", "five"] {
        say(&world, &ann, room, text).await;
    }
    his.send(&json!({ "action": "read", "room_id": room, "seq": 4 })).await;
    let mut own = his.wait("receipt").await;
    while own["read_seq"] != 4 {
        own = his.wait("receipt").await;
    }
    assert_eq!(own["unread"], 1, "there is no ack that could say how many are left");
}

#[tokio::test]
async fn unread_counts_and_receipts_are_consistent_everywhere() {
    let world = world();
    let (ann, bob, carl) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("carl").await);
    let (room, other) = (world.api.group(&ann, &[&bob, &carl]).await, world.api.group(&ann, &[&bob]).await);
    let first = say(&world, &ann, room, "one").await;
    for text in ["two", "three"] {
        say(&world, &ann, room, text).await;
    }
    say(&world, &ann, other, "elsewhere").await;
    world.api.delete(&format!("/api/rooms/{room}/messages/2?for=all"), &ann).await;
    let unread = world.api.get("/api/unread", &bob).await.is(200);
    assert_eq!(unread["total"], 3, "an unsent message is not unread: {unread}");
    let rooms: Vec<_> =
        unread["rooms"].as_array().expect("rooms").iter().map(|room| (&room["room_id"], &room["unread"])).collect();
    assert_eq!(rooms, [(&json!(other), &json!(1)), (&json!(room), &json!(2))]);
    let mut his = Socket::with_token(&world.ws, &bob.token).await.expect("opens");
    let welcome = his.ask(json!({ "action": "hello" })).await;
    let listed = world.api.get("/api/rooms?scope=joined", &bob).await.is(200);
    for list in [&welcome["rooms"], &listed["items"]] {
        let one = list.as_array().expect("rooms").iter().find(|item| item["id"] == room).expect("the room");
        assert_eq!((&one["unread"], &one["read_seq"]), (&json!(2), &json!(0)));
    }
    his.ask(json!({ "action": "read", "room_id": room, "seq": 1 })).await;
    world.api.put(&format!("/api/rooms/{room}/delivered"), &carl, json!({ "seq": 3 })).await.is(200);
    let canonical = world.api.get(&format!("/api/rooms/{room}/messages/1/receipts"), &ann).await.is(200);
    assert_eq!((ids(&canonical["read"]), ids(&canonical["delivered"])), (vec![bob.id], vec![bob.id, carl.id]));
    assert!(canonical["read"][0]["at"].is_string());
    let older = world.api.get(&format!("/api/messages/read/{}", first["id"]), &ann).await.is(200);
    assert_eq!(older, canonical, "the older route tells the same");
}

#[tokio::test]
async fn typing_reaches_the_others_at_a_bearable_pace() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let (mut hers, mut his) = (Socket::lean(&world.ws, &ann).await, Socket::lean(&world.ws, &bob).await);
    let ack = hers.ask(json!({ "action": "typing", "room_id": room, "active": true })).await;
    assert_eq!((&ack["type"], &ack["room_id"]), (&json!("ack"), &json!(room)));
    let told = his.wait("typing").await;
    assert_eq!(told, json!({ "type": "typing", "room_id": room, "user_id": ann.id, "username": ann.name, "active": true }));
    assert!(hers.next_within(Duration::from_millis(200)).await.is_none(), "not to oneself");
    assert_eq!(world.api.get(&format!("/api/rooms/{room}"), &bob).await.is(200)["rev"], 1, "it is no change of the room");
}

#[tokio::test]
async fn a_client_that_was_away_catches_up_over_http_and_over_the_socket() {
    let world = world();
    let (ann, bob, carl) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("carl").await);
    let (room, quiet) = (world.api.group(&ann, &[&bob, &carl]).await, world.api.group(&ann, &[&bob]).await);
    say(&world, &ann, room, "before").await;
    let sync = async |rev: &Value| world.api.get(&format!("/api/rooms/{room}/sync?rev={rev}"), &bob).await.is(200);
    let known = sync(&json!(0)).await;
    assert_eq!((known["messages"].as_array().map(Vec::len), known["members"].as_array().map(Vec::len)), (Some(1), Some(3)));
    let all = world.api.get("/api/sync", &bob).await.is(200);
    assert_eq!((all["rooms"].as_array().map(Vec::len), all["more"].as_bool()), (Some(2), Some(false)));
    assert_eq!(all["joined"].as_array().map(Vec::len), Some(2));
    for text in ["two", "three"] {
        say(&world, &ann, room, text).await;
    }
    world.api.delete(&format!("/api/rooms/{room}/messages/1?for=all"), &ann).await;
    world.api.post(&format!("/api/rooms/{room}/leave"), &carl, json!({})).await.is(204);
    let news = sync(&known["rev"]).await;
    let seqs: Vec<_> = news["messages"].as_array().expect("messages").iter().map(|message| message["seq"].as_u64()).collect();
    assert_eq!(seqs, [Some(1), Some(2), Some(3), Some(4)], "what was unsent, what is new, and that Carl left: {news}");
    assert!(news["messages"][0]["deleted_at"].is_string() && news["messages"][0]["content"] == "");
    assert_eq!((&news["members"][0]["user_id"], &news["members"][0]["state"]), (&json!(carl.id), &json!("left")));
    assert_eq!((&news["rev"], &news["more"]), (&news["room"]["rev"], &json!(false)));
    let mut his = Socket::with_token(&world.ws, &bob.token).await.expect("opens");
    let asked = his.ask(json!({ "action": "sync", "room_id": room, "rev": known["rev"] })).await;
    assert_eq!(asked["type"], "sync");
    for key in ["room_id", "messages", "members", "rev", "more"] {
        assert_eq!(asked[key], news[key], "{key}: both doors tell the same");
    }
    let rooms = json!({ room.to_string(): known["rev"], quiet.to_string(): 1, "999999999": 7 });
    let welcome = his.ask(json!({ "action": "hello", "rooms": rooms })).await;
    assert_eq!(welcome["type"], "welcome");
    assert_eq!(his.wait("sync").await["messages"], news["messages"]);
    assert_eq!(his.wait("room.left").await["room_id"], 999_999_999);
    assert_eq!(his.ask(json!({ "action": "ping" })).await["type"], "pong", "the quiet room cost no frame");
    let page = world.api.get("/api/sync?limit=1", &bob).await.is(200);
    assert_eq!((page["rooms"].as_array().map(Vec::len), &page["more"], &page["joined"]), (Some(1), &json!(true), &Value::Null));
    let cursor = page["cursor"].as_str().expect("a cursor");
    let rest = world.api.get(&format!("/api/sync?cursor={cursor}"), &bob).await.is(200);
    assert_eq!((&rest["rooms"][0]["id"], &rest["more"]), (&json!(room), &json!(false)), "the busiest comes last");
}

#[tokio::test]
async fn marks_and_syncs_that_make_no_sense_are_refused_clearly() {
    let world = world();
    let (ann, eve) = (world.api.person("ann").await, world.api.person("eve").await);
    let room = world.api.group(&ann, &[]).await;
    let sent = say(&world, &ann, room, "Hi").await;
    for verb in ["read", "delivered"] {
        let path = format!("/api/rooms/{room}/{verb}");
        for body in [json!({}), json!({ "seq": -1 }), json!({ "seq": "end" }), json!({ "seq": 1.5 }), json!({ "seq": null })] {
            let problem = world.api.put(&path, &ann, body.clone()).await.refused(422, "invalid_input");
            assert_eq!(problem["errors"][0]["field"], "seq", "{body}");
        }
        world.api.put(&path, &eve, json!({ "seq": 1 })).await.refused(404, "room_not_found");
        world.api.put(&format!("/api/rooms/general/{verb}"), &eve, json!({ "seq": 1 })).await.refused(403, "not_a_member");
    }
    for (path, status, code) in [
        (format!("/api/rooms/{room}/messages/2/receipts"), 404, "message_not_found"),
        (format!("/api/rooms/{room}/messages/0/receipts"), 404, "message_not_found"),
        (format!("/api/rooms/{room}/messages/first/receipts"), 422, "invalid_input"),
        ("/api/messages/read/999999999".into(), 404, "message_not_found"),
        ("/api/messages/read/first".into(), 422, "invalid_input"),
        ("/api/rooms/999999999/sync".into(), 404, "room_not_found"),
        (format!("/api/rooms/{room}/sync?rev=-1"), 400, "malformed_query"),
        (format!("/api/rooms/{room}/sync?rev=soon"), 400, "malformed_query"),
        (format!("/api/rooms/{room}/sync?limit=many"), 400, "malformed_query"),
        ("/api/sync?cursor=nonsense".into(), 422, "invalid_input"),
    ] {
        world.api.get(&path, &ann).await.refused(status, code);
    }
    for path in [
        format!("/api/rooms/{room}/sync"),
        format!("/api/rooms/{room}/messages/1/receipts"),
        format!("/api/messages/read/{}", sent["id"]),
    ] {
        assert_eq!(world.api.get(&path, &eve).await.status, 404, "{path}: a stranger learns nothing");
    }
    let mut socket = Socket::of(&world.ws, &eve).await;
    let many: serde_json::Map<_, _> = (1..=101).map(|room: u32| (room.to_string(), json!(1))).collect();
    for (frame, code) in [
        (json!({ "action": "read", "room_id": room, "seq": 1 }), "room_not_found"),
        (json!({ "action": "delivered", "room_id": room, "seq": 1 }), "room_not_found"),
        (json!({ "action": "typing", "room_id": room, "active": true }), "room_not_found"),
        (json!({ "action": "sync", "room_id": room, "rev": 0 }), "room_not_found"),
        (json!({ "action": "typing", "room_id": "general" }), "not_a_member"),
        (json!({ "action": "read", "room_id": "general" }), "invalid_input"),
        (json!({ "action": "read", "room_id": "general", "seq": -1 }), "invalid_input"),
        (json!({ "action": "typing", "room_id": "general", "active": "yes" }), "invalid_input"),
        (json!({ "action": "sync", "room_id": "general", "rev": "all" }), "invalid_input"),
        (json!({ "action": "hello", "rooms": [room] }), "invalid_input"),
        (json!({ "action": "hello", "rooms": { "general": 1 } }), "invalid_input"),
        (json!({ "action": "hello", "rooms": many }), "invalid_input"),
    ] {
        let error = socket.ask(frame.clone()).await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)), "{frame}: {error}");
    }
    assert_eq!(socket.ask(json!({ "action": "ping" })).await["type"], "pong");
}
