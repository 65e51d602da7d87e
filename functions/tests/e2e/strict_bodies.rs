//! Bodies and queries mean what they say or are refused: unknown fields, byte order marks, wishes for privacy in the words of other products, limits of 0.

use hyper::Method;
use serde_json::{Value, json};

use crate::api::Answer;
use crate::cloud::{Variable, own_world, world};
use crate::documents::{document, operations};
use crate::socket::Socket;

/// The operations of current clients, as method and path with 1 for each parameter.
fn current() -> Vec<(Method, String, Value)> {
    let current = operations().into_iter().filter(|(_, operation)| operation["tags"][0] != "older clients");
    current
        .map(|(name, operation)| {
            let (method, path) = name.split_once(' ').expect("a method and a path");
            let path: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
            (method.parse().expect("a method"), path.join("/"), operation)
        })
        .collect()
}

#[track_caller]
fn names(answer: &Answer, field: &str) -> String {
    let problem = answer.refused(422, "invalid_input");
    let errors = problem["errors"].as_array().expect("errors");
    let error = errors.iter().find(|error| error["code"] == "unknown_field").unwrap_or_else(|| panic!("{problem}"));
    assert_eq!(error["field"], field);
    error["detail"].as_str().expect("a detail").to_owned()
}

#[tokio::test]
async fn every_current_route_refuses_a_field_that_it_does_not_have() {
    let world = own_world(&[Variable("RATE_LOGIN", "1000/60")]);
    let ann = world.api.person("ann").await;
    let schemas = document()["components"]["schemas"].clone();
    let mut routes = 0;
    for (method, path, operation) in current() {
        let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
        routes += 1;
        for body in
            [r#"{"no_such_field":1}"#, r#"{"no_such_field":{"content":[{}]},"content":"x"}"#, "\u{feff}{\"no_such_field\":null}"]
        {
            names(&world.api.raw_as(&ann, method.clone(), &path, body).await, "no_such_field");
        }
        for media in content.values() {
            let schema = media["schema"].to_string();
            let name = schema.split("#/components/schemas/").nth(1).and_then(|rest| rest.split('"').next()).expect("a schema");
            assert_eq!(schemas[name]["additionalProperties"], false, "{method} {path} documents it");
        }
    }
    assert!(routes > 20, "{routes}");
    assert_eq!(world.api.get("/api/users/me", &ann).await.is(200)["username"], ann.name, "nobody was erased or renamed");
}

#[tokio::test]
async fn a_refused_body_changes_nothing_and_names_what_was_meant() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}");
    let before = world.api.get(&path, &ann).await.is(200);
    for (body, field, meant) in [
        (json!({ "slow_mode_seconds": 60 }), "slow_mode_seconds", "`settings.slow_mode_seconds`"),
        (json!({ "name": "New", "who_adds": "members" }), "who_adds", "`settings.who_adds`"),
        (json!({ "name": "New", "settings": { "topic": "x" } }), "settings.topic", "`topic`"),
        (json!({ "name": "New", "archive": true }), "archive", "`archived`"),
    ] {
        let detail = names(&world.api.patch(&path, &ann, body.clone()).await, field);
        assert!(detail.contains(meant), "{body}: {detail}");
    }
    let messages = format!("{path}/messages");
    let detail = names(&world.api.post(&messages, &ann, json!({ "content": "Hi", "replyTo": 1 })).await, "replyTo");
    assert!(detail.contains("`reply_to`"), "{detail}");
    assert_eq!(world.api.get(&path, &ann).await.is(200), before, "nothing was written");
    let all = world.api.get("/api/rooms?scope=joined", &ann).await.is(200);
    names(&world.api.post("/api/rooms", &ann, json!({ "name": "Lunch", "members": [bob.id] })).await, "members");
    assert_eq!(world.api.get("/api/rooms?scope=joined", &ann).await.is(200), all);
    // A socket also serves older clients, whose frames have fields of their own.
    let mut socket = Socket::lean(&world.ws, &ann).await;
    let frame = json!({ "action": "send", "room_id": room, "content": "Hi", "sender_name": "Ann" });
    assert_eq!(socket.ask(frame).await["type"], "ack");
}

