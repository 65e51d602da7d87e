//! Rooms and their roles over HTTP, with the frames that all members receive.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::world;
use crate::socket::Socket;

const QUIET: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_direct_room_is_opened_once_and_older_clients_write_to_a_person() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let mut his = Socket::lean(&world.ws, &bob).await;
    let room = world.api.put(&format!("/api/rooms/direct/{}", bob.id), &ann, Value::Null).await.is(201);
    assert_eq!((&room["kind"], &room["direct_user"]["id"]), (&json!("direct"), &json!(bob.id)));
    let listed = world.api.get("/api/rooms?scope=joined", &bob).await.is(200);
    assert_eq!(listed["items"], json!([]), "it comes to him with its first message");
    let first = world.api.post("/api/messages/send", &ann, json!({ "receiver_id": bob.id, "message": "Hello" })).await.is(200);
    let joined = his.wait("room.joined").await;
    assert_eq!((&joined["room"]["direct_user"]["id"], &joined["room"]["unread"]), (&json!(ann.id), &json!(1)));
    assert_eq!(his.wait("message").await["id"], first["id"]);
    let again = world.api.put(&format!("/api/rooms/direct/{}", ann.id), &bob, Value::Null).await.is(200);
    assert_eq!(again["id"], room["id"]);
    world.api.delete(&format!("/api/rooms/direct/{}", ann.id), &bob).await.is(204);
    let closed = his.wait("room.closed").await;
    assert_eq!((&closed["room_id"], &closed["last_seq"], closed["private_rev"].is_u64()), (&room["id"], &json!(1), true));
    let sent = world.api.post("/api/messages/send", &ann, json!({ "receiver_id": bob.id, "message": "Hi" })).await.is(200);
    assert_eq!((&sent["room_id"], &sent["content"]), (&room["id"], &json!("Hi")));
    assert_eq!(his.wait("message").await["id"], sent["id"]);
    let notes = world.api.put(&format!("/api/rooms/direct/{}", ann.id), &ann, Value::Null).await.is(201);
    assert_eq!((&notes["members_count"], &notes["direct_user"]), (&json!(1), &Value::Null));
    world.api.put("/api/rooms/direct/999999999", &ann, Value::Null).await.refused(404, "user_not_found");
    world
        .api
        .post("/api/messages/send", &ann, json!({ "receiver_id": 999_999_999, "message": "Hi" }))
        .await
        .refused(404, "user_not_found");
    world
        .api
        .post("/api/messages/send", &ann, json!({ "receiver_id": "bob", "message": "Hi" }))
        .await
        .refused(422, "invalid_input");
    // A refused first message makes no room.
    let cat = world.api.person("cat").await;
    for refused in [
        json!({ "content": "" }),
        json!({ "content": "x", "client_id": " " }),
        json!({ "content": "x", "forward": { "room_id": 1, "seq": 1 } }),
    ] {
        let mut body = refused;
        body["receiver_id"] = json!(bob.id);
        world.api.post("/api/messages/send", &cat, body).await.refused(422, "invalid_input");
    }
    let reply = json!({ "receiver_id": bob.id, "content": "x", "reply_to": 1 });
    world.api.post("/api/messages/send", &cat, reply).await.refused(404, "message_not_found");
    let listed = world.api.get("/api/rooms?scope=joined", &cat).await.is(200);
    assert_eq!(listed["items"], json!([]), "{listed}");
    let leaving = his.ask(json!({ "action": "leave", "room_id": room["id"] })).await;
    assert_eq!(leaving["code"], "direct_room", "{leaving}");
}

