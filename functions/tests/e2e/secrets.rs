//! Endpoints that accept secrets: invalid bodies are counted, pages of this server do not display them, and disabled documents are unavailable. The
//! routes come from the documents, so new ones are covered.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::{PASSWORD, Person};
use crate::cloud::{Variable, World, own_world};
use crate::documents::{document, operations};

/// A route, and the paths to the secrets in its body.
struct Route {
    method: Method,
    path: String,
    secrets: Vec<Vec<String>>,
    /// Which other fields of the canary's body it has.
    others: Vec<&'static str>,
}

/// Routes whose bodies contain a field documented as secret.
fn routes() -> Vec<Route> {
    let document = document();
    let routes = operations().into_iter().filter_map(|(name, operation)| {
        let (method, path) = name.split_once(' ')?;
        let content = operation["requestBody"]["content"].as_object()?;
        let mut secrets = BTreeSet::new();
        for (_, body) in content {
            collect(&body["schema"], &document, &mut Vec::new(), &mut secrets);
        }
        let method = method.parse().expect("a method");
        let others = ["username", "purpose"].into_iter().filter(|name| {
            content.values().any(|body| {
                let place = body["schema"]["$ref"].as_str().unwrap_or_default();
                document.pointer(place.trim_start_matches('#')).is_some_and(|schema| schema["properties"].get(name).is_some())
            })
        });
        let others = others.collect();
        (!secrets.is_empty()).then(|| Route { method, path: path.to_owned(), secrets: secrets.into_iter().collect(), others })
    });
    routes.collect()
}

