//! A legacy client: the Go server that kept messages in memory. Its documented requests and its frame, field by field.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::PASSWORD;
use crate::cloud::{own_world, world};
use crate::legacy_wire::{Wire, bare};
use crate::socket::Socket;

/// "Message Format" of its documentation with the types of its example. Go ignores unknown fields and fails on wrong types.
#[derive(Deserialize)]
struct Printed {
    r#type: String,
    room_id: u64,
    sender_id: u64,
    username: String,
    content: String,
    ts: i64,
}

/// "Sending Messages" with its line breaks.
const SENDING: &str = "{\n  \"content\": \"Your message here\"\n}";

#[tokio::test]
async fn every_request_of_its_document_works_as_it_is_printed() {
    let world = own_world(&[]);
    let wire = Wire::to(&world);
    let john = format!(r#"{{"username":"john_doe","password":"{PASSWORD}"}}"#);
    let registered = wire.ok("POST /api/register", &[], &john).await;
    let logged_in = wire.ok("POST /api/login", &[], &john).await;
    assert_eq!(logged_in["user"]["id"], registered["user"]["id"]);
    let token = logged_in["token"].as_str().expect("a token");
    let rooms = wire.ok("GET /api/rooms", &bare(token), "").await;
    let names: Vec<_> = rooms["items"].as_array().expect("rooms").iter().map(|room| (&room["id"], &room["name"])).collect();
    assert_eq!(names, [(&json!(1), &json!("General"))], "a default \"General\" chat room is created automatically");
    let room = wire.ok("POST /api/rooms/create", &bare(token), r#"{"name":"Lunch"}"#).await;
    assert_eq!((&room["name"], &room["kind"]), (&json!("Lunch"), &json!("public")));

    let mut socket = Socket::with_token(&format!("{}?roomId=1", world.ws), token).await.expect("opens");
    socket.send_text(SENDING).await;
    let heard: Printed = serde_json::from_value(socket.wait("message").await).expect("the frame as it is printed");
    assert_eq!((heard.r#type.as_str(), heard.room_id), ("message", 1));
    assert_eq!(json!(heard.sender_id), registered["user"]["id"]);
    assert_eq!((heard.username.as_str(), heard.content.as_str()), ("john_doe", "Your message here"));
    assert!(heard.ts > 1_640_995_200_000, "milliseconds, and later than its example");

    let history = wire.ok("GET /api/messages?roomId=1&limit=1", &bare(token), "").await;
    assert_eq!(history["items"][0]["content"], "Your message here");
    let health = wire.ok("GET /health", &[], "").await;
    assert_eq!(health["status"], "ok");
}

#[tokio::test]
async fn a_room_is_the_same_in_every_form_under_every_key() {
    let world = world();
    let (ann, wire) = (world.api.person("ann").await, Wire::to(&world));
    let room = world.api.post("/api/rooms/create", &ann, json!({ "name": "Open" })).await.is(200)["id"].clone();
    let general = world.api.get("/api/rooms/general", &ann).await.is(200)["id"].clone();
    let forms = [room.clone(), json!(room.to_string()), json!(format!("room-{room}"))];
    let headers = bare(&ann.token);
    let mut socket = Socket::of(&world.ws, &ann).await;
    for key in ["roomId", "room_id", "conversationId", "conversation_id"] {
        for (form, id) in forms.iter().map(|form| (form.clone(), &room)).chain([(json!("general"), &general)]) {
            let plain = form.as_str().map_or_else(|| form.to_string(), str::to_owned);
            let text = format!("{key} {form}");
            let body = json!({ key: form, "content": text }).to_string();
            let sent = wire.ok("POST /api/messages/send", &headers, &body).await;
            assert_eq!((&sent["room_id"], &sent["content"]), (id, &json!(text)), "{body}");
            for path in [format!("/api/messages?{key}={plain}&limit=1"), format!("/api/messages/member?{key}={plain}&limit=1")] {
                let page = wire.ok(&format!("GET {path}"), &headers, "").await;
                assert!(page["items"][0].is_object(), "{path}: {page}");
            }
            let ack = socket.ask(json!({ "action": "send", key: form, "content": format!("{text}, by socket") })).await;
            assert_eq!((&ack["type"], &ack["room_id"]), (&json!("ack"), id), "{key} {form}: {ack}");
            let bound = Socket::with_token(&format!("{}?{key}={plain}", world.ws), &ann.token).await;
            let mut bound = bound.expect("opens");
            bound.send_text(SENDING).await;
            // Other sockets of the test write to General as well.
            assert_eq!(&bound.wait("ack").await["room_id"], id, "?{key}={plain}");
        }
    }
}

#[tokio::test]
async fn a_missing_room_or_token_is_reported() {
    let world = world();
    let (ann, wire) = (world.api.person("ann").await, Wire::to(&world));
    for (line, headers, status, code) in [
        ("GET /api/messages", &bare(&ann.token)[..], 400, "missing_parameter"),
        ("GET /api/messages?limit=5", &bare(&ann.token), 400, "missing_parameter"),
        ("GET /api/rooms", &[], 401, "unauthenticated"),
        ("GET /api/rooms", &["Authorization: Bearer".to_owned()], 401, "unauthenticated"),
    ] {
        let (given, body) = wire.text(line, headers, "").await;
        let problem: Value = serde_json::from_str(&body).expect("a problem");
        assert_eq!((given, &problem["code"]), (status, &json!(code)), "{line} {headers:?}");
    }
    assert_eq!(Socket::open(&format!("{}?roomId=1", world.ws), &[]).await.err(), Some(401));
}