#[tokio::test]
async fn room_changes_reach_the_members_immediately() {
    let world = world();
    let (ann, bob, cat) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("cat").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}");
    let (mut his, mut hers) = (Socket::lean(&world.ws, &bob).await, Socket::lean(&world.ws, &cat).await);
    let change = json!({ "name": "Lunch", "settings": { "slow_mode_seconds": 60 } });
    let view = world.api.patch(&path, &ann, change).await.is(200);
    assert_eq!((&view["name"], &view["settings"]["slow_mode_seconds"]), (&json!("Lunch"), &json!(60)));
    let told = his.next().await.expect("a frame");
    assert_eq!((&told["type"], &told["rev"], &told["room"]["name"]), (&json!("room"), &json!(2), &json!("Lunch")));
    assert_eq!(told["room"]["settings"], view["settings"]);
    let told = his.next().await.expect("a frame");
    assert_eq!((&told["type"], &told["rev"], &told["seq"]), (&json!("message"), &json!(3), &json!(1)));
    assert_eq!((&told["kind"], &told["event"]), (&json!("system"), &json!("room.renamed")));
    assert_eq!(told["content"], format!("{} named the room Lunch", ann.name));
    let added = world.api.post(&format!("{path}/members"), &ann, json!({ "usernames": [cat.name, bob.name] })).await.is(200);
    assert_eq!((&added["added"], &added["already"], &added["refused"]), (&json!([cat.id]), &json!([bob.id]), &json!([])));
    let joined = hers.wait("room.joined").await;
    assert_eq!((&joined["room"]["name"], &joined["room"]["unread"]), (&json!("Lunch"), &json!(0)));
    assert_eq!(his.next().await.expect("a frame")["member"]["user"]["id"], cat.id);
    assert_eq!(his.next().await.expect("a frame")["event"], "member.added");
    let role = world.api.patch(&format!("{path}/members/{}", bob.id), &ann, json!({ "role": "admin" })).await.is(200);
    assert_eq!(role["role"], "admin");
    for socket in [&mut his, &mut hers] {
        let told = socket.wait("member.updated").await;
        assert_eq!((&told["member"]["user"]["id"], &told["member"]["role"]), (&json!(bob.id), &json!("admin")));
    }
    // Slow mode over HTTP and socket; admins are exempt.
    let send = json!({ "action": "send", "room_id": room, "content": "one" });
    assert_eq!(hers.ask(send.clone()).await["type"], "ack");
    let error = hers.ask(send.clone()).await;
    assert_eq!(error["code"], "rate_limited", "{error}");
    assert!(error["retry_after"].as_u64().is_some_and(|wait| (50..=60).contains(&wait)), "{error}");
    let answer = world.api.post(&format!("{path}/messages"), &cat, json!({ "content": "two" })).await;
    answer.refused(429, "rate_limited");
    assert!(answer.headers.contains_key("retry-after"));
    for _ in 0..2 {
        assert_eq!(his.ask(send.clone()).await["type"], "ack");
    }
    // Deletes the room.
    world.api.delete(&path, &bob).await.refused(403, "not_allowed");
    world.api.delete(&path, &ann).await.is(204);
    for socket in [&mut his, &mut hers] {
        assert_eq!(socket.wait("room.deleted").await["room_id"], room);
        assert!(socket.next_within(QUIET).await.is_none());
    }
    world.api.get(&path, &ann).await.refused(404, "room_not_found");
}