fn collect(schema: &Value, document: &Value, way: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>) {
    if schema["format"] == "password" {
        found.insert(way.clone());
    }
    if let Some(name) = schema["$ref"].as_str() {
        collect(document.pointer(name.trim_start_matches('#')).expect("a schema"), document, way, found);
    }
    for part in ["allOf", "anyOf", "oneOf"].iter().flat_map(|list| schema[*list].as_array().into_iter().flatten()) {
        collect(part, document, way, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        way.push(name.clone());
        collect(property, document, way, found);
        way.pop();
    }
}

/// A body with the canary in each of its secrets, of various types.
fn planted(route: &Route, canary: &str) -> Value {
    let mut body = json!({});
    for name in &route.others {
        body[*name] = if *name == "username" { "canary-tester" } else { "x" }.into();
    }
    for (number, way) in route.secrets.iter().enumerate() {
        let mut place = &mut body;
        for name in way {
            place = &mut place[name.as_str()];
        }
        *place = format!("{canary} {number}").into();
    }
    body
}

async fn ask(world: &World, route: &Route, who: &Person, body: impl Into<bytes::Bytes>) -> crate::api::Answer {
    let path = route.path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
    world.api.raw_as(who, route.method.clone(), &path, body).await
}

#[tokio::test]
async fn nonsense_at_any_route_of_passwords_is_counted_and_locks_no_owner_out() {
    let asks_for_password = |route: &Route| {
        route.secrets.iter().flatten().any(|name| ["password", "current", "refresh_token"].contains(&name.as_str()))
    };
    let routes: Vec<_> = routes().into_iter().filter(asks_for_password).collect();
    assert!(routes.len() >= 12, "{}", routes.len());
    // The limit per network is ten times as high: exactly the following attempts.
    let world = own_world(&[Variable("RATE_LOGIN", &format!("{}/1000000000", routes.len()))]);
    let ann = world.api.person("ann").await;
    let large = format!("{{\"password\":\"{}\"}}", "x".repeat(300_000));
    let broken: [&[u8]; 10] = [
        b"{",
        b"[]",
        b"nonsense",
        b"\xff\xfe",
        large.as_bytes(),
        b"{\"password\":7,\"current\":7,\"refresh_token\":7}",
        b"{\"password\":[],\"current\":[],\"refresh_token\":[]}",
        b"{\"password\":\"x\"}{}",
        b"\"text\"",
        b"",
    ];
    for route in &routes {
        for body in broken {
            let status = ask(&world, route, &ann, body.to_vec()).await.status.as_u16();
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert!([400, 413, 422].contains(&status), "{} {}: {status} for {shown}", route.method, route.path);
        }
    }
    for route in &routes {
        for body in broken {
            ask(&world, route, &ann, body.to_vec()).await.refused(429, "rate_limited");
        }
    }
    // Well-formed bodies with invalid content.
    for (path, body) in [("login", json!({ "password": "x" })), ("register", json!({ "username": "x", "password": "x" }))] {
        world.api.post_public(&format!("/api/auth/{path}"), body).await.refused(429, "rate_limited");
    }
    world.api.post_public("/api/auth/login", json!({ "username": ann.name, "password": PASSWORD })).await.is(200);
    world.api.person("bob").await;
}

#[tokio::test]
async fn documented_secrets_appear_on_no_page_of_the_local_cloud() {
    const CANARY: &str = "CANARY-of-all-secrets";
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let mut secrets = vec![CANARY.to_owned(), ann.token.clone(), ann.refresh.clone(), PASSWORD.to_owned()];
    for route in routes() {
        ask(&world, &route, &ann, planted(&route, CANARY).to_string()).await;
        ask(&world, &route, &ann, format!("{{\"broken\": \"{CANARY}")).await;
    }
    // Secrets created by the server: codes, tickets, tokens, signatures.
    let room = world.api.group(&ann, &[]).await;
    let code = world.api.post(&format!("/api/rooms/{room}/invites"), &ann, json!({})).await.is(201)["code"].clone();
    let code = code.as_str().expect("a code").to_owned();
    world.api.get(&format!("/api/rooms/{room}/invites"), &ann).await.is(200);
    world.api.post(&format!("/api/rooms/{room}/join"), &bob, json!({ "invite": code })).await.is(200);
    world.api.get("/api/users/me/export", &ann).await.is(200);
    world.api.delete(&format!("/api/rooms/{room}/invites/{code}"), &ann).await.is(204);
    secrets.push(code);
    let new = json!({ "purpose": "file", "file_name": "a.txt", "content_type": "text/plain", "size": 3 });
    let url = world.api.post("/api/uploads", &ann, new).await.is(201)["url"].as_str().expect("a URL").to_owned();
    secrets.push(url.split("X-Amz-Signature=").nth(1).expect("a signature").split('&').next().expect("it").to_owned());
    let ticket = world.api.post("/api/auth/ticket", &ann, json!({})).await.is(200)["ticket"].as_str().expect("one").to_owned();
    secrets.push(ticket);
    let renewed = world.api.post_public("/api/auth/refresh", json!({ "refresh_token": bob.refresh })).await.is(200);
    secrets.extend(["access_token", "refresh_token"].map(|name| renewed[name].as_str().expect(name).to_owned()));
    let mut socket = crate::socket::Socket::of(&world.ws, &ann).await;
    socket.ask(json!({ "action": "renew", "token": CANARY })).await;
    socket.ask(json!({ "action": "join", "room_id": 1, "invite": CANARY })).await;

    let list = world.api.get_public("/_local/invocations?lines=1").await.is(200);
    let numbers: Vec<_> =
        list["invocations"].as_array().expect("a list").iter().filter_map(|item| item["number"].as_u64()).collect();
    assert!(numbers.len() > 30, "{}", numbers.len());
    let mut pages = vec![list.to_string(), world.api.get_public("/_local/dead-letters").await.is(200).to_string()];
    for number in numbers {
        let page = world.api.get_public(&format!("/_local/invocations/{number}")).await;
        // Background requests may have displaced the oldest entries.
        pages.extend((page.status == 200).then(|| page.is(200).to_string()));
    }
    assert!(pages.len() > 30, "{}", pages.len());
    for secret in secrets {
        let shown: Vec<_> = pages.iter().filter(|page| page.contains(&secret)).collect();
        assert!(shown.is_empty(), "{secret}: {shown:#?}");
    }
}

#[tokio::test]
async fn documents_that_are_switched_off_were_never_there() {
    let world = own_world(&[Variable("DOCS", "off")]);
    let plain = |answer: &crate::api::Answer| {
        let mut problem: Value = serde_json::from_slice(&answer.body).expect("JSON");
        problem["request_id"] = Value::Null;
        (answer.status, problem, answer.headers.get("content-security-policy").cloned(), answer.headers.get("location").cloned())
    };
    // An undocumented route below a path that its function receives entirely.
    let absent = plain(&world.api.get_public("/swagger/no/such/file").await);
    assert_eq!(absent.0, 404);
    let mut tried = 0;
    for (name, operation) in operations() {
        let path = name.strip_prefix("GET ").unwrap_or_default();
        if operation["tags"][0] != "system" || path.starts_with("/health") {
            continue;
        }
        for file in ["index.html", "socket", "collection.json", "swagger-ui.css"] {
            tried += 1;
            let path = path.replace("{file}", file);
            assert_eq!(plain(&world.api.get_public(&path).await), absent, "{path}");
        }
    }
    assert!(tried >= 20, "{tried}");
    world.api.get_public("/health").await.is(200);
    world.api.get_public("/health/ready").await.is(200);
}
