//! Invalid input: a clear refusal with a stable code, never a 5xx, a hang or a partial write.

use hyper::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::api::{Header, JSON};
use crate::cloud::world;
use crate::socket::Socket;

#[tokio::test]
async fn bodies_that_are_no_json_and_fields_of_wrong_types_are_named() {
    let world = world();
    let ann = world.api.person("ann").await;
    for body in
        [&b""[..], b"{", b"[", b"{\"content\":}", b"{\"content\":\"\xff\"}", b"{\"content\":\"\\ud800\"}", b"{} {}", b"nul"]
    {
        let answer = world.api.raw_as(&ann, Method::POST, "/api/rooms/general/messages", body).await;
        answer.refused(400, "malformed_json");
    }
    for (body, field) in [
        (json!({ "content": 7 }), "content"),
        (json!({ "content": ["x"] }), "content"),
        (json!({}), "content"),
        (json!({ "content": "" }), "content"),
        (json!({ "content": " \n " }), "content"),
        (json!({ "content": "x".repeat(1001) }), "content"),
        (json!({ "content": "x", "reply_to": "first" }), "reply_to"),
        (json!({ "content": "x", "reply_to": -1 }), "reply_to"),
        (json!({ "content": "x", "client_id": "" }), "client_id"),
        (json!({ "content": "x", "client_id": { "$gt": 0 } }), "client_id"),
    ] {
        let problem = world.api.post("/api/rooms/general/messages", &ann, body.clone()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    for body in [json!([]), json!("x"), json!(7), Value::Null] {
        let status = world.api.post("/api/rooms/general/messages", &ann, body.clone()).await.status.as_u16();
        assert!(matches!(status, 400 | 422), "{body}: {status}");
    }
    assert_eq!(
        world.api.get("/api/rooms/general", &ann).await.is(200)["joined"],
        false,
        "nothing was written, not even a membership"
    );
}

#[tokio::test]
async fn invisible_and_misleading_characters_are_refused_in_rooms_too() {
    let world = world();
    let ann = world.api.person("ann").await;
    for (field, value) in [("name", "\u{200b}"), ("name", "\u{202e}\u{202c}"), ("name", "a\nb"), ("topic", "a\u{7}b")] {
        let mut body = json!({ "name": "Room", "kind": "group" });
        body[field] = value.into();
        let problem = world.api.post("/api/rooms", &ann, body).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let body = json!({ "name": "می\u{200c}خواهم 👩\u{200d}💻", "kind": "group", "topic": "two\nlines", "member_ids": null });
    let room = world.api.post("/api/rooms", &ann, body).await.is(201)["id"].clone();
    let mute = json!({ "until": "9999-12-31T23:59:59-12:00" });
    world.api.put(&format!("/api/rooms/{room}/mute"), &ann, mute).await.refused(422, "invalid_input");
    world
        .api
        .post("/api/rooms/general/messages", &ann, json!(["positional", [], null, null, null]))
        .await
        .refused(400, "malformed_json");
}

#[tokio::test]
async fn wrong_paths_and_queries_name_the_parameter_and_not_the_value() {
    let world = world();
    let ann = world.api.person("ann").await;
    let path = world.api.get("/api/rooms/general/messages/s3cret", &ann).await.refused(422, "invalid_input");
    assert_eq!((&path["errors"][0]["field"], &path["errors"][0]["detail"]), (&json!("seq"), &json!("must be a whole number")));
    let query = world.api.get("/api/rooms?scope=s3cret", &ann).await.refused(400, "malformed_query");
    let detail = query["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with("scope: expected") && !detail.contains("s3cret"), "{query}");
}

#[tokio::test]
async fn a_request_that_comes_again_makes_nothing_a_second_time() {
    let world = world();
    let ann = world.api.person("ann").await;
    let bearer = format!("Bearer {}", ann.token);
    let post = async |path: &str, key: &str, body: &'static str| {
        let headers = [Header("authorization", &bearer), JSON, Header("idempotency-key", key)];
        world.api.raw(Method::POST, path, &headers, body.as_bytes()).await
    };
    let first = post("/api/rooms", "k1", r#"{"name":"Lunch"}"#).await.is(201);
    assert_eq!(post("/api/rooms", "k1", r#"{"name":"Lunch"}"#).await.is(200)["id"], first["id"]);
    post("/api/rooms", "k1", r#"{"name":"Dinner"}"#).await.refused(409, "idempotency_key_reused");
    post("/api/rooms", "k 1", r#"{"name":"Lunch"}"#).await.refused(422, "invalid_input");
    assert_ne!(post("/api/rooms", "k2", r#"{"name":"Lunch"}"#).await.is(201)["id"], first["id"]);

    let path = format!("/api/rooms/{}/messages", first["id"]);
    let sent = post(&path, "m1", r#"{"content":"Hi"}"#).await.is(201);
    assert_eq!(post(&path, "m1", r#"{"content":"Hi"}"#).await.is(200)["id"], sent["id"]);
    assert_eq!(
        post(&path, "m1", r#"{"content":"Hi","client_id":"m2"}"#).await.is(201)["client_id"],
        "m2",
        "the body's own key counts"
    );
    post(&path, "m1", r#"{"content":"Ho"}"#).await.refused(409, "client_id_reused");
}

#[tokio::test]
async fn where_a_list_goes_on_is_a_link_that_can_be_followed() {
    let world = world();
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    for index in 0..5 {
        world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": format!("m{index}") })).await.is(201);
    }
    let (mut path, mut seen) = (Some(format!("/api/rooms/{room}/messages?limit=2")), Vec::new());
    while let Some(here) = path.take() {
        let answer = world.api.get(&here, &ann).await;
        let page = answer.is(200);
        seen.extend(page["items"].as_array().expect("items").iter().rev().map(|message| message["seq"].clone()));
        let link = answer.headers.get("link").map(|link| link.to_str().expect("text").to_owned());
        assert_eq!(link.is_some(), !page["next"].is_null());
        path = link
            .map(|link| link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\"")).expect("a link").to_owned());
    }
    let newest = seen[0].as_u64().expect("a seq");
    assert_eq!(seen, (1..=newest).rev().map(Value::from).collect::<Vec<_>>());
    let answer = world.api.get("/api/rooms?limit=1&scope=all", &ann).await;
    let link = answer.headers.get("link").and_then(|link| link.to_str().ok()).unwrap_or_default();
    assert!(link.starts_with("</api/rooms?limit=1&scope=all&cursor="), "{link}");
}

#[tokio::test]
async fn hidden_rooms_behave_like_missing_ones() {
    let world = world();
    let (ann, eve) = (world.api.person("ann").await, world.api.person("eve").await);
    let hidden = world.api.group(&ann, &[]).await;
    for room in [hidden.to_string(), format!("room-{hidden}"), "999999999".into(), "no-such-slug".into()] {
        let mut bodies = Vec::new();
        for (method, path) in [
            (Method::GET, format!("/api/rooms/{room}")),
            (Method::GET, format!("/api/rooms/{room}/members")),
            (Method::GET, format!("/api/rooms/{room}/messages")),
            (Method::GET, format!("/api/rooms/{room}/messages/1")),
            (Method::GET, format!("/api/messages/{room}")),
            (Method::GET, format!("/api/messages?roomId={room}")),
            (Method::POST, format!("/api/rooms/{room}/join")),
            (Method::POST, format!("/api/rooms/{room}/leave")),
            (Method::POST, format!("/api/rooms/{room}/messages")),
        ] {
            let body = if path.ends_with("/messages") { r#"{"content":"x"}"# } else { "{}" };
            let answer = world.api.raw_as(&eve, method, &path, body).await;
            let mut problem = answer.refused(404, "room_not_found");
            problem["request_id"] = Value::Null;
            bodies.push(problem);
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "nothing tells hidden from absent");
    }
}

#[tokio::test]
async fn paths_and_queries_that_make_no_sense_are_refused() {
    let world = world();
    let ann = world.api.person("ann").await;
    for (path, status) in [
        ("/api/rooms/-1", 422),
        ("/api/rooms/1.5", 422),
        ("/api/rooms/9007199254740992", 422),
        ("/api/rooms/a%20b", 422),
        ("/api/rooms/general/messages?limit=many", 400),
        ("/api/rooms/general/messages?limit=-1", 400),
        ("/api/rooms/general/messages?limit=1&limit=2", 400),
        ("/api/rooms/general/messages?before=1&after=2", 422),
        ("/api/rooms/general/messages/0", 404),
        ("/api/rooms/general/messages/99999999999999999999", 422),
        ("/api/rooms/general/messages/first", 422),
        ("/api/rooms?scope=mine", 400),
        ("/api/rooms?cursor=nonsense", 422),
        ("/api/rooms/general/members?cursor=nonsense", 422),
        ("/api/messages", 400),
        ("/api/messages?roomId=", 400),
        ("/api/nothing", 404),
        ("/api/rooms/general/", 404),
    ] {
        let answer = world.api.get(path, &ann).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    world.api.get("/api/rooms?limit=1000000000", &ann).await.is(200);
    let none = world.api.get("/api/rooms?limit=0", &ann).await.refused(422, "invalid_input");
    assert_eq!(none["errors"][0]["field"], "limit");
}

#[tokio::test]
async fn names_of_rooms_and_people_are_checked() {
    let world = world();
    let ann = world.api.person("ann").await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(101) }), "name"),
        (json!({ "name": "a\u{0}b" }), "name"),
        (json!({ "name": "x", "kind": "direct" }), "kind"),
        (json!({ "name": "x", "kind": "secret" }), "kind"),
        (json!({ "name": "x", "topic": "y".repeat(501) }), "topic"),
        (json!({ "name": "x", "member_ids": [999_999_999] }), "member_ids"),
        (json!({ "name": "x", "member_ids": (1..=101).collect::<Vec<_>>() }), "member_ids"),
    ] {
        let problem = world.api.post("/api/rooms", &ann, body.clone()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    let wrong =
        world.api.post("/api/rooms", &ann, json!({ "name": "x", "member_ids": ["x"] })).await.refused(422, "invalid_input");
    assert_eq!(wrong["errors"][0]["field"], "member_ids[0]");
}

#[tokio::test]
async fn a_frame_that_cannot_be_done_is_answered_and_the_socket_lives_on() {
    let world = world();
    let (ann, eve) = (world.api.person("ann").await, world.api.person("eve").await);
    let hidden = world.api.group(&ann, &[]).await;
    let mut socket = Socket::of(&world.ws, &eve).await;
    for (frame, code) in [
        ("not json".to_owned(), "malformed_json"),
        ("{".into(), "malformed_json"),
        ("[]".into(), "malformed_frame"),
        ("7".into(), "malformed_frame"),
        ("\"$disconnect\"".into(), "malformed_frame"),
        ("{}".into(), "unknown_action"),
        (json!({ "action": "fly" }).to_string(), "unknown_action"),
        (json!({ "action": "$connect" }).to_string(), "unknown_action"),
        (json!({ "action": 7 }).to_string(), "invalid_input"),
        (json!({ "action": "send" }).to_string(), "invalid_input"),
        (json!({ "action": "send", "content": "" }).to_string(), "invalid_input"),
        (json!({ "action": "send", "content": "x".repeat(1001) }).to_string(), "invalid_input"),
        (json!({ "action": "send", "content": { "a": 1 } }).to_string(), "invalid_input"),
        (json!({ "action": "send", "room_id": [1], "content": "x" }).to_string(), "invalid_input"),
        (json!({ "action": "send", "room_id": hidden, "content": "x" }).to_string(), "room_not_found"),
        (json!({ "action": "join", "room_id": hidden }).to_string(), "room_not_found"),
        (json!({ "action": "leave", "room_id": hidden }).to_string(), "room_not_found"),
        (json!({ "action": "leave" }).to_string(), "invalid_input"),
        (json!({ "action": "ping", "since": "yesterday" }).to_string(), "invalid_input"),
        (json!({ "type": "message", "data": 7 }).to_string(), "invalid_input"),
        (json!({ "type": "message", "data": null }).to_string(), "invalid_input"),
    ] {
        socket.send_text(&frame).await;
        let error = socket.wait("error").await;
        assert_eq!(error["code"], code, "{frame}: {error}");
        assert!(error["detail"].is_string() && error["request_id"].is_string(), "{error}");
    }
    let error = socket.ask(json!({ "action": "send", "room_id": hidden, "content": "x", "client_id": "c-1" })).await;
    assert_eq!((&error["type"], &error["client_id"]), (&json!("error"), &json!("c-1")));
    assert_eq!(socket.ask(json!({ "action": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn binary_and_oversized_frames_close_the_socket_with_their_codes() {
    let world = world();
    let ann = world.api.person("ann").await;
    let mut socket = Socket::of(&world.ws, &ann).await;
    socket.send_message(Message::Binary(Bytes::from_static(b"\x00\x01"))).await;
    assert_eq!(socket.close_code().await, Some(1003));
    let mut socket = Socket::of(&world.ws, &ann).await;
    let frame = json!({ "action": "send", "content": "x".repeat(40_000) });
    socket.send_text(&frame.to_string()).await;
    assert_eq!(socket.close_code().await, Some(1009));
}
