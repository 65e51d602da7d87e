//! No secrets in logs: marked secrets pass through everything that accepts them, in valid and invalid form, and every printed line is searched for
//! them. The lines contain what the template's metrics and alarms read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::Person;
use crate::cloud::{World, own_world};
use crate::socket::Socket;

const PASSWORD: &str = "canary-password-of-ann-7391";
const OTHER_PASSWORD: &str = "canary-password-newer-7391";
const EMAIL: &str = "canary-mail-7391@example.org";
const CONTENT: &str = "canary-content-7391";
const SEARCHED: &str = "canary-searched-7391";

#[tokio::test]
async fn nothing_that_people_trust_us_with_is_in_a_log() {
    let world = own_world(&[("LOG_LEVEL", "debug")]);
    let api = &world.api;
    let mut marked: BTreeSet<String> = [PASSWORD, OTHER_PASSWORD, EMAIL, CONTENT, SEARCHED].map(str::to_owned).into();

    let new = json!({ "username": "ann-canary", "email": EMAIL, "password": PASSWORD });
    let registered = api.post_public("/api/auth/register", new.clone()).await.is(201);
    let ann = Person::of(&registered);
    api.post_public("/api/auth/register", new).await.is(201);
    let other = json!({ "username": "ann-canary", "email": EMAIL, "password": OTHER_PASSWORD });
    api.post_public("/api/auth/register", other).await.is(409);
    api.post_public(
        "/api/auth/register",
        json!({ "username": "x", "email": format!("{EMAIL} {PASSWORD}"), "password": PASSWORD }),
    )
    .await;
    api.post_public("/api/auth/login", json!({ "username": EMAIL, "password": format!("{PASSWORD}-wrong") })).await.is(401);
    api.post_public("/api/auth/login", json!({ "username": PASSWORD, "password": EMAIL })).await.is(401);
    api.post_public("/api/auth/login", json!({ "password": [PASSWORD] })).await;
    let login = api.post_public("/api/auth/login", json!({ "username": EMAIL, "password": PASSWORD })).await.is(200);
    let refreshed = api.post_public("/api/auth/refresh", json!({ "refresh_token": login["refresh_token"] })).await.is(200);
    let last = api.post_public("/api/auth/refresh", json!({ "refresh_token": refreshed["refresh_token"] })).await.is(200);
    api.post_public("/api/auth/refresh", json!({ "refresh_token": login["refresh_token"] })).await.is(401);
    for tokens in [&registered, &login, &refreshed, &last] {
        for token in ["access_token", "refresh_token"] {
            marked.insert(tokens[token].as_str().expect("a token").to_owned());
        }
    }
    let stolen = Person { token: format!("{}x", ann.token), ..ann.clone() };
    api.get(&format!("/api/rooms?token={}", ann.token), &stolen).await.is(401);

    let invite = talk(&world, &ann, &mut marked).await;
    let bob = api.person("bob").await;
    marked.insert(invite.clone());
    let room = api.get("/api/rooms?scope=joined", &ann).await.is(200)["items"][0]["id"].clone();
    api.post(&format!("/api/rooms/{room}/join"), &bob, json!({ "invite": invite })).await;
    api.delete(&format!("/api/rooms/{room}/invites/{invite}"), &bob).await;
    api.delete(&format!("/api/rooms/{room}/invites/{invite}"), &ann).await;
    api.get(&format!("/api/search?q={SEARCHED}"), &ann).await.is(200);
    api.put("/api/auth/password", &ann, json!({ "current": PASSWORD, "new": OTHER_PASSWORD })).await;

    let lines = lines(&world);
    assert!(lines.len() > 30, "{} lines", lines.len());
    for line in &lines {
        let found: Vec<_> = marked.iter().filter(|secret| line.contains(secret.as_str())).collect();
        assert!(found.is_empty(), "{found:?} in {line}");
    }
    each_invocation_has_its_line(&lines);
}