#[tokio::test]
async fn a_byte_order_mark_is_no_content() {
    let world = world();
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    let body = "\u{feff}{\"content\":\"Hi\"}";
    let sent = world.api.raw_as(&ann, Method::POST, &format!("/api/rooms/{room}/messages"), body).await.is(201);
    assert_eq!(sent["content"], "Hi");
    let older = format!("\u{feff}{{\"room_id\":{room},\"content\":\"Ho\"}}");
    assert_eq!(world.api.raw_as(&ann, Method::POST, "/api/messages/send", older).await.is(200)["content"], "Ho");
    let path = format!("/api/rooms/{room}/leave");
    world.api.raw_as(&ann, Method::POST, &path, "\u{feff}\u{feff}{}").await.refused(400, "malformed_json");
    let mut socket = Socket::lean(&world.ws, &ann).await;
    socket.send_text(&format!("\u{feff}{{\"action\":\"send\",\"room_id\":{room},\"content\":\"Hey\",\"id\":1}}")).await;
    assert_eq!(socket.wait("ack").await["id"], 1);
    world.api.raw_as(&ann, Method::POST, &path, "\u{feff}").await.is(204);
}

#[tokio::test]
async fn no_wish_for_privacy_makes_a_public_room() {
    let world = world();
    let wishes = [
        json!({ "is_private": true }),
        json!({ "private": true }),
        json!({ "isPrivate": true }),
        json!({ "is_private": "true" }),
        json!({ "is_private": 1 }),
        json!({ "type": "group" }),
        json!({ "type": "private" }),
        json!({ "type": "Private" }),
        json!({ "visibility": "private" }),
        json!({ "visibility": "hidden" }),
        json!({ "privacy": "private" }),
        json!({ "public": false }),
        json!({ "isPublic": false }),
        json!({ "invite_only": true }),
        json!({ "type": "direct" }),
        json!({ "isGroup": true }),
        json!({ "unlisted": true }),
        json!({ "IsPrivate": true }),
        json!({ "is_private": true, "isPrivate": true, "private": false }),
    ];
    for wish in &wishes {
        let ann = world.api.person("ann").await;
        let mut body = wish.clone();
        body["name"] = "Secrets".into();
        let made = world.api.post("/api/rooms/create", &ann, body.clone()).await;
        assert_eq!(made.is(200)["kind"], "group", "{body}");
        // Current clients have `kind`; nothing that they say is ignored.
        let (field, _) = wish.as_object().and_then(|fields| fields.iter().next()).expect("a field");
        names(&world.api.post("/api/rooms", &ann, body.clone()).await, field);
        body["kind"] = "public".into();
        let problem = world.api.post("/api/rooms/create", &ann, body.clone()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], "kind", "{body}");
    }
    let ann = world.api.person("ann").await;
    let group = json!({ "name": "Group", "kind": "group", "visibility": "public" });
    assert_eq!(world.api.post("/api/rooms/create", &ann, group).await.is(200)["kind"], "group");
    let visible = json!({ "name": "Open", "visibility": "public" });
    names(&world.api.post("/api/rooms", &ann, visible).await, "visibility");
    for open in [
        json!({}),
        json!({ "is_private": false }),
        json!({ "type": "room" }),
        json!({ "visibility": "public" }),
        json!({ "colour": 7 }),
    ] {
        let mut body = open;
        body["name"] = "Open".into();
        let ann = world.api.person("ann").await;
        assert_eq!(world.api.post("/api/rooms/create", &ann, body.clone()).await.is(200)["kind"], "public", "{body}");
    }
}

#[tokio::test]
async fn a_limit_of_0_is_refused_and_a_large_one_is_the_largest() {
    let world = world();
    let ann = world.api.person("ann").await;
    let mut routes = 0;
    for (method, path, operation) in current() {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        if !parameters.into_iter().any(|parameter| parameter["name"] == "limit") {
            continue;
        }
        routes += 1;
        let ask = async |limit: &str| {
            let path = format!("{path}?limit={limit}&q=tea");
            world.api.raw_as(&ann, method.clone(), &path, "").await
        };
        let problem = ask("0").await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], "limit", "{path}: {problem}");
        for limit in ["1", "1000", "4294967295"] {
            let answer = ask(limit).await;
            assert!(
                answer.status.is_success() || [403, 404].contains(&answer.status.as_u16()),
                "{path} {limit}: {}",
                answer.status
            );
        }
    }
    assert!(routes >= 15, "{routes}");
    // Go serialises an unset number as 0.
    for older in ["/api/messages?roomId=1&limit=0", "/api/messages/1?limit=0"] {
        world.api.get(older, &ann).await.is(200);
    }
    let room = world.api.group(&ann, &[]).await;
    let change = json!({ "settings": { "slow_mode_seconds": 0 } });
    let view = world.api.patch(&format!("/api/rooms/{room}"), &ann, change).await.is(200);
    assert_eq!(view["settings"]["slow_mode_seconds"], 0, "0 is no slow mode");
    for (body, field) in [(json!({ "uses": 0 }), "uses"), (json!({ "expires_in": 0 }), "expires_in")] {
        let problem = world.api.post(&format!("/api/rooms/{room}/invites"), &ann, body).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field);
    }
}
