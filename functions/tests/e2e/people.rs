//! Users: profiles, search, data export and account erasure.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use hyper::Method;
use local::lambda::Outcome;
use serde_json::{Value, json};
use shared::config::Secret;
use shared::store::Db;
use shared::time::Timestamp;

use crate::api::{PASSWORD, Person};
use crate::cloud::{World, own_world, world};
use crate::faults::Registry;
use crate::media::{outcome_of_sweep, sweep, without_storage};
use crate::socket::Socket;

#[tokio::test]
async fn a_profile_is_changed_under_every_name_that_was_printed() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let mail = format!("{}@example.com", ann.name);
    let change = json!({ "display_name": "Änne 👩🏽", "about": "Tea.", "email": mail, "password": PASSWORD, "settings": { "presence": "friends" } });
    let me = world.api.patch("/api/users/me", &ann, change).await.is(200);
    assert_eq!((&me["display_name"], &me["email"]), (&json!("Änne 👩🏽"), &json!(mail)));
    assert_eq!((&me["settings"]["presence"], &me["role"]), (&json!("friends"), &json!("user")));
    for path in ["/api/users/me", "/api/user", "/api/user/"] {
        assert_eq!(without_storage(world.api.get(path, &ann).await.is(200)), me, "{path}");
    }
    for path in ["/api/user", "/api/user/"] {
        assert_eq!(world.api.put(path, &ann, json!({ "about": path })).await.is(200)["about"], path);
    }
    let claim = |password: &str| json!({ "email": mail.to_uppercase(), "password": password });
    for (path, method) in [("/api/users/me", Method::PATCH), ("/api/user", Method::PUT), ("/api/user/", Method::PUT)] {
        let change = async |body: Value| world.api.raw_as(&bob, method.clone(), path, body.to_string()).await;
        let needed = change(json!({ "email": mail })).await.refused(422, "invalid_input");
        assert_eq!((&needed["errors"][0]["field"], &needed["errors"][0]["code"]), (&json!("password"), &json!("required")));
        change(claim("not the password")).await.refused(403, "wrong_password");
    }
    world.api.patch("/api/users/me", &bob, claim(PASSWORD)).await.is(200);
    let mine = json!({ "email": mail, "about": "x" });
    assert_eq!(world.api.patch("/api/users/me", &ann, mine).await.is(200)["about"], "x", "what stays as it is takes no password");
    let gone = json!({ "email": null, "password": PASSWORD });
    assert_eq!(world.api.patch("/api/users/me", &ann, gone).await.is(200)["email"], Value::Null);
    let seen = world.api.get(&format!("/api/users/{}", ann.id), &bob).await.is(200);
    assert_eq!((&seen["display_name"], &seen["online"]), (&json!("Änne 👩🏽"), &Value::Null));
    assert!(seen.get("email").is_none() && seen.get("role").is_none() && seen.get("settings").is_none(), "{seen}");
    let logged_in = json!({ "email": format!("{}@example.com", ann.name), "password": PASSWORD });
    assert_eq!(Person::of(&world.api.post_public("/api/auth/login", logged_in).await.is(200)).id, bob.id);
}

#[tokio::test]
async fn a_new_name_reaches_open_clients_and_those_that_were_away() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    world.api.group(&ann, &[&bob]).await;
    let (mut hers, mut his) = (Socket::lean(&world.ws, &ann).await, Socket::of(&world.ws, &bob).await);
    let welcome = his.ask(json!({ "action": "hello" })).await;
    world.api.patch("/api/users/me", &ann, json!({ "display_name": "Änne" })).await.is(200);
    let told = his.wait("user.updated").await;
    assert_eq!((&told["profile"]["id"], &told["profile"]["display_name"]), (&json!(ann.id), &json!("Änne")));
    assert!(told.get("me").is_none() && told.get("private_rev").is_none(), "{told}");
    let own = hers.wait("user.updated").await;
    assert_eq!((&own["me"]["display_name"], own["private_rev"].is_u64()), (&json!("Änne"), true));
    let path = format!("/api/sync?rooms=false&cursor={}", welcome["cursor"].as_str().expect("a cursor"));
    let news = world.api.get(&path, &bob).await.is(200);
    assert_eq!((&news["users"][0]["display_name"], &news["users"][0]["ts"]), (&json!("Änne"), &told["ts"]));
    assert_eq!((&news["users_complete"], &news["private"]["me"]), (&json!(true), &Value::Null));
    world.api.patch("/api/users/me", &ann, json!({ "settings": { "notifications": "mentions" } })).await.is(200);
    let own = hers.wait("user.updated").await;
    assert_eq!(own["me"]["settings"]["notifications"], "mentions");
}

