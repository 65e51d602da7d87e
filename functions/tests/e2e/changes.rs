//! Changes of messages over HTTP and socket: editing, unsending, hiding, reacting, pinning, forwarding.

use serde_json::{Value, json};

use crate::cloud::world;
use crate::socket::Socket;

#[tokio::test]
async fn an_edit_over_either_door_reaches_everyone() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let (mut hers, mut his) = (Socket::of(&world.ws, &ann).await, Socket::lean(&world.ws, &bob).await);
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "one" })).await.is(201);
    let path = format!("/api/rooms/{room}/messages/{}", sent["seq"]);
    let edited = world.api.patch(&path, &ann, json!({ "content": "two" })).await.is(200);
    assert_eq!((&edited["content"], edited["edited_at"].is_string()), (&json!("two"), true));
    let told = his.wait("message.edited").await;
    for (key, value) in edited.as_object().expect("an object") {
        assert_eq!(&told[key], value, "{key}");
    }
    let ack = hers.ask(json!({ "action": "edit", "room_id": room, "seq": sent["seq"], "content": "three" })).await;
    assert_eq!((&ack["type"], &ack["seq"], &ack["message_id"]), (&json!("ack"), &sent["seq"], &sent["id"]));
    let told = his.wait("message.edited").await;
    assert_eq!((&told["content"], &told["rev"]), (&json!("three"), &ack["rev"]));
    let edits = world.api.get(&format!("{path}/edits"), &bob).await.is(200);
    let texts: Vec<_> = edits["items"].as_array().expect("items").iter().map(|edit| &edit["content"]).collect();
    assert_eq!(texts, ["one", "two"]);
}

#[tokio::test]
async fn an_unsent_message_is_a_tombstone_for_every_reader() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut his = Socket::lean(&world.ws, &bob).await;
    let mut sent = Vec::new();
    for text in ["first secret", "second secret", "third secret"] {
        sent.push(world.api.post(&format!("/api/rooms/{room}/messages"), &bob, json!({ "content": text })).await.is(201));
    }
    // A moderator over HTTP, the sender over the socket, and the sender with the legacy route.
    let path = format!("/api/rooms/{room}/messages/{}?for=all", sent[0]["seq"]);
    for _ in 0..2 {
        world.api.delete(&path, &ann).await.is(204);
    }
    let told = his.wait("message.unsent").await;
    assert_eq!((&told["seq"], &told["deleted_by"]), (&sent[0]["seq"], &json!(ann.id)));
    let ack = his.ask(json!({ "action": "unsend", "room_id": room, "seq": sent[1]["seq"] })).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let trace = world.api.put(&format!("/api/messages/unsent/{}", sent[2]["id"]), &bob, Value::Null).await.is(200);
    assert_eq!((&trace["content"], &trace["deleted_by"]), (&json!(""), &json!(bob.id)));
    let history = world.api.get(&format!("/api/rooms/{room}/messages"), &ann).await.is(200);
    assert!(!history.to_string().contains("secret"), "{history}");
    assert_eq!(history["items"].as_array().map(Vec::len), Some(3), "their places stay");
}

#[tokio::test]
async fn a_message_deleted_for_me_is_gone_on_all_my_devices_and_nowhere_else() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut phone = Socket::lean(&world.ws, &bob).await;
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "one" })).await.is(201);
    world.api.delete(&format!("/api/rooms/{room}/messages/{}?for=me", sent["seq"]), &bob).await.is(204);
    let told = phone.wait("message.hidden").await;
    assert_eq!((&told["room_id"], &told["seq"]), (&json!(room), &sent["seq"]));
    let path = format!("/api/rooms/{room}/messages");
    assert_eq!(world.api.get(&path, &bob).await.is(200)["items"], json!([]));
    assert_eq!(world.api.get(&path, &ann).await.is(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_device_that_was_away_learns_what_was_hidden_and_muted_meanwhile() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "one" })).await.is(201);
    let mut laptop = Socket::lean(&world.ws, &bob).await;
    let welcome = laptop.ask(json!({ "action": "hello" })).await;
    let path = format!("/api/sync?cursor={}", welcome["cursor"].as_str().expect("a cursor"));
    let nothing = world.api.get(&path, &bob).await.is(200);
    assert_eq!((&nothing["private"]["rev"], &nothing["private"]["hidden"]), (&welcome["private_rev"], &json!([])));
    world.api.delete(&format!("/api/rooms/{room}/messages/{}?for=me", sent["seq"]), &bob).await.is(204);
    world.api.put(&format!("/api/rooms/{room}/mute"), &bob, json!({ "until": "2100-01-01T00:00:00Z" })).await.is(200);
    let hidden = laptop.wait("message.hidden").await;
    assert_eq!(hidden["private_rev"].as_u64(), welcome["private_rev"].as_u64().map(|rev| rev + 1));
    let pong = laptop.ask(json!({ "action": "ping", "since": 1 })).await;
    let news = world.api.get(&path, &bob).await.is(200);
    assert_eq!(news["private"]["hidden"], json!([{ "room_id": room, "seq": sent["seq"] }]));
    assert_eq!(news["private"]["rev"], pong["private_rev"]);
    let muted = |seen: &Value| seen["id"] == room && seen["muted_until"].is_string();
    assert!(news["rooms"].as_array().expect("rooms").iter().any(muted), "{news}");
    let rest = world.api.get(&format!("{path}&rooms=false"), &bob).await.is(200);
    assert_eq!((&rest["private"], &rest["rooms"], &rest["joined"]), (&news["private"], &json!([]), &Value::Null));
    let hers = world.api.get("/api/sync", &ann).await.is(200);
    assert_eq!(hers["private"]["hidden"], json!([]));
}

