//! Accounts and sessions as a frontend sees them: registration, login, refresh and logout.

use bytes::Bytes;
use local::lambda::Outcome;
use serde_json::{Value, json};

use crate::api::{PASSWORD, Person};
use crate::cloud::{Variable, own_world, world};

#[tokio::test]
async fn registering_and_logging_in_work_under_every_name_that_was_printed() {
    let world = world();
    for (register, login, status) in [
        ("/api/auth/register", "/api/auth/login", 201),
        ("/api/register", "/api/login", 200),
        ("/api/users/register", "/api/users/login", 200),
    ] {
        let name = format!("n{}-{}", fastrand::u32(..), register.len());
        let body = json!({ "username": name, "password": PASSWORD });
        let made = world.api.post_public(register, body.clone()).await.is(status);
        assert_eq!((&made["user"]["username"], &made["token_type"]), (&json!(name), &json!("Bearer")));
        let again = world.api.post_public(login, body).await.is(200);
        assert_eq!(again["user"]["id"], made["user"]["id"]);
        assert_eq!(again.get("token").is_some(), status == 200, "the older answers have `token`, too");
        world.api.get("/api/rooms", &Person::of(&again)).await.is(200);
    }
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_its_case() {
    let world = world();
    let ann = world.api.person("Ann").await;
    for name in [ann.name.clone(), ann.name.to_lowercase(), ann.name.to_uppercase()] {
        let body = json!({ "username": name, "password": "of somebody else" });
        world.api.post_public("/api/auth/register", body).await.refused(409, "username_taken");
    }
    let body = json!({ "username": ann.name.to_uppercase(), "password": PASSWORD });
    assert_eq!(world.api.post_public("/api/auth/login", body).await.is(200)["user"]["id"], ann.id);
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_are_answered_alike() {
    let world = world();
    let ann = world.api.person("ann").await;
    let mut unknown = world
        .api
        .post_public("/api/auth/login", json!({ "username": "nobody-at-all", "password": PASSWORD }))
        .await
        .refused(401, "invalid_credentials");
    let mut wrong = world
        .api
        .post_public("/api/auth/login", json!({ "username": ann.name, "password": "not the password" }))
        .await
        .refused(401, "invalid_credentials");
    unknown["request_id"] = json!(null);
    wrong["request_id"] = json!(null);
    assert_eq!(unknown, wrong);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_session() {
    let world = world();
    let ann = world.api.person("ann").await;
    let fresh = world.api.post_public("/api/auth/refresh", json!({ "refresh_token": ann.refresh })).await.is(200);
    let fresh = Person {
        token: fresh["access_token"].as_str().expect("a token").into(),
        refresh: fresh["refresh_token"].as_str().expect("a token").into(),
        ..ann.clone()
    };
    world.api.get("/api/rooms", &fresh).await.is(200);
    // For 30 seconds the used token returns the same successor, unless that is used.
    let reuse = json!({ "refresh_token": ann.refresh });
    assert_eq!(world.api.post_public("/api/auth/refresh", reuse.clone()).await.is(200)["refresh_token"], fresh.refresh);
    let used = json!({ "refresh_token": fresh.refresh });
    world.api.post_public("/api/auth/refresh", used).await.is(200);
    world.api.post_public("/api/auth/refresh", reuse).await.refused(401, "invalid_refresh_token");
    world.api.get("/api/rooms", &fresh).await.refused(401, "session_ended");
    let dead = json!({ "refresh_token": fresh.refresh });
    world.api.post_public("/api/auth/refresh", dead).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_forged_refresh_token_ends_nothing() {
    let world = world();
    let ann = world.api.person("ann").await;
    let mut parts: Vec<_> = ann.refresh.split('.').map(str::to_owned).collect();
    let random = parts.len() - 2;
    parts[random] = parts[random].chars().rev().collect();
    for forged in [parts.join("."), "v1.1.a.b".into(), String::new(), ann.token.clone()] {
        let body = json!({ "refresh_token": forged });
        world.api.post_public("/api/auth/refresh", body).await.refused(401, "invalid_refresh_token");
    }
    world.api.get("/api/rooms", &ann).await.is(200);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_individually() {
    let world = world();
    let laptop = world.api.person("ann").await;
    let body = json!({ "username": laptop.name, "password": PASSWORD, "device": "Phone 📱" });
    let phone = Person::of(&world.api.post_public("/api/auth/login", body).await.is(200));
    let sessions = world.api.get("/api/auth/sessions", &laptop).await.is(200);
    let items = sessions["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    let other = items.iter().find(|session| session["current"] == false).expect("the phone");
    assert_eq!(other["device"], "Phone 📱");
    let stranger = world.api.person("eve").await;
    let path = format!("/api/auth/sessions/{}", other["id"]);
    world.api.delete(&path, &stranger).await.refused(404, "session_not_found");
    assert!(world.api.delete(&path, &laptop).await.status.is_success());
    world.api.get("/api/rooms", &phone).await.refused(401, "session_ended");
    world.api.get("/api/rooms", &laptop).await.is(200);
    assert!(world.api.post("/api/auth/logout-all", &laptop, json!({})).await.status.is_success());
    world.api.get("/api/rooms", &laptop).await.refused(401, "session_ended");
}

#[tokio::test]
async fn a_session_that_ends_while_its_socket_opens_does_not_keep_it() {
    let world = world();
    let ann = world.api.person("ann").await;
    let session = world.api.get("/api/auth/sessions", &ann).await.is(200)["items"][0]["id"].clone();
    // The event that API Gateway sends to `connect` after an allowed handshake.
    let event = |connection: &str| {
        let authorizer = json!({ "user_id": ann.id.to_string(), "session_id": session.to_string(), "lean": "true" });
        let context = json!({ "connectionId": connection, "connectedAt": 1_767_323_045_678_i64, "authorizer": authorizer });
        Bytes::from(json!({ "requestContext": context }).to_string())
    };
    let connect = async |connection: &str| match world.cloud().lambda().invoke("ConnectFunction", event(connection)).await {
        Ok(Outcome::Success(answer)) => serde_json::from_slice::<Value>(&answer).expect("JSON")["statusCode"].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(connect("before=").await, 200);
    world.api.post("/api/auth/logout", &ann, json!({})).await.is(204);
    assert_eq!(connect("after=").await, 401);
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_and_gives_a_new_one() {
    let world = world();
    let laptop = world.api.person("ann").await;
    let body = json!({ "username": laptop.name, "password": PASSWORD });
    let phone = Person::of(&world.api.post_public("/api/auth/login", body.clone()).await.is(200));
    let wrong = json!({ "current": "not the password", "new": "another good password" });
    let refused = world.api.put("/api/auth/password", &laptop, wrong).await;
    assert_eq!(refused.is(refused.status.as_u16())["code"], "wrong_password");
    let right = json!({ "current": PASSWORD, "new": "another good password" });
    let tokens = world.api.put("/api/auth/password", &laptop, right).await.is(200);
    let fresh = Person { token: tokens["access_token"].as_str().expect("a token").into(), ..laptop.clone() };
    world.api.get("/api/rooms", &fresh).await.is(200);
    world.api.get("/api/rooms", &laptop).await.refused(401, "session_ended");
    let copy = json!({ "refresh_token": laptop.refresh });
    world.api.post_public("/api/auth/refresh", copy).await.refused(401, "invalid_refresh_token");
    world.api.get("/api/rooms", &phone).await.refused(401, "session_ended");
    world.api.post_public("/api/auth/login", body).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn many_logins_leave_an_instance_with_the_memory_of_one_password() {
    const MB: u64 = 1_000_000;
    const ONE_PASSWORD: u64 = 19 * 1024 * 1024;
    let world = own_world(&[Variable("RATE_LOGIN", "1000/60")]);
    let ann = world.api.person("ann").await;
    for round in 0..4 {
        let logins = (0..8).map(|turn| {
            // An address costs three hashes, even if it is unknown.
            let (name, status) =
                if turn % 2 == 0 { (ann.name.clone(), 200) } else { (format!("a{round}-{turn}@example.com"), 401) };
            let body = json!({ "username": name, "password": PASSWORD });
            let api = &world.api;
            async move { api.post_public("/api/auth/login", body).await.is(status) }
        });
        futures_util::future::join_all(logins).await;
    }
    let instances = world.cloud().lambda().instances();
    let used: Vec<u64> = instances
        .iter()
        .filter(|instance| instance.function == "AuthFunction" && instance.invocations > 0)
        .map(|instance| anonymous_memory(instance.pid))
        .collect();
    // Less than two passwords need.
    let plausible = ONE_PASSWORD..=ONE_PASSWORD + 19 * MB;
    assert!(!used.is_empty() && used.iter().all(|bytes| plausible.contains(bytes)), "{used:?}");
}

/// The resident memory of a process in bytes, without files such as its program.
fn anonymous_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[tokio::test]
async fn invalid_accounts_are_refused_field_by_field() {
    let world = world();
    for (body, field) in [
        (json!({ "username": "ab", "password": PASSWORD }), "username"),
        (json!({ "username": "a".repeat(33), "password": PASSWORD }), "username"),
        (json!({ "username": "ann smith", "password": PASSWORD }), "username"),
        (json!({ "username": "änn", "password": PASSWORD }), "username"),
        (json!({ "username": "valid-name", "password": "short" }), "password"),
        (json!({ "username": "valid-name", "password": "x".repeat(129) }), "password"),
        (json!({ "username": "valid-name", "password": "password123" }), "password"),
        (json!({ "username": "valid-name", "password": PASSWORD, "email": "no address" }), "email"),
        (json!({ "username": "valid-name", "password": PASSWORD, "display_name": "a\u{7}b" }), "display_name"),
        (json!({ "username": "valid-name", "password": PASSWORD, "display_name": "\u{180b}" }), "display_name"),
        (json!({ "username": "valid-name", "password": PASSWORD, "email": "a\u{200b}@example.com" }), "email"),
        (json!({ "username": "valid-name-", "password": PASSWORD }), "username"),
        (json!({ "username": "Every-One", "password": PASSWORD }), "username"),
        (json!({ "password": PASSWORD }), "username"),
        (json!({ "username": 7, "password": PASSWORD }), "username"),
    ] {
        let problem = world.api.post_public("/api/auth/register", body.clone()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
}