#[tokio::test]
async fn removed_and_banned_members_receive_that_and_nothing_after() {
    let world = world();
    let (ann, bob, cat) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("cat").await);
    let room = world.api.group(&ann, &[&bob, &cat]).await;
    let path = format!("/api/rooms/{room}");
    let (mut his, mut hers) = (Socket::lean(&world.ws, &bob).await, Socket::lean(&world.ws, &cat).await);
    world.api.delete(&format!("{path}/members/{}", bob.id), &cat).await.refused(403, "not_allowed");
    world.api.delete(&format!("{path}/members/{}", bob.id), &ann).await.is(204);
    assert_eq!(his.next().await.expect("a frame"), json!({ "type": "room.left", "room_id": room }));
    assert_eq!(hers.next().await.expect("a frame")["type"], "member.removed");
    assert_eq!(hers.next().await.expect("a frame")["content"], format!("{} removed {}", ann.name, bob.name));
    world.api.put(&format!("{path}/bans/{}", cat.id), &ann, Value::Null).await.is(204);
    assert_eq!(hers.next().await.expect("a frame"), json!({ "type": "room.left", "room_id": room }));
    world.api.post(&format!("{path}/messages"), &ann, json!({ "content": "among us" })).await.is(201);
    for (socket, who) in [(&mut his, &bob), (&mut hers, &cat)] {
        for read in ["", "/messages", "/messages/1", "/members", "/sync?rev=0"] {
            world.api.get(&format!("{path}{read}"), who).await.refused(404, "room_not_found");
        }
        let error = socket.ask(json!({ "action": "send", "room_id": room, "content": "still here" })).await;
        assert_eq!(error["code"], "room_not_found", "{error}");
        assert!(socket.next_within(QUIET).await.is_none(), "nothing after");
    }
    let invite = world.api.post(&format!("{path}/invites"), &ann, json!({})).await.is(201);
    let join = json!({ "invite": invite["code"] });
    world.api.post(&format!("{path}/join"), &cat, join.clone()).await.refused(403, "banned");
    world.api.delete(&format!("{path}/bans/{}", cat.id), &ann).await.is(204);
    world.api.post(&format!("{path}/join"), &cat, join.clone()).await.is(200);
    assert_eq!(hers.wait("room.joined").await["room"]["id"], room);
    // The removed user cannot return with an invite code but can be added; a user who left can return with one.
    world.api.post(&format!("{path}/join"), &bob, join.clone()).await.refused(403, "removed");
    let error = his.ask(json!({ "action": "join", "room_id": room, "invite": invite["code"] })).await;
    assert_eq!(error["code"], "removed", "{error}");
    world.api.post(&format!("{path}/members"), &ann, json!({ "user_ids": [bob.id] })).await.is(200);
    world.api.post(&format!("{path}/leave"), &bob, json!({})).await.is(204);
    world.api.post(&format!("{path}/join"), &bob, join).await.is(200);
}

#[tokio::test]
async fn an_invitation_opens_the_room_to_its_last_use() {
    let world = world();
    let (ann, bob, eve) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("eve").await);
    let room = world.api.group(&ann, &[]).await;
    let path = format!("/api/rooms/{room}");
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let invite = world.api.post(&format!("{path}/invites"), &ann, json!({ "uses": 1, "expires_in": 3600 })).await.is(201);
    let open = world.api.get(&format!("{path}/invites"), &ann).await.is(200);
    assert_eq!(open, json!({ "items": [invite], "next": null }));
    world.api.post(&format!("{path}/join"), &bob, json!({})).await.refused(404, "room_not_found");
    let view = world.api.post(&format!("{path}/join"), &bob, json!({ "invite": invite["code"] })).await.is(200);
    assert_eq!((&view["joined"], &view["role"]), (&json!(true), &json!("member")));
    assert_eq!(hers.wait("member.added").await["member"]["user"]["id"], bob.id);
    assert_eq!(hers.wait("message").await["content"], format!("{} joined", bob.name));
    world.api.post(&format!("{path}/join"), &eve, json!({ "invite": invite["code"] })).await.refused(409, "invite_used_up");
    let second = world.api.post(&format!("{path}/invites"), &ann, Value::Null).await;
    assert_eq!(second.status.as_u16(), 422, "null is no object");
    let second = world.api.post(&format!("{path}/invites"), &ann, json!({})).await.is(201);
    let code = second["code"].as_str().expect("a code");
    world.api.delete(&format!("{path}/invites/{code}"), &ann).await.is(204);
    world.api.post(&format!("{path}/join"), &eve, json!({ "invite": code })).await.refused(404, "invite_not_found");

    let mut theirs = Socket::lean(&world.ws, &eve).await;
    let refused = theirs.ask(json!({ "action": "join", "room_id": room, "invite": code })).await;
    assert_eq!(refused["code"], "invite_not_found");
    let third = world.api.post(&format!("{path}/invites"), &ann, json!({})).await.is(201);
    let ack = theirs.ask(json!({ "action": "join", "room_id": room, "invite": third["code"] })).await;
    assert_eq!((&ack["type"], &ack["room_id"]), (&json!("ack"), &json!(room)));
}

