//! Blocks, over every route and action: nothing that one user does reaches the other, except what all members of a shared room see, and neither
//! presence nor read markers are visible. Every new route or action needs an entry here.

mod table;

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};
use shared::protocol::action_docs::LEGACY;
use shared::protocol::actions::VERBS;

use self::table::{ACTIONS, ROUTES};
use crate::api::{Api, Header, JSON, Person};
use crate::cloud::{World, unlimited_world};
use crate::socket::Socket;

/// A line of a table.
struct Entry {
    asks: &'static str,
    kind: &'static str,
    body: &'static str,
}

fn entries(table: &'static str) -> Vec<Entry> {
    let entry = |line: &'static str| {
        let mut parts = line.splitn(3, " |").map(str::trim);
        let asks = parts.next().expect("a request");
        let kind = parts.next().unwrap_or_default();
        Entry { asks, kind, body: parts.next().unwrap_or_default() }
    };
    table.lines().filter(|line| !line.is_empty()).map(entry).collect()
}

#[test]
fn every_route_and_action_declares_its_effect_across_a_block() {
    let document: Value = serde_json::from_str(&functions::openapi::text().expect("a document")).expect("JSON");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if operation.get("security").is_some() {
                documented.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let route = |entry: &Entry| {
        let (method, target) = entry.asks.split_once(' ').expect("a method and a path");
        let path = target.trim().split('?').next().unwrap_or_default();
        let parts = path.split('/').map(|part| part.split_once(':').map_or(part.to_owned(), |(name, _)| format!("{name}}}")));
        format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
    };
    let declared: BTreeSet<_> = entries(ROUTES).iter().map(route).collect();
    let missing: Vec<_> = documented.difference(&declared).collect();
    assert!(missing.is_empty(), "ROUTES does not declare the effect of: {missing:?}");
    let stale: Vec<_> = declared.difference(&documented).collect();
    assert!(stale.is_empty(), "ROUTES declares routes that do not exist: {stale:?}");
    let verb = |entry: &Entry| {
        let start = entry.asks.split_once('"').expect("a key").1;
        let (key, rest) = start.split_once("\":\"").expect("a text");
        if key == "action" { rest.split('"').next().unwrap_or_default().to_owned() } else { LEGACY.to_owned() }
    };
    let declared: BTreeSet<_> = entries(ACTIONS).iter().map(verb).collect();
    let verbs: BTreeSet<_> = VERBS.iter().map(|verb| verb.name.to_owned()).collect();
    assert_eq!(declared, verbs, "left: ACTIONS, right: the actions of the protocol");
    for entry in entries(ROUTES).into_iter().chain(entries(ACTIONS)) {
        assert!(["apart", "room", "look", "own", "rules"].contains(&entry.kind), "{} is {:?}", entry.asks, entry.kind);
    }
}

/// Two users, what they share, and what each has alone.
struct Stage {
    us: Person,
    them: Person,
    names: Vec<(&'static str, String)>,
    /// The shared rooms.
    common: Vec<u64>,
}

impl Stage {
    async fn new(world: &World) -> Self {
        let api = &world.api;
        let (us, them, third) = (api.person("us").await, api.person("them").await, api.person("third").await);
        let shared = api.group(&us, &[&them, &third]).await;
        let left = api.group(&us, &[&them]).await;
        let mine = api.group(&us, &[&third]).await;
        let direct = room(&api.put(&format!("/api/rooms/direct/{}", them.id), &us, Value::Null).await.is(201));
        let public = room(&api.post("/api/rooms", &third, json!({ "name": "Plaza", "kind": "public" })).await.is(201));
        for who in [&us, &them] {
            api.post(&format!("/api/rooms/{public}/join"), who, json!({})).await.is(200);
        }
        let (mut seqs, mut number) = (Vec::new(), 0);
        for place in [shared, direct, public] {
            for who in [&us, &them, &us] {
                let text = json!({ "content": format!("hello {}", seqs.len()) });
                let said = api.post(&format!("/api/rooms/{place}/messages"), who, text).await.is(201);
                if place == shared && number == 0 {
                    number = said["id"].as_u64().expect("a number");
                }
                seqs.push(said["seq"].as_u64().expect("a seq"));
            }
            let first = json!({ "seq": seqs[seqs.len() - 2] });
            api.put(&format!("/api/rooms/{place}/read"), &us, first.clone()).await.is(200);
            api.put(&format!("/api/rooms/{place}/read"), &them, first).await.is(200);
        }
        // In the shared and in the direct room this is the second message.
        assert_eq!((seqs[0], seqs[1], seqs[3], seqs[4]), (1, 2, 1, 2));
        api.post(&format!("/api/rooms/{left}/leave"), &them, json!({})).await.is(204);
        let nobody = api.person("nobody").await;
        let mut names = Vec::new();
        for (name, value) in [("them", them.id), ("user_id:them", them.id), ("user_id:nobody", nobody.id)] {
            names.push((name, value.to_string()));
        }
        names.push(("name", them.name.clone()));
        for (name, place) in [("shared", shared), ("direct", direct), ("public", public), ("mine", mine), ("left", left)] {
            names.extend([(name, place.to_string())]);
        }
        for (name, place) in [
            ("room_id:shared", shared),
            ("room_id:direct", direct),
            ("room_id:public", public),
            ("room_id:mine", mine),
            ("room_id:left", left),
            ("conversationId:direct", direct),
            ("conversationId:mine", mine),
            ("seq:mine", 1),
            ("seq:theirs", 2),
            ("seq:third", 3),
            ("messageId:mine", number),
        ] {
            names.push((name, place.to_string()));
        }
        Self { us, them, names, common: vec![shared, public] }
    }

    fn put_into(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// The other user's lists, without the messages in shared rooms.
    async fn lists(&self, api: &Api) -> Value {
        let them = &self.them;
        let ids = |page: &Value, of: fn(&Value) -> Value| {
            page["items"].as_array().map(|items| items.iter().map(of).collect::<Vec<_>>())
        };
        let rooms = api.get("/api/rooms?scope=joined", them).await.is(200);
        let mut ids_of_rooms = ids(&rooms, |room| room["id"].clone()).unwrap_or_default();
        ids_of_rooms.sort_by_key(Value::as_u64);
        let mentions = ids(&rooms, |room| room["mentions"].clone());
        let sum: u64 = mentions.iter().flatten().filter_map(Value::as_u64).sum();
        json!({
            "rooms": ids_of_rooms,
            "mentions": sum,
            "unread mentions": api.get("/api/unread", them).await.is(200)["mentions"],
            "invited": api.get("/api/rooms?scope=invited", them).await.is(200),
            "friends": api.get("/api/friends", them).await.is(200),
            "asked": api.get("/api/friends/requests?direction=in", them).await.is(200),
            "asking": api.get("/api/friends/requests?direction=out", them).await.is(200),
        })
    }
}

fn room(view: &Value) -> u64 {
    view["id"].as_u64().expect("an id")
}

/// All frames received by a socket so far.
async fn heard(socket: &mut Socket) -> Vec<Value> {
    let id = format!("q{}", fastrand::u32(..));
    socket.send(&json!({ "action": "ping", "id": id })).await;
    let mut frames = Vec::new();
    loop {
        let frame = socket.next().await.expect("the socket is open");
        if frame["id"] == id.as_str() {
            return frames;
        }
        frames.push(frame);
    }
}

/// Where a response reveals presence or read markers.
fn betrayals(answer: &Value, them: u64, path: &str, found: &mut Vec<String>) {
    match answer {
        Value::Object(fields) => {
            // A room may have the id of the user.
            let id = fields.get("id").filter(|_| fields.contains_key("username"));
            let about = fields.get("user_id").or(id).or_else(|| fields.get("user").map(|user| &user["id"]));
            let nested = fields.get("user").map(|user| &user["id"]);
            if about.and_then(Value::as_u64) == Some(them) || nested.and_then(Value::as_u64) == Some(them) {
                for name in ["online", "last_seen", "read_seq", "delivered_seq", "at"] {
                    if fields.get(name).is_some_and(|value| !value.is_null()) {
                        found.push(format!("{path}.{name}"));
                    }
                }
            }
            for (name, value) in fields {
                if name == "online" && value.as_array().is_some_and(|online| online.iter().any(|id| id.as_u64() == Some(them))) {
                    found.push(format!("{path}.online"));
                }
                betrayals(value, them, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| betrayals(item, them, path, found)),
        _ => {}
    }
}

impl Stage {
    /// Returns violations in what the other user received and now has.
    fn judged(&self, entry: &Entry, frames: &[Value], before: &Value, after: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        for frame in frames {
            let in_common = frame["room_id"].as_u64().is_some_and(|room| self.common.contains(&room));
            let of_all = !["receipt", "typing", "presence"].contains(&frame["type"].as_str().unwrap_or_default());
            let calls = frame["mentions"].as_array().is_some_and(|users| users.iter().any(|user| *user == self.them.id));
            if !(entry.kind == "room" && in_common && of_all) || calls {
                wrong.push(format!("{} {}: they hear {frame}", entry.asks, entry.body));
            }
        }
        if before != after {
            wrong.push(format!("{} {}: their lists were {before}, and are {after}", entry.asks, entry.body));
        }
        wrong
    }
}

#[tokio::test]
async fn across_a_block_no_door_reaches_the_other_one() {
    let world = unlimited_world();
    let (ours, theirs) = tokio::join!(tried(&world, true), tried(&world, false));
    let wrong: Vec<_> = ours.into_iter().chain(theirs).collect();
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
}

/// Tries every route and action after one user blocked the other.
async fn tried(world: &World, ours: bool) -> Vec<String> {
    let (api, stage) = (&world.api, Stage::new(world).await);
    let (by, whom) = if ours { (&stage.us, &stage.them) } else { (&stage.them, &stage.us) };
    api.put(&format!("/api/blocks/{}", whom.id), by, Value::Null).await.is(204);
    let (mut mine, mut socket) = (Socket::lean(&world.ws, &stage.us).await, Socket::lean(&world.ws, &stage.them).await);
    heard(&mut socket).await;
    let (mut wrong, mut before) = (Vec::new(), stage.lists(api).await);
    for entry in entries(ROUTES) {
        let (method, target) = entry.asks.split_once(' ').expect("a method and a path");
        let method: Method = method.parse().expect("a method");
        let bearer = format!("Bearer {}", stage.us.token);
        let mut headers = vec![Header("authorization", &bearer)];
        headers.extend((!entry.body.is_empty()).then_some(JSON));
        match entry.kind {
            "own" | "rules" => {}
            "look" => {
                let answer = api.raw(method, &stage.put_into(target.trim()), &headers, "").await;
                betrayals(&answer.is(200), stage.them.id, entry.asks, &mut wrong);
            }
            _ => {
                let answer = api.raw(method, &stage.put_into(target.trim()), &headers, stage.put_into(entry.body)).await;
                assert!(answer.status.as_u16() < 500, "{}: {}", entry.asks, answer.status);
                assert!(entry.kind != "room" || answer.status.is_success(), "{}: {}", entry.asks, answer.plain());
                let after = stage.lists(api).await;
                wrong.extend(stage.judged(&entry, &heard(&mut socket).await, &before, &after));
                before = after;
            }
        }
    }
    let mut last = 0;
    for entry in entries(ACTIONS).into_iter().filter(|entry| entry.kind != "own") {
        let frame = stage.put_into(entry.asks).replace("{seq:last}", &last.to_string());
        let answer = mine.ask(serde_json::from_str(&frame).unwrap_or_else(|error| panic!("{frame}: {error}"))).await;
        assert!(entry.kind != "room" || answer["type"] == "ack", "{frame}: {answer}");
        last = answer["seq"].as_u64().filter(|_| entry.asks.contains("\"send\"")).unwrap_or(last);
        betrayals(&answer, stage.them.id, entry.asks, &mut wrong);
        let after = stage.lists(api).await;
        wrong.extend(stage.judged(&entry, &heard(&mut socket).await, &before, &after));
        before = after;
        for frame in heard(&mut mine).await {
            betrayals(&frame, stage.them.id, &format!("a frame after {}", entry.asks), &mut wrong);
        }
    }
    wrong
}

#[tokio::test]
async fn without_a_block_the_same_requests_succeed() {
    let world = unlimited_world();
    let (api, stage) = (&world.api, Stage::new(&world).await);
    let mut socket = Socket::lean(&world.ws, &stage.them).await;
    let _mine = Socket::lean(&world.ws, &stage.us).await;
    heard(&mut socket).await;
    let add = json!({ "user_ids": [stage.them.id] });
    assert_eq!(
        api.post(&stage.put_into("/api/rooms/{mine}/members"), &stage.us, add).await.is(200)["added"],
        json!([stage.them.id])
    );
    let text = json!({ "content": stage.put_into("@{name}, do you hear me?") });
    api.post(&stage.put_into("/api/rooms/{shared}/messages"), &stage.us, text).await.is(201);
    api.put(&stage.put_into("/api/rooms/{shared}/read"), &stage.us, json!({ "seq": 4 })).await.is(200);
    let kinds: BTreeSet<_> = heard(&mut socket).await.iter().map(|frame| frame["type"].to_string()).collect();
    for kind in ["\"room.joined\"", "\"message\""] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
    assert_eq!(stage.lists(api).await["mentions"], 1);
    let mut shown = Vec::new();
    for target in ["/api/rooms/{shared}/members", "/api/users/{them}", "/api/rooms/{shared}/sync?rev=0"] {
        let before = shown.len();
        betrayals(&api.get(&stage.put_into(target), &stage.us).await.is(200), stage.them.id, target, &mut shown);
        assert!(shown.len() > before, "the test sees what there is to see: {target}");
    }
}
