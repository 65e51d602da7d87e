//! Retries after a lost response. Each route that creates or changes something declares the result of a repetition: the same result, by itself or
//! with an `Idempotency-Key`, or a refusal that reveals that the action is done. A route without a declaration fails.

use std::collections::BTreeSet;

use hyper::Method;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::admin::operator;
use crate::api::{Answer, Api, Header, JSON, PASSWORD, Person};
use crate::cloud::{World, own_world};
use crate::documents::operations;
use crate::friends::befriend;
use crate::test_images::{encoded, new_file, picture, ready};

/// The result of a repeated request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// The same response.
    Same,
    /// The same resource with the same key; without a key a new one.
    Keyed,
    /// A new credential of the same user.
    Credential,
    /// A refusal with one of these codes.
    Done(&'static [(u16, &'static str)]),
}

/// A route, and an unsent request to it.
struct Twice {
    route: &'static str,
    path: String,
    who: Option<Person>,
    body: Value,
    again: Again,
}

#[tokio::test]
async fn a_repeated_request_has_one_effect() {
    let world = own_world(&[]);
    let all = requests(&world).await;
    let said: BTreeSet<&str> = all.iter().map(|twice| twice.route).collect();
    let documented = operations();
    let routes: BTreeSet<&str> =
        documented.keys().map(String::as_str).filter(|name| name.starts_with("POST ") || name.starts_with("PUT ")).collect();
    assert_eq!(said, routes, "left: said here, right: in the documents");
    let mut keyed = 0;
    for twice in all {
        let route = twice.route;
        let takes_key =
            documented[route]["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "idempotency-key");
        assert_eq!(takes_key, twice.again == Again::Keyed, "{route}: what makes something new takes a key, and says so");
        // A user's message keys share one namespace across routes.
        let (own, another) = (format!("once-and-for-all-{keyed}"), format!("another-{keyed}"));
        let key = (twice.again == Again::Keyed).then_some(own.as_str());
        let (first, second) = (send(&world.api, &twice, key).await, send(&world.api, &twice, key).await);
        assert!(first.status.is_success(), "{route}: {}", String::from_utf8_lossy(&first.body));
        let plain = |answer: &Answer| steady(serde_json::from_slice(&answer.body).unwrap_or_default());
        match twice.again {
            Again::Same => {
                assert!(second.status.is_success(), "{route}: {}", String::from_utf8_lossy(&second.body));
                assert_eq!(plain(&first), plain(&second), "{route}");
            }
            Again::Keyed => {
                keyed += 1;
                assert!(second.status.is_success(), "{route}: {}", String::from_utf8_lossy(&second.body));
                assert_eq!(plain(&first), plain(&second), "{route}");
                let third = send(&world.api, &twice, Some(&another)).await;
                assert_ne!(plain(&first), plain(&third), "{route}: {}", String::from_utf8_lossy(&third.body));
                let other = another_body(&twice);
                // The route of older clients ignores what it does not know.
                let expected = if route == "POST /api/messages/send" { 200 } else { 409 };
                send(&world.api, &Twice { body: other, ..twice }, key).await.is(expected);
            }
            Again::Credential => {
                let (one, two): (Value, Value) = (first.is(first.status.as_u16()), second.is(first.status.as_u16()));
                assert_eq!(one["user"], two["user"], "{route}");
                assert_ne!(one, two, "{route}");
            }
            Again::Done(answers) => {
                let (status, body) = (second.status.as_u16(), second.is(second.status.as_u16()));
                let code = body["code"].as_str().unwrap_or_default();
                assert!(answers.contains(&(status, code)), "{route}: {status} {code}");
            }
        }
    }
    assert!(keyed >= 5, "{keyed}");
}

/// Another valid body for the same route.
fn another_body(twice: &Twice) -> Value {
    let mut body = twice.body.clone();
    let (field, value) = match twice.route {
        "POST /api/uploads" => ("file_name", json!("another.txt")),
        "POST /api/rooms/{room_id}/invites" => ("uses", json!(2)),
        "POST /api/rooms/{room_id}/messages" => ("content", json!("Another")),
        "POST /api/messages/send" => ("client_note", json!("of an older client")),
        _ => ("name", json!("Another")),
    };
    body[field] = value;
    body
}

/// A response without values that depend on the time.
fn steady(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        for name in ["url", "expires_at"] {
            answer.remove(name);
        }
    }
    answer
}

async fn send(api: &Api, twice: &Twice, key: Option<&str>) -> Answer {
    let method: Method = twice.route.split(' ').next().expect("a method").parse().expect("a method");
    let mut headers = vec![JSON];
    headers.extend(twice.who.as_ref().map(|who| Header("authorization", &who.token)));
    headers.extend(key.map(|key| Header("idempotency-key", key)));
    api.raw(method, &twice.path, &headers, if twice.body.is_null() { String::new() } else { twice.body.to_string() }).await
}