#[tokio::test]
async fn a_reaction_over_either_door_is_counted_once() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let (mut hers, mut his) = (Socket::lean(&world.ws, &ann).await, Socket::lean(&world.ws, &bob).await);
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "one" })).await.is(201);
    let path = format!("/api/rooms/{room}/messages/{}/reactions", sent["seq"]);
    let change = world.api.put(&path, &bob, json!({ "emoji": "👍🏽" })).await.is(200);
    let mut told = hers.wait("reaction").await;
    assert_eq!(told["type"].take(), "reaction");
    for (key, value) in change.as_object().expect("an object") {
        assert_eq!(&told[key], value, "{key}");
    }
    assert_eq!((&change["count"], &change["added"], &change["user_id"]), (&json!(1), &json!(true), &json!(bob.id)));
    let frame = |action: &str| json!({ "action": action, "room_id": room, "seq": sent["seq"], "emoji": "👍🏽" });
    assert_eq!(hers.ask(frame("react")).await["type"], "ack");
    assert_eq!(his.ask(frame("react")).await["rev"].as_u64(), change["rev"].as_u64().map(|rev| rev + 1), "nothing new");
    let shown = world.api.get(&format!("/api/rooms/{room}/messages/{}", sent["seq"]), &bob).await.is(200);
    assert_eq!(shown["reactions"], json!([{ "emoji": "👍🏽", "count": 2, "mine": true }]));
    let who = world.api.get(&format!("{path}?emoji=%F0%9F%91%8D%F0%9F%8F%BD"), &ann).await.is(200);
    assert_eq!(who["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(his.ask(frame("unreact")).await["type"], "ack");
    world.api.delete(&format!("{path}?emoji=%F0%9F%91%8D%F0%9F%8F%BD"), &ann).await.is(200);
    let shown = world.api.get(&format!("/api/rooms/{room}/messages/{}", sent["seq"]), &bob).await.is(200);
    assert_eq!(shown["reactions"], json!([]));
}

#[tokio::test]
async fn mentions_pins_and_forwards_are_seen_by_everyone_concerned() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut his = Socket::lean(&world.ws, &bob).await;
    let text = format!("Look, @{}!", bob.name.to_uppercase());
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": text })).await.is(201);
    assert_eq!(his.wait("message").await["mentions"], json!([bob.id]));
    assert_eq!(world.api.get(&format!("/api/rooms/{room}"), &bob).await.is(200)["mentions"], 1);
    let path = format!("/api/rooms/{room}/messages/{}/pin", sent["seq"]);
    world.api.put(&path, &bob, Value::Null).await.refused(403, "not_allowed");
    world.api.put(&path, &ann, Value::Null).await.is(200);
    let told = his.wait("message.pinned").await;
    assert_eq!((&told["seq"], told["pinned_at"].is_string()), (&sent["seq"], true));
    let pins = world.api.get(&format!("/api/rooms/{room}/pins"), &bob).await.is(200);
    assert_eq!(pins["items"][0]["id"], sent["id"]);
    world.api.delete(&path, &ann).await.is(200);
    assert_eq!(his.wait("message.pinned").await["pinned_at"], Value::Null);
    let other = world.api.group(&bob, &[]).await;
    let forward = json!({ "forward": { "room_id": room, "seq": sent["seq"] } });
    let passed = world.api.post(&format!("/api/rooms/{other}/messages"), &bob, forward.clone()).await.is(201);
    assert_eq!(passed["forwarded"], json!({ "username": ann.name, "created_at": sent["created_at"] }));
    let mut frame = forward;
    (frame["action"], frame["room_id"]) = (json!("send"), json!(other));
    assert_eq!(his.ask(frame).await["type"], "ack");
    world
        .api
        .post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "forward": { "room_id": other, "seq": 1 } }))
        .await
        .refused(404, "room_not_found");
}

