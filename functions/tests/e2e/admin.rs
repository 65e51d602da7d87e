//! Administration: the console appoints the first operator, and operator actions take effect at once.

use bytes::Bytes;
use hyper::Method;
use local::lambda::Outcome;
use serde_json::{Value, json};

use crate::api::{JSON, PASSWORD, Person};
use crate::cloud::{World, world};
use crate::socket::Socket;

/// A user with the role of operator, from the console.
pub(crate) async fn operator(world: &World) -> Person {
    let person = world.api.person("root").await;
    let appointed = console(world, &json!({ "appoint": person.name })).await.expect("appointed");
    assert_eq!(appointed, json!({ "appointed": person.id }));
    person
}

async fn console(world: &World, order: &Value) -> Result<Value, String> {
    match world.cloud().lambda().invoke("MigrateFunction", Bytes::from(order.to_string())).await.expect("invoked") {
        Outcome::Success(body) => Ok(serde_json::from_slice(&body).expect("JSON")),
        Outcome::FunctionError(body) => Err(String::from_utf8_lossy(&body).into_owned()),
    }
}

#[tokio::test]
async fn every_route_of_operators_refuses_everyone_else() {
    let world = world();
    let ann = world.api.person("ann").await;
    let (role, archived) = (r#"{"role":"admin"}"#, r#"{"archived":true}"#);
    for (method, path, body) in [
        (Method::GET, "/api/admin/users".to_owned(), ""),
        (Method::GET, format!("/api/admin/users/{}", ann.id), ""),
        (Method::POST, format!("/api/admin/users/{}/disable", ann.id), ""),
        (Method::POST, format!("/api/admin/users/{}/enable", ann.id), ""),
        (Method::DELETE, format!("/api/admin/users/{}/sessions", ann.id), ""),
        (Method::PUT, format!("/api/admin/users/{}/role", ann.id), role),
        (Method::DELETE, format!("/api/admin/users/{}", ann.id), ""),
        (Method::GET, "/api/admin/reports".into(), ""),
        (Method::POST, "/api/admin/reports/1/close".into(), ""),
        (Method::GET, "/api/admin/rooms".into(), ""),
        (Method::GET, "/api/admin/rooms/general".into(), ""),
        (Method::PATCH, "/api/admin/rooms/general".into(), archived),
        (Method::DELETE, "/api/admin/rooms/general".into(), ""),
        (Method::GET, "/api/admin/audit".into(), ""),
    ] {
        world.api.raw_as(&ann, method.clone(), &path, body).await.refused(403, "not_allowed");
        world.api.raw(method, &path, &[JSON], body).await.refused(401, "unauthenticated");
    }
    for order in [json!({ "appoint": "nobody-of-this-name" }), json!({ "appoint": 7 }), json!({ "appoint": "' or 1=1" })] {
        let refused = console(&world, &order).await.expect_err("refused");
        assert!(refused.contains("user_not_found"), "{order}: {refused}");
    }
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_and_comes_back_when_enabled() {
    let world = world();
    let (chief, ann) = (operator(&world).await, world.api.person("ann").await);
    let path = format!("/api/admin/users/{}", ann.id);
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let account = world.api.get(&path, &chief).await.is(200);
    assert_eq!((&account["state"], &account["sessions"]), (&json!("active"), &json!(1)));
    let account = world.api.post(&format!("{path}/disable"), &chief, json!({})).await.is(200);
    assert_eq!((&account["state"], &account["sessions"]), (&json!("disabled"), &json!(0)));
    let bye = hers.wait("bye").await;
    assert_eq!((&bye["code"], &bye["resume"]), (&json!("account_disabled"), &json!(false)));
    assert_eq!(hers.next().await, None);
    world.api.get("/api/users/me", &ann).await.refused(401, "session_ended");
    let login = json!({ "username": ann.name, "password": PASSWORD });
    world.api.post_public("/api/auth/login", login.clone()).await.refused(401, "invalid_credentials");
    let listed = world.api.get(&format!("/api/admin/users?state=disabled&q={}", ann.name), &chief).await.is(200);
    assert_eq!(listed["items"][0]["id"], ann.id);
    world.api.post(&format!("{path}/enable"), &chief, json!({})).await.is(200);
    let back = Person::of(&world.api.post_public("/api/auth/login", login).await.is(200));
    world.api.get("/api/users/me", &ann).await.refused(401, "session_ended");
    let mut hers = Socket::lean(&world.ws, &back).await;
    world.api.delete(&format!("{path}/sessions"), &chief).await.is(204);
    assert_eq!(hers.wait("bye").await["code"], "session_ended");
    world.api.get("/api/users/me", &back).await.refused(401, "session_ended");
    world.api.post(&format!("/api/admin/users/{}/disable", chief.id), &chief, json!({})).await.refused(409, "own_account");
    world.api.put(&format!("{path}/role"), &chief, json!({ "role": "admin" })).await.is(200);
    let noted = world.api.get(&format!("/api/admin/audit?user_id={}", ann.id), &chief).await.is(200);
    let items = noted["items"].as_array().expect("items");
    let actions: Vec<_> = items.iter().map(|entry| entry["action"].as_str().expect("an act")).collect();
    assert_eq!(actions, ["user.promote", "user.sessions", "user.enable", "user.disable"]);
    assert!(items.iter().all(|entry| entry["actor"]["id"] == chief.id && entry["ip"] == "127.0.0.1"), "{noted}");
}

#[tokio::test]
async fn operators_close_reports_and_rooms_and_members_are_notified() {
    let world = world();
    let (chief, ann, bob) = (operator(&world).await, world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}");
    world.api.post(&format!("{path}/messages"), &ann, json!({ "content": "Buy now" })).await.is(201);
    world.api.post(&format!("{path}/messages/1/report"), &bob, json!({ "reason": "Spam" })).await.is(204);
    let mut cursor = String::new();
    let report = loop {
        let page = world.api.get(&format!("/api/admin/reports?limit=100{cursor}"), &chief).await.is(200);
        let items = page["items"].as_array().expect("items").clone();
        if let Some(report) = items.into_iter().find(|report| report["room_id"] == room) {
            break report;
        }
        cursor = format!("&cursor={}", page["next"].as_str().expect("it is there"));
    };
    assert_eq!((&report["content"], &report["reason"], &report["closed_at"]), (&json!("Buy now"), &json!("Spam"), &Value::Null));
    world.api.post(&format!("/api/admin/reports/{}/close", report["id"]), &chief, json!({})).await.is(204);
    assert_eq!(world.api.get(&format!("{path}/reports"), &ann).await.is(200)["items"], json!([]));
    let mut his = Socket::lean(&world.ws, &bob).await;
    let seen = world.api.patch(&format!("/api/admin/rooms/{room}"), &chief, json!({ "archived": true })).await.is(200);
    assert_eq!((&seen["archived"], &seen["members_count"]), (&json!(true), &json!(2)));
    assert_eq!(his.wait("room").await["room"]["settings"]["archived"], true);
    world.api.post(&format!("{path}/messages"), &ann, json!({ "content": "x" })).await.refused(409, "room_archived");
    world.api.get(&path, &chief).await.refused(404, "room_not_found");
    world.api.delete(&format!("/api/admin/rooms/{room}"), &chief).await.is(204);
    assert_eq!(his.wait("room.deleted").await["room_id"], room);
    world.api.get(&path, &bob).await.refused(404, "room_not_found");
    world.api.delete("/api/admin/rooms/general", &chief).await.refused(409, "default_room");
}

#[tokio::test]
async fn invalid_operator_requests_are_named() {
    let world = world();
    let chief = operator(&world).await;
    for (path, status, code) in [
        ("/api/admin/users?state=gone", 400, "malformed_query"),
        ("/api/admin/users?role=king", 400, "malformed_query"),
        ("/api/admin/users?cursor=x", 422, "invalid_input"),
        ("/api/admin/users?q=%00", 422, "invalid_input"),
        ("/api/admin/users/999999999", 404, "user_not_found"),
        ("/api/admin/users/x", 422, "invalid_input"),
        ("/api/admin/reports?state=odd", 400, "malformed_query"),
        ("/api/admin/reports?limit=-1", 400, "malformed_query"),
        ("/api/admin/rooms?kind=castle", 400, "malformed_query"),
        ("/api/admin/rooms/999999999", 404, "room_not_found"),
        ("/api/admin/rooms/no%20room", 422, "invalid_input"),
        ("/api/admin/audit?user_id=0", 400, "malformed_query"),
        ("/api/admin/audit?cursor=x", 422, "invalid_input"),
    ] {
        world.api.get(path, &chief).await.refused(status, code);
    }
    let path = format!("/api/admin/users/{}/role", chief.id);
    for (body, field) in [(json!({}), "role"), (json!({ "role": "king" }), "role")] {
        let problem = world.api.put(&path, &chief, body).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    world.api.patch("/api/admin/rooms/general", &chief, json!({ "archived": "yes" })).await.refused(422, "invalid_input");
    world.api.post("/api/admin/reports/999999999/close", &chief, json!({})).await.refused(404, "report_not_found");
    world.api.post("/api/admin/users/999999999/disable", &chief, json!({})).await.refused(404, "user_not_found");
}