#[tokio::test]
async fn invalid_profile_fields_are_named() {
    let world = world();
    let ann = world.api.person("ann").await;
    for (body, field) in [
        (json!({ "display_name": "" }), "display_name"),
        (json!({ "display_name": "x".repeat(65) }), "display_name"),
        (json!({ "display_name": "a\u{7}b" }), "display_name"),
        (json!({ "display_name": "\u{200b}" }), "display_name"),
        (json!({ "display_name": 7 }), "display_name"),
        (json!({ "about": "x".repeat(501) }), "about"),
        (json!({ "about": "a\u{0}" }), "about"),
        (json!({ "email": "" }), "email"),
        (json!({ "email": "a b@c.de" }), "email"),
        (json!({ "email": ["a@b.de"] }), "email"),
        (json!({ "settings": { "presence": "ghosts" } }), "settings.presence"),
        (json!({ "settings": 7 }), "settings"),
    ] {
        let problem = world.api.patch("/api/users/me", &ann, body.clone()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    for (path, status, code) in [
        ("/api/users", 400, "missing_parameter"),
        ("/api/users?q=", 422, "invalid_input"),
        ("/api/users?q=%00", 422, "invalid_input"),
        (&format!("/api/users?q={}", "x".repeat(65)), 422, "invalid_input"),
        ("/api/users?q=a&cursor=nonsense", 422, "invalid_input"),
        ("/api/users?q=a&limit=many", 400, "malformed_query"),
        ("/api/users/0", 422, "invalid_input"),
        ("/api/users/nobody", 422, "invalid_input"),
        ("/api/users/999999999", 404, "user_not_found"),
        ("/api/users/me/export?cursor=nonsense", 422, "invalid_input"),
    ] {
        world.api.get(path, &ann).await.refused(status, code);
    }
    for path in ["/api/users/me", "/api/user/", "/api/users?q=a", "/api/users/1", "/api/users/me/export"] {
        world.api.get_public(path).await.refused(401, "unauthenticated");
    }
    let found = world.api.get(&format!("/api/users?q={}", ann.name), &ann).await.is(200);
    assert_eq!((&found["items"][0]["id"], &found["next"]), (&json!(ann.id), &Value::Null));
}

#[tokio::test]
async fn one_takes_along_everything_that_is_kept() {
    let world = world();
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Hi" })).await.is(201);
    let export = world.api.get("/api/users/me/export", &ann).await.is(200);
    assert_eq!((&export["account"]["id"], &export["next"]), (&json!(ann.id), &Value::Null));
    assert_eq!((&export["messages"][0]["content"], &export["rooms"][0]["role"]), (&json!("Hi"), &json!("owner")));
    assert_eq!(export["sessions"].as_array().map(Vec::len), Some(1));
    for list in ["friends", "blocks", "reports", "invites", "uploads", "hidden", "edits", "reactions", "receipts"] {
        assert!(export[list].is_array(), "{list}: {export}");
    }
}

#[tokio::test]
async fn an_erased_person_is_gone_from_sockets_stores_and_names() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("canary").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mail = json!({ "email": "canary@example.com", "password": PASSWORD, "display_name": "Canary" });
    world.api.patch("/api/users/me", &ann, mail).await.is(200);
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "Still here" })).await.is(201);
    let ticket = world.api.post("/api/auth/ticket", &ann, json!({})).await.is(200);
    let (mut hers, mut his) = (Socket::lean(&world.ws, &ann).await, Socket::lean(&world.ws, &bob).await);
    let body = |password: &str| json!({ "password": password }).to_string();
    let delete = async |password: &str| world.api.raw_as(&ann, Method::DELETE, "/api/users/me", body(password)).await;
    delete("not the password").await.refused(403, "wrong_password");
    world.api.raw_as(&ann, Method::DELETE, "/api/users/me", "{}").await.refused(422, "invalid_input");
    assert_eq!(hers.ask(json!({ "action": "ping" })).await["type"], "pong", "a wrong password closes nothing");
    delete(PASSWORD).await.is(204);
    let bye = hers.wait("bye").await;
    assert_eq!((&bye["code"], &bye["resume"]), (&json!("account_erased"), &json!(false)));
    assert_eq!(hers.next().await, None, "and the socket is closed");
    let left = his.wait("member.removed").await;
    assert_eq!((&left["room_id"], &left["user_id"]), (&json!(room), &json!(ann.id)));
    assert_eq!(his.wait("message").await["content"], "deleted user left");
    for _ in 0..2 {
        world.api.get("/api/users/me", &ann).await.refused(401, "session_ended");
        delete(PASSWORD).await.refused(401, "session_ended");
    }
    let refresh = json!({ "refresh_token": ann.refresh });
    world.api.post_public("/api/auth/refresh", refresh).await.refused(401, "invalid_refresh_token");
    assert_eq!(
        Socket::open(&format!("{}?ticket={}", world.ws, ticket["ticket"].as_str().expect("one")), &[]).await.err(),
        Some(401)
    );
    let history = world.api.get(&format!("/api/rooms/{room}/messages"), &bob).await.is(200);
    let first = &history["items"][0];
    assert_eq!((&first["content"], &first["username"]), (&json!("Still here"), &json!(format!("deleted user {}", ann.id))));
    let shown = world.api.get(&format!("/api/users/{}", ann.id), &bob).await.is(200);
    assert_eq!(shown["display_name"], "deleted user");
    let again = json!({ "username": ann.name, "password": PASSWORD, "email": "canary@example.com" });
    let other = Person::of(&world.api.post_public("/api/auth/register", again).await.is(201));
    assert_ne!(other.id, ann.id, "name and address are free");
    let connections = scan(&world, "ConnectionsTable").await;
    let held = connections.iter().find(|item| item.get("user_id") == Some(&AttributeValue::N(ann.id.to_string())));
    assert!(held.is_none_or(|item| item.keys().all(|name| !name.starts_with("c#"))), "{held:?}");
    for table in ["ConnectionsTable", "RoomSocketsTable", "EphemeralTable"] {
        let items = format!("{:?}", scan(&world, table).await).to_lowercase();
        assert!(!items.contains("canary"), "{table}: {items}");
    }
}

