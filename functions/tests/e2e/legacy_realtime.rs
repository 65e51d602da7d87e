//! A legacy client: the realtime Go server with friends, Redis and Cloudinary. Its documentation page, commands, token header and frames.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::PASSWORD;
use crate::cloud::own_world;
use crate::legacy_wire::{Wire, bearer};
use crate::socket::Socket;

/// Its frame as documented; only `file_url` is documented as optional.
#[derive(Deserialize)]
struct Printed {
    r#type: String,
    data: PrintedData,
}

#[derive(Deserialize)]
struct PrintedData {
    room_id: String,
    content: String,
    file_url: Option<String>,
}

/// As documented, without the comment `// Optional`, which is not JSON.
const FRAME: &str = r#"{
  "type": "message",
  "data": {
    "room_id": "room-123",
    "content": "Hello world!",
    "file_url": "https://cloudinary.com/file.jpg"
  }
}"#;

#[tokio::test]
async fn its_frame_arrives_as_it_is_printed_and_comes_back_in_the_same_shape() {
    let world = own_world(&[]);
    let wire = Wire::to(&world);
    let register = format!(r#"{{"username":"john","password":"{PASSWORD}"}}"#);
    let john = wire.ok("POST /api/register", &[], &register).await;
    let token = john["token"].as_str().expect("a token");
    // General has id 1; the documented room is the 122nd created after it.
    let mut id = 1;
    while id < 123 {
        let room = wire.ok("POST /api/rooms/create", &bearer(token), r#"{"name":"Room"}"#).await;
        id = room["id"].as_u64().expect("an id");
    }
    assert_eq!(id, 123);
    let mut socket = Socket::with_token(&world.ws, &format!("Bearer {token}")).await.expect("opens");
    socket.send_text(FRAME).await;
    let heard: Printed = serde_json::from_value(socket.wait("message").await).expect("the frame as it is printed");
    assert_eq!((heard.r#type.as_str(), heard.data.room_id.as_str()), ("message", "123"));
    assert_eq!(heard.data.content, "Hello world!\nhttps://cloudinary.com/file.jpg", "a stranger's address stands in the text");
    assert_eq!(heard.data.file_url, None, "and nothing is fetched from it");
    assert_eq!(socket.wait("ack").await["room_id"], 123);

    socket.send_text(&FRAME.replace("file.jpg\"", "file.jpg\" // Optional")).await;
    assert_eq!(socket.wait("error").await["code"], "malformed_json", "the remark is told, and nothing is sent");
}

#[tokio::test]
async fn its_documentation_stands_where_it_stood() {
    let world = own_world(&[]);
    let (status, page) = Wire::to(&world).text("GET /swagger/index.html", &[], "").await;
    assert_eq!(status, 200);
    assert!(page.contains("<html"), "{page}");
    let document = Wire::to(&world).ok("GET /openapi.json", &[], "").await;
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let socket = Wire::to(&world).ok("GET /asyncapi.json", &[], "").await;
    assert_eq!((&socket["asyncapi"], &socket["channels"]["socket"]["address"]), (&json!("3.0.0"), &json!("/ws")));
}

#[test]
fn its_commands_are_there() {
    let makefile = include_str!("../../../Makefile");
    for target in ["run", "build", "test", "migrate-up", "migrate-down", "swagger", "seed"] {
        assert!(makefile.lines().any(|line| line.starts_with(&format!("{target}:"))), "make {target}");
    }
}

#[tokio::test]
async fn friends_are_asked_for_accepted_rejected_and_left() {
    let world = own_world(&[]);
    let wire = Wire::to(&world);
    let mut people = Vec::new();
    for name in ["john", "jane", "jim"] {
        people.push(wire.ok("POST /api/register", &[], &format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#)).await);
    }
    let token = |person: &Value| bearer(person["token"].as_str().expect("a token"));
    let (john, jane, jim) = (&people[0], &people[1], &people[2]);
    let ask = json!({ "username": "jane" }).to_string();
    let requests = "/api/friends/requests";
    for (who, answer) in [(jim, "reject"), (john, "accept")] {
        let (status, text) = wire.text(&format!("POST {requests}"), &token(who), &ask).await;
        assert!(matches!(status, 200 | 201), "{text}");
        let (status, text) = wire.text(&format!("POST {requests}/{}/{answer}", who["user"]["id"]), &token(jane), "").await;
        assert!(matches!(status, 200 | 204), "{text}");
    }
    let friends = wire.ok("GET /api/friends", &token(john), "").await;
    assert_eq!(friends["items"][0]["user"]["username"], "jane");
    let (status, text) = wire.text(&format!("DELETE /api/friends/{}", jane["user"]["id"]), &token(john), "").await;
    assert_eq!(status, 204, "{text}");
    assert_eq!(wire.ok("GET /api/friends", &token(jane), "").await["items"], json!([]));
}