/// Valid and invalid tickets, sockets and messages. Returns an invite code.
async fn talk(world: &World, ann: &Person, marked: &mut BTreeSet<String>) -> String {
    let api = &world.api;
    let room = api.group(ann, &[]).await;
    let path = format!("/api/rooms/{room}/messages");
    let ticket = api.post("/api/auth/ticket", ann, json!({})).await.is(200);
    marked.insert(ticket["ticket"].as_str().expect("a ticket").to_owned());
    let by_ticket = ticket["url"].as_str().expect("a URL");
    drop(Socket::open(by_ticket, &[]).await.expect("opens"));
    assert_eq!(Socket::open(by_ticket, &[]).await.err(), Some(401));
    let by_token = format!("{}?token={}", world.ws, ann.token);
    drop(Socket::open(&by_token, &[]).await.expect("opens"));
    let protocol = format!("conchat.v1, bearer.{}", ann.token);
    let mut socket = Socket::open(&world.ws, &[("sec-websocket-protocol", &protocol)]).await.expect("opens");
    assert_eq!(socket.ask(json!({ "action": "send", "room_id": room, "content": CONTENT })).await["type"], "ack");
    assert_eq!(socket.ask(json!({ "action": "send", "room_id": 999_999, "content": CONTENT })).await["type"], "error");
    socket.send_text(&format!("{{\"action\":\"send\",\"content\":\"{CONTENT}\",")).await;
    socket.wait("error").await;
    socket.send_text(&format!("{{\"action\":\"{CONTENT}\"}}")).await;
    socket.wait("error").await;
    let sent = api.post(&path, ann, json!({ "content": CONTENT, "client_id": CONTENT })).await.is(201);
    api.patch(&format!("{path}/{}", sent["seq"]), ann, json!({ "content": format!("{CONTENT} edited") })).await.is(200);
    api.put(&format!("{path}/{}/reactions", sent["seq"]), ann, json!({ "emoji": CONTENT })).await;
    api.post(&path, ann, json!({ "content": CONTENT.repeat(100) })).await.is(422);
    api.post(&path, ann, json!({ "content": [CONTENT] })).await;
    api.post(&format!("{path}/{}/report", sent["seq"]), ann, json!({ "reason": CONTENT })).await;
    let invite = api.post(&format!("/api/rooms/{room}/invites"), ann, json!({})).await.is(201);
    invite["code"].as_str().expect("a code").to_owned()
}

fn lines(world: &World) -> Vec<String> {
    let invocations = world.cloud().lambda().journal().recent();
    assert!(invocations.len() < 200, "the journal keeps no more, so something was not looked at");
    for invocation in &invocations {
        let whole = invocation.lines.iter().all(|line| !line.contains("which are not kept"));
        let told = invocation.lines.iter().filter(|line| line.contains("\"message\":\"invocation\"")).count();
        assert!(whole && told == 1, "{} told {told} times of itself: {:?}", invocation.function, invocation.lines);
    }
    invocations.into_iter().flat_map(|invocation| invocation.lines).collect()
}

/// Checks that the fields read by the template's filters, alarms and dashboard exist in these lines.
fn each_invocation_has_its_line(lines: &[String]) {
    let invocations: Vec<Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "invocation")
        .collect();
    let template =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).expect("template.yaml beside");
    let patterns = template.lines().filter_map(|line| line.trim().strip_prefix("FilterPattern: "));
    let own = patterns.filter(|pattern| !pattern.contains("platform.")).flat_map(fields);
    let own: BTreeSet<_> = own.collect();
    assert!(own.contains("message") && own.contains("code"), "{own:?}");
    for field in own {
        assert!(invocations.iter().all(|line| !line[&field].is_null()), "{field} is not in every line of an invocation");
    }
    for metric in ["Messages", "Pushes", "DurationMs", "ColdStarts", "FanoutMs"] {
        assert!(invocations.iter().any(|line| line[metric].is_number()), "nobody told {metric}");
    }
    let sent =
        invocations.iter().find(|line| line["Messages"] == 1 && line["function"] == "send").expect("a message over a socket");
    assert_eq!((&sent["code"], sent["statements"].as_u64() > Some(2)), (&json!("ok"), true), "{sent}");
    for field in ["user", "room", "connection", "request_id", "duration_ms", "posts"] {
        assert!(!sent[field].is_null(), "{field}: {sent}");
    }
    assert!(invocations.iter().any(|line| line["code"] == "invalid_credentials"), "a refusal tells its code");
}

/// The fields named by a filter pattern.
fn fields(pattern: &str) -> Vec<String> {
    let names = pattern.split("$.").skip(1);
    names.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}