#[tokio::test]
async fn changes_that_make_no_sense_are_refused_by_name() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "one" })).await.is(201);
    let path = format!("/api/rooms/{room}/messages/{}", sent["seq"]);
    for (body, status, code) in [
        (json!({ "content": "x" }), 403, "not_allowed"),
        (json!({ "content": "x".repeat(1001) }), 422, "invalid_input"),
        (json!({ "content": 7 }), 422, "invalid_input"),
        (json!({}), 422, "invalid_input"),
    ] {
        world.api.patch(&path, &bob, body).await.refused(status, code);
    }
    // Whether a text is required depends on attachments, so only the sender's own message reveals it.
    world.api.patch(&path, &ann, json!({ "content": " " })).await.refused(422, "invalid_input");
    for body in [json!({}), json!({ "emoji": "" }), json!({ "emoji": "ok" }), json!({ "emoji": "👍👍" }), json!({ "emoji": 7 })]
    {
        world.api.put(&format!("{path}/reactions"), &bob, body).await.refused(422, "invalid_input");
    }
    for (query, status, code) in [
        ("", 400, "missing_parameter"),
        ("?for=", 400, "malformed_query"),
        ("?for=everyone", 400, "malformed_query"),
        ("?for=all", 403, "not_allowed"),
    ] {
        world.api.delete(&format!("{path}{query}"), &bob).await.refused(status, code);
    }
    world.api.delete(&format!("{path}/reactions"), &bob).await.refused(400, "missing_parameter");
    world.api.delete(&format!("{path}/reactions?emoji=a"), &bob).await.refused(422, "invalid_input");
    world.api.get(&format!("{path}/reactions?cursor=x"), &bob).await.refused(422, "invalid_input");
    world.api.get(&format!("{path}/edits?cursor=x"), &bob).await.refused(422, "invalid_input");
    for seq in ["0", "99", "18446744073709551615"] {
        let beyond = format!("/api/rooms/{room}/messages/{seq}");
        world.api.patch(&beyond, &bob, json!({ "content": "x" })).await.refused(404, "message_not_found");
        world.api.delete(&format!("{beyond}?for=all"), &bob).await.refused(404, "message_not_found");
        world.api.delete(&format!("{beyond}?for=me"), &bob).await.refused(404, "message_not_found");
        world.api.put(&format!("{beyond}/reactions"), &bob, json!({ "emoji": "👍" })).await.refused(404, "message_not_found");
        world.api.put(&format!("{beyond}/pin"), &ann, Value::Null).await.refused(404, "message_not_found");
        world.api.get(&format!("{beyond}/edits"), &bob).await.refused(404, "message_not_found");
    }
    world.api.put("/api/messages/unsent/999999999", &ann, Value::Null).await.refused(404, "message_not_found");
    world.api.put("/api/messages/unsent/first", &ann, Value::Null).await.refused(422, "invalid_input");
    world.api.delete(&format!("{path}?for=all"), &ann).await.is(204);
    world.api.patch(&path, &ann, json!({ "content": "back" })).await.refused(409, "message_unsent");
    world.api.put(&format!("{path}/reactions"), &bob, json!({ "emoji": "👍" })).await.refused(409, "message_unsent");
    let elsewhere = world.api.group(&ann, &[]).await;
    for reply in [json!(99), json!(0)] {
        let body = json!({ "content": "x", "reply_to": reply });
        world.api.post(&format!("/api/rooms/{elsewhere}/messages"), &ann, body).await.refused(404, "message_not_found");
    }
    let mut socket = Socket::of(&world.ws, &bob).await;
    for (frame, code) in [
        (json!({ "action": "edit", "room_id": room, "seq": sent["seq"], "content": "x" }), "not_allowed"),
        (json!({ "action": "edit", "room_id": room, "seq": sent["seq"] }), "invalid_input"),
        (json!({ "action": "unsend", "seq": sent["seq"] }), "invalid_input"),
        (json!({ "action": "unsend", "room_id": room, "seq": 99 }), "message_not_found"),
        (json!({ "action": "react", "room_id": room, "seq": sent["seq"], "emoji": "👍" }), "message_unsent"),
        (json!({ "action": "react", "room_id": room, "seq": sent["seq"], "emoji": "no" }), "invalid_input"),
        (json!({ "action": "unreact", "room_id": elsewhere, "seq": 1, "emoji": "👍" }), "room_not_found"),
    ] {
        let error = socket.ask(frame.clone()).await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)), "{frame}");
    }
}
