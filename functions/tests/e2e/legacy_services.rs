//! A legacy client: the chat application of several services behind a gateway. Every documented route and its frames.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::PASSWORD;
use crate::cloud::own_world;
use crate::legacy_wire::{Wire, bearer};
use crate::media::without_storage;
use crate::socket::Socket;

/// "Receive a message" as documented.
#[derive(Deserialize)]
struct Printed {
    user: String,
    message: String,
}

/// "Send a message" as documented.
const FRAME: &str = r#"{ "type": "message", "data": "Hello, world!" }"#;

/// A registered user of the legacy client.
struct Account {
    headers: [String; 1],
    id: Value,
}

impl Account {
    /// The same user for the test client.
    fn person(&self) -> crate::api::Person {
        let token = self.headers[0].rsplit(' ').next().unwrap_or_default().to_owned();
        crate::api::Person { id: self.id.as_u64().expect("an id"), name: String::new(), token, refresh: String::new() }
    }
}

#[tokio::test]
async fn every_route_of_its_document_works_as_it_is_printed() {
    let world = own_world(&[]);
    let wire = Wire::to(&world);
    let mut people = Vec::new();
    for name in ["John", "Jane", "Jack"] {
        let body = format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#);
        let registered = wire.ok("POST /api/users/register", &[], &body).await;
        let logged_in = wire.ok("POST /api/users/login", &[], &body).await;
        assert_eq!(logged_in["user"]["username"], name);
        let headers = bearer(logged_in["token"].as_str().expect("a token"));
        people.push(Account { headers, id: registered["user"]["id"].clone() });
    }
    let [Account { headers: john, id: john_id }, Account { headers: jane, id: jane_id }, Account { id: jack_id, .. }] =
        &people[..]
    else {
        panic!("three people")
    };

    // The profile with the documented trailing slash.
    assert_eq!(wire.ok("GET /api/user/", john, "").await["id"], *john_id);
    let changed = wire.ok("PUT /api/user/", john, r#"{"display_name":"John D."}"#).await;
    for spelling in ["GET /api/user/", "GET /api/user", "GET /api/users/me"] {
        assert_eq!(changed, without_storage(wire.ok(spelling, john, "").await), "{spelling}");
    }
    assert_eq!(changed["display_name"], "John D.");

    // A private conversation by user, then a group.
    let direct = json!({ "receiver_id": jane_id, "message": "Hi!" }).to_string();
    let sent = wire.ok("POST /api/messages/send", john, &direct).await;
    let conversation = &sent["room_id"];
    let reply = json!({ "receiver_id": john_id.to_string(), "content": "Hi, John!", "reply_to": sent["seq"] }).to_string();
    assert_eq!(
        wire.ok("POST /api/messages/send", jane, &reply).await["room_id"],
        *conversation,
        "the same for both, and an id is an id as a text"
    );
    let read = wire.ok(&format!("GET /api/messages/{conversation}"), jane, "").await;
    assert_eq!(read["items"][0]["content"], "Hi!");
    let group =
        world.api.post("/api/rooms", &people[0].person(), json!({ "name": "Group", "member_ids": [jane_id] })).await.is(201);
    let group = &group["id"];
    let text = json!({ "conversation_id": group, "content": "Hello, group!" }).to_string();
    let message = wire.ok("POST /api/messages/send", john, &text).await["id"].clone();
    let all = wire.ok(&format!("GET /api/messages/{group}"), jane, "").await;
    assert_eq!(all["items"].as_array().and_then(|items| items.last()).map(|last| &last["id"]), Some(&message));

    // Lists the members and adds one.
    let added = wire.ok(&format!("POST /api/participant/{group}"), john, &json!({ "user_id": jack_id }).to_string()).await;
    assert_eq!(added["added"], json!([jack_id]));
    for again in [json!({ "user_ids": [jack_id.to_string()] }), json!({ "username": "Jack" }), json!({ "usernames": ["jack"] })] {
        let added = wire.ok(&format!("POST /api/participant/room-{group}"), john, &again.to_string()).await;
        assert_eq!(added["already"], json!([jack_id]), "{again}");
    }
    let members = wire.ok(&format!("GET /api/messages/member?conversationId={group}"), john, "").await;
    assert_eq!(members["items"].as_array().map(Vec::len), Some(3));
    let (status, body) = wire.text("GET /api/messages/member", john, "").await;
    assert!(status == 400 && body.contains("missing_parameter"), "of no group there are no members: {body}");

    // Reads the receipts, then unsends the message.
    let seq = all["items"].as_array().and_then(|items| items.last()).map(|last| last["seq"].clone()).expect("a seq");
    let marked = world.api.put(&format!("/api/rooms/{group}/read"), &people[1].person(), json!({ "seq": seq })).await;
    marked.is(200);
    let readers = wire.ok(&format!("GET /api/messages/read/{message}"), john, "").await;
    let readers: Vec<_> = readers["read"].as_array().expect("readers").iter().map(|seen| &seen["user"]["id"]).collect();
    assert_eq!(readers, [jane_id]);
    let (status, _) = wire.text(&format!("PUT /api/messages/unsent/{message}"), jane, "").await;
    assert_eq!(status, 403, "only one's own");
    let unsent = wire.ok(&format!("PUT /api/messages/unsent/{message}"), john, "").await;
    assert_eq!((&unsent["content"], unsent["deleted_at"].is_string()), (&json!(""), true));
}

#[tokio::test]
async fn its_frames_are_understood_and_answered_in_its_own_words() {
    let world = own_world(&[]);
    let wire = Wire::to(&world);
    let body = format!(r#"{{"username":"John","password":"{PASSWORD}"}}"#);
    let registered = wire.ok("POST /api/users/register", &[], &body).await;
    let token = registered["token"].as_str().expect("a token");
    let mut socket = Socket::with_token(&world.ws, &format!("Bearer {token}")).await.expect("opens");
    socket.send_text(FRAME).await;
    let heard = socket.wait("message").await;
    let heard = if heard["kind"] == "system" { socket.wait("message").await } else { heard };
    let heard: Printed = serde_json::from_value(heard).expect("the frame as it is printed");
    assert_eq!((heard.user.as_str(), heard.message.as_str()), ("John", "Hello, world!"));
}