/// The path of a message in a room of its sender.
async fn message(api: &Api, who: &Person, room: u64) -> String {
    let sent = api.post(&format!("/api/rooms/{room}/messages"), who, json!({ "content": "Hello" })).await.is(201);
    format!("/api/rooms/{room}/messages/{}", sent["seq"])
}

/// One request per route, with users and rooms of its own.
async fn requests(world: &World) -> Vec<Twice> {
    let api = &world.api;
    let (admin, ann, bob) = (operator(world).await, api.person("ann").await, api.person("bob").await);
    befriend(api, &ann, &bob).await;
    let room = api.group(&ann, &[&bob]).await;
    let rooms = format!("/api/rooms/{room}");
    let said = message(api, &bob, room).await;
    let mut all = accounts(api, &ann).await;
    let mut add = |route: &'static str, path: String, who: &Person, body: Value, again: Again| {
        all.push(Twice { route, path, who: Some(who.clone()), body, again });
    };

    let other = api.person("other").await;
    let users = format!("/api/admin/users/{}", other.id);
    add("POST /api/admin/users/{user_id}/disable", format!("{users}/disable"), &admin, Value::Null, Again::Same);
    add("POST /api/admin/users/{user_id}/enable", format!("{users}/enable"), &admin, Value::Null, Again::Same);
    add("PUT /api/admin/users/{user_id}/role", format!("{users}/role"), &admin, json!({ "role": "admin" }), Again::Same);
    for _ in 0..2 {
        let reported = message(api, &bob, room).await;
        api.post(&format!("{reported}/report"), &ann, json!({ "reason": "Spam" })).await.is(204);
    }
    let reports = api.get(&format!("{rooms}/reports"), &ann).await.is(200);
    let report = |number: usize| reports["items"][number]["id"].as_u64().expect("a report");
    let close = format!("/api/admin/reports/{}/close", report(0));
    add("POST /api/admin/reports/{report_id}/close", close, &admin, Value::Null, Again::Same);
    let close = format!("{rooms}/reports/{}/close", report(1));
    add("POST /api/rooms/{room_id}/reports/{report_id}/close", close, &ann, Value::Null, Again::Same);

    let (cat, dan, eve) = (api.person("cat").await, api.person("dan").await, api.person("eve").await);
    add("PUT /api/blocks/{user_id}", format!("/api/blocks/{}", eve.id), &ann, Value::Null, Again::Same);
    add("POST /api/friends/requests", "/api/friends/requests".into(), &ann, json!({ "user_id": cat.id }), Again::Same);
    for who in [&cat, &dan] {
        api.post("/api/friends/requests", who, json!({ "user_id": bob.id })).await.is(201);
    }
    let accept = format!("/api/friends/requests/{}/accept", cat.id);
    add("POST /api/friends/requests/{user_id}/accept", accept, &bob, Value::Null, Again::Same);
    let (reject, gone) = (format!("/api/friends/requests/{}/reject", dan.id), Again::Done(&[(404, "request_not_found")]));
    add("POST /api/friends/requests/{user_id}/reject", reject, &bob, Value::Null, gone);

    let new = json!({ "name": "New" });
    add("POST /api/rooms", "/api/rooms".into(), &ann, new.clone(), Again::Keyed);
    add("POST /api/rooms/create", "/api/rooms/create".into(), &ann, new, Again::Keyed);
    add("PUT /api/rooms/direct/{user_id}", format!("/api/rooms/direct/{}", bob.id), &ann, Value::Null, Again::Same);
    add("PUT /api/rooms/{room_id}/bans/{user_id}", format!("{rooms}/bans/{}", dan.id), &ann, Value::Null, Again::Same);
    add("POST /api/rooms/{room_id}/invites", format!("{rooms}/invites"), &ann, json!({ "uses": 1 }), Again::Keyed);
    let public = api.post("/api/rooms", &ann, json!({ "name": "Public", "kind": "public" })).await.is(201)["id"].clone();
    add("POST /api/rooms/{room_id}/join", format!("/api/rooms/{public}/join"), &bob, json!({}), Again::Same);
    let left = api.group(&ann, &[&bob]).await;
    let gone = Again::Done(&[(404, "room_not_found"), (403, "not_a_member")]);
    add("POST /api/rooms/{room_id}/leave", format!("/api/rooms/{left}/leave"), &bob, json!({}), gone);
    // A repetition reports added users as `already`.
    api.post(&format!("{rooms}/members"), &ann, json!({ "user_ids": [cat.id] })).await.is(200);
    let members = json!({ "user_ids": [cat.id] });
    add("POST /api/rooms/{room_id}/members", format!("{rooms}/members"), &ann, members.clone(), Again::Same);
    add("POST /api/participant/{conversationId}", format!("/api/participant/{room}"), &ann, members, Again::Same);
    add("PUT /api/rooms/{room_id}/mute", format!("{rooms}/mute"), &bob, json!({ "until": "2100-01-01T00:00:00Z" }), Again::Same);
    add("PUT /api/rooms/{room_id}/read", format!("{rooms}/read"), &bob, json!({ "seq": 1 }), Again::Same);
    add("PUT /api/rooms/{room_id}/delivered", format!("{rooms}/delivered"), &bob, json!({ "seq": 2 }), Again::Same);

    let words = json!({ "content": "Once" });
    add("POST /api/rooms/{room_id}/messages", format!("{rooms}/messages"), &ann, words, Again::Keyed);
    let older = json!({ "message": "Once more", "room_id": room });
    add("POST /api/messages/send", "/api/messages/send".into(), &ann, older, Again::Keyed);
    add("PUT /api/rooms/{room_id}/messages/{seq}/pin", format!("{said}/pin"), &ann, Value::Null, Again::Same);
    let thumb = json!({ "emoji": "👍" });
    add("PUT /api/rooms/{room_id}/messages/{seq}/reactions", format!("{said}/reactions"), &ann, thumb, Again::Same);
    let reason = json!({ "reason": "Spam" });
    add("POST /api/rooms/{room_id}/messages/{seq}/report", format!("{said}/report"), &ann, reason, Again::Same);
    let unsaid = api.post(&format!("{rooms}/messages"), &bob, json!({ "content": "Oh no" })).await.is(201)["id"].clone();
    add("PUT /api/messages/unsent/{messageId}", format!("/api/messages/unsent/{unsaid}"), &bob, Value::Null, Again::Same);

    let file = json!({ "purpose": "file", "file_name": "a.txt", "content_type": "text/plain", "size": 3 });
    add("POST /api/uploads", "/api/uploads".into(), &ann, file, Again::Keyed);
    let bytes = encoded(&picture(90, 60), ImageFormat::Png);
    let face = ready(api, &ann, new_file("avatar", "me.png", "image/png"), &bytes).await["upload_id"].clone();
    let done = format!("/api/uploads/{face}/complete");
    add("POST /api/uploads/{upload_id}/complete", done, &ann, Value::Null, Again::Same);
    let used = Again::Done(&[(409, "upload_in_use"), (200, "")]);
    add("PUT /api/users/me/avatar", "/api/users/me/avatar".into(), &ann, json!({ "upload_id": face }), used);
    all
}