#[tokio::test]
async fn an_erasure_that_was_cut_off_goes_on_with_the_next_sweep() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let mut his = Socket::lean(&world.ws, &bob).await;
    let db = Db::lazy(&Secret::new(world.cloud().database_url())).expect("a URL");
    cut_off(&db, &ann).await;
    sweep(&world).await;
    assert_eq!(his.wait("member.removed").await["user_id"], ann.id);
    assert_eq!(his.wait("message").await["content"], "deleted user left");
    let members = world.api.get(&format!("/api/rooms/{room}/members"), &bob).await.is(200);
    assert_eq!((members["items"].as_array().map(Vec::len), &members["items"][0]["role"]), (Some(1), &json!("owner")));
    assert_eq!(unfinished(&db).await, 0);
}

#[tokio::test]
async fn a_name_that_cannot_be_folded_is_an_error_and_stops_no_erasure() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let db = Db::lazy(&Secret::new(world.cloud().database_url())).expect("a URL");
    cut_off(&db, &ann).await;
    for sql in [
        "alter table user_name_words add constraint refused check (word <> 'jones')".to_owned(),
        format!("update users set display_name = 'Bob Jones' where id = {}", bob.id),
    ] {
        let mut connection = db.acquire().await.expect("a connection");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.expect("runs");
    }
    let done = outcome_of_sweep(&world).await;
    assert!(matches!(done, Outcome::FunctionError(_)), "{done:?}");
    assert_eq!(unfinished(&db).await, 0);
}

/// Brings an account into the state after the first transaction of an interrupted erasure.
async fn cut_off(db: &Db, who: &Person) {
    let sql = "update users set erased_name = username, username = concat('deleted user ', id), display_name = 'deleted user',
                   password_hash = '', deleted_at = ? where id = ?";
    let a_while_ago = Timestamp::now().plus_seconds(-120).0;
    let done = sqlx::query(sql).bind(a_while_ago).bind(who.id);
    done.execute(&mut *db.acquire().await.expect("a connection")).await.expect("cut off");
}

/// The number of erasures that are not finished.
async fn unfinished(db: &Db) -> i64 {
    let left = sqlx::query_scalar("select count(*) from users where erased_name is not null");
    left.fetch_one(&mut *db.acquire().await.expect("a connection")).await.expect("a number")
}

/// All items of a table in the test's own cloud.
async fn scan(world: &World, table: &str) -> Vec<HashMap<String, AttributeValue>> {
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    registry.0.scan().table_name(table).send().await.expect("a table").items.unwrap_or_default()
}