#[tokio::test]
async fn an_owner_names_another_over_the_socket_and_leaves() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let refused = hers.ask(json!({ "action": "leave", "room_id": room })).await;
    assert_eq!(refused["code"], "last_owner");
    let ack = hers.ask(json!({ "action": "leave", "room_id": room, "owner": bob.id })).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    assert_eq!(world.api.get(&format!("/api/rooms/{room}"), &bob).await.is(200)["role"], "owner");
    world.api.get(&format!("/api/rooms/{room}"), &ann).await.refused(404, "room_not_found");
}

#[tokio::test]
async fn an_owner_leaves_the_room_to_another_and_is_out() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}");
    let mut his = Socket::lean(&world.ws, &bob).await;
    world.api.post(&format!("{path}/leave"), &ann, json!({})).await.refused(409, "last_owner");
    world.api.post(&format!("{path}/leave"), &ann, json!({ "owner": bob.id })).await.is(204);
    assert_eq!(his.next().await.expect("a frame")["member"]["role"], "owner");
    assert_eq!(his.next().await.expect("a frame")["user_id"], ann.id);
    assert_eq!(his.next().await.expect("a frame")["event"], "member.left");
    world.api.get(&path, &ann).await.refused(404, "room_not_found");
    let mute = world.api.put(&format!("{path}/mute"), &bob, json!({ "until": "2999-01-01T00:00:00.000Z" })).await.is(200);
    assert_eq!(mute["muted_until"], "2999-01-01T00:00:00.000Z");
    assert_eq!(his.wait("room").await["room"]["muted_until"], mute["muted_until"]);
}

#[tokio::test]
async fn a_report_waits_for_the_admins() {
    let world = world();
    let (ann, bob, cat) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("cat").await);
    let room = world.api.group(&ann, &[&bob, &cat]).await;
    let path = format!("/api/rooms/{room}");
    world.api.post(&format!("{path}/messages"), &cat, json!({ "content": "Buy now" })).await.is(201);
    for _ in 0..2 {
        world.api.post(&format!("{path}/messages/1/report"), &bob, json!({ "reason": "Spam" })).await.is(204);
    }
    world.api.get(&format!("{path}/reports"), &bob).await.refused(403, "not_allowed");
    let open = world.api.get(&format!("{path}/reports"), &ann).await.is(200);
    let [report] = open["items"].as_array().expect("items").as_slice() else { panic!("{open}") };
    assert_eq!(
        (&report["reason"], &report["content"], &report["reporter"]),
        (&json!("Spam"), &json!("Buy now"), &json!(bob.name))
    );
    world.api.post(&format!("{path}/reports/{}/close", report["id"]), &ann, json!({})).await.is(204);
    assert_eq!(world.api.get(&format!("{path}/reports"), &ann).await.is(200)["items"], json!([]));
}

#[tokio::test]
async fn older_clients_add_and_list_members() {
    let world = world();
    let (ann, bob, cat) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("cat").await);
    let room = world.api.group(&ann, &[]).await;
    for (body, added) in [(json!({ "user_id": bob.id }), bob.id), (json!({ "username": cat.name }), cat.id)] {
        let answer = world.api.post(&format!("/api/participant/room-{room}"), &ann, body).await.is(200);
        assert_eq!(answer["added"], json!([added]));
    }
    let listed = world.api.get(&format!("/api/messages/member?conversationId={room}"), &cat).await.is(200);
    let ids: Vec<_> = listed["items"].as_array().expect("items").iter().map(|member| &member["user"]["id"]).collect();
    assert_eq!(ids, [ann.id, bob.id, cat.id]);
    world.api.get("/api/messages/member", &ann).await.refused(400, "missing_parameter");
}