/// Routes for users, sessions and devices.
async fn accounts(api: &Api, ann: &Person) -> Vec<Twice> {
    let mut all = Vec::new();
    let mut add = |route: &'static str, who: Option<&Person>, body: Value, again: Again| {
        let path = route.split(' ').nth(1).expect("a path").to_owned();
        all.push(Twice { route, path, who: who.cloned(), body, again });
    };
    let login = json!({ "username": ann.name, "password": PASSWORD });
    for route in ["POST /api/auth/login", "POST /api/login", "POST /api/users/login"] {
        add(route, None, login.clone(), Again::Credential);
    }
    for (number, route) in ["POST /api/auth/register", "POST /api/register", "POST /api/users/register"].into_iter().enumerate() {
        let new = json!({ "username": format!("again-{number}"), "password": PASSWORD, "email": "again@example.com" });
        add(route, None, new, Again::Credential);
    }
    add("POST /api/auth/ticket", Some(ann), Value::Null, Again::Credential);
    let (one, two, three) = (api.person("one").await, api.person("two").await, api.person("three").await);
    add("POST /api/auth/logout", Some(&one), Value::Null, Again::Same);
    add("POST /api/auth/logout-all", Some(&two), Value::Null, Again::Same);
    // For 30 seconds the same token returns the same successor.
    add("POST /api/auth/refresh", None, json!({ "refresh_token": three.refresh }), Again::Done(&[(200, "")]));
    let four = api.person("four").await;
    let change = json!({ "current": PASSWORD, "new": "another long passphrase" });
    add("PUT /api/auth/password", Some(&four), change, Again::Done(&[(403, "wrong_password"), (401, "session_ended")]));
    let keys = json!({
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    });
    let device = json!({ "endpoint": "https://fcm.googleapis.com/fcm/send/again", "keys": keys });
    add("PUT /api/push/subscription", Some(ann), device, Again::Same);
    for route in ["PUT /api/user", "PUT /api/user/"] {
        let about = json!({ "about": "Tea.", "email": "tea@example.com", "password": PASSWORD });
        add(route, Some(ann), about, Again::Same);
    }
    all
}