#[tokio::test]
async fn invalid_room_fields_are_named() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}");
    let crowd: Vec<_> = (1..=10_000).collect();
    for (tail, body, field) in [
        ("members", json!({}), "user_ids"),
        ("members", json!({ "user_ids": crowd }), "user_ids"),
        ("members", json!({ "usernames": [7] }), "usernames[0]"),
        ("invites", json!({ "uses": 0 }), "uses"),
        ("invites", json!({ "uses": -1 }), "uses"),
        ("invites", json!({ "expires_in": 1 }), "expires_in"),
        ("join", json!({ "invite": 7 }), "invite"),
        ("leave", json!({ "owner": "bob" }), "owner"),
        ("leave", json!({ "owner": ann.id }), "owner"),
    ] {
        let problem = world.api.post(&format!("{path}/{tail}"), &ann, body.clone()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{tail} {}", body.to_string().get(..40).unwrap_or_default());
    }
    for (tail, body, field) in [
        (String::new(), json!({ "name": "" }), "name"),
        (String::new(), json!({ "settings": { "slow_mode_seconds": 90_000 } }), "settings.slow_mode_seconds"),
        (String::new(), json!({ "settings": { "who_writes": "nobody" } }), "settings.who_writes"),
        (format!("/members/{}", bob.id), json!({ "role": "emperor" }), "role"),
        (format!("/members/{}", bob.id), json!({}), "role"),
    ] {
        let problem = world.api.patch(&format!("{path}{tail}"), &ann, body.clone()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{tail} {body}");
    }
    world.api.put(&format!("{path}/mute"), &ann, json!({ "until": "soon" })).await.refused(422, "invalid_input");
    world
        .api
        .patch(&format!("{path}/members/999999999"), &ann, json!({ "role": "admin" }))
        .await
        .refused(404, "member_not_found");
    world.api.delete(&format!("{path}/members/999999999"), &ann).await.refused(404, "member_not_found");
    world.api.put(&format!("{path}/bans/999999999"), &ann, Value::Null).await.refused(404, "user_not_found");
    world.api.delete(&format!("{path}/bans/{}", bob.id), &ann).await.refused(404, "ban_not_found");
    world.api.post(&format!("{path}/messages/99/report"), &bob, json!({})).await.refused(404, "message_not_found");
    world.api.post(&format!("{path}/reports/99999/close"), &ann, json!({})).await.refused(404, "report_not_found");
}

#[tokio::test]
async fn a_block_keeps_direct_rooms_closed_until_it_is_taken_back() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let (block, direct) = (format!("/api/blocks/{}", bob.id), format!("/api/rooms/direct/{}", ann.id));
    let room = world.api.put(&direct, &bob, json!({})).await.is(201)["id"].as_u64().expect("an id");
    let mut his = Socket::lean(&world.ws, &bob).await;
    for _ in 0..2 {
        world.api.put(&block, &ann, Value::Null).await.is(204);
    }
    let blocked = world.api.get("/api/blocks", &ann).await.is(200);
    assert_eq!((blocked["items"].as_array().map(Vec::len), &blocked["items"][0]["id"]), (Some(1), &json!(bob.id)));
    assert_eq!(world.api.get("/api/blocks", &bob).await.is(200)["items"], json!([]), "nothing tells them");
    let content = json!({ "content": "Hi" });
    for who in [&ann, &bob] {
        world.api.post(&format!("/api/rooms/{room}/messages"), who, content.clone()).await.refused(403, "blocked");
    }
    assert_eq!(his.ask(json!({ "action": "send", "room_id": room, "content": "Hi" })).await["code"], "blocked");
    let cleo = world.api.person("cleo").await;
    world.api.put(&format!("/api/blocks/{}", cleo.id), &ann, Value::Null).await.is(204);
    world.api.put(&direct, &cleo, json!({})).await.refused(403, "blocked");
    world.api.put(&format!("/api/blocks/{}", ann.id), &ann, Value::Null).await.refused(409, "self_block");
    world.api.put("/api/blocks/999999999", &ann, Value::Null).await.refused(404, "user_not_found");
    world.api.put("/api/blocks/nobody", &ann, Value::Null).await.refused(422, "invalid_input");
    world.api.delete(&block, &ann).await.is(204);
    world.api.post(&format!("/api/rooms/{room}/messages"), &bob, content).await.is(201);
}
