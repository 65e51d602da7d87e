//! The authorization matrix: the result of every route and action for every role. New ones need an entry in `table.rs`.

mod scene;
mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use shared::protocol::action_docs::LEGACY;
use shared::protocol::actions::VERBS;

use self::scene::{Cast, ROLES, Things};
use crate::admin::operator;
use crate::api::{Answer, Api, Header, JSON, PASSWORD, Person};
use crate::cloud::{World, unlimited_world};
use crate::socket::Socket;

/// A line of a table: the request, the result per column, and the body.
struct Line {
    text: &'static str,
    asks: &'static str,
    expected: Vec<Vec<&'static str>>,
    body: String,
}

fn lines(table: &'static str) -> Vec<Line> {
    let lines = table.lines().filter(|line| !line.is_empty());
    lines
        .map(|text| {
            let mut parts = text.split(" |").map(str::trim);
            let asks = parts.next().expect("a request");
            let (columns, rest): (Vec<_>, Vec<_>) = parts.partition(|part| !part.is_empty() && !part.starts_with('{'));
            let expected = columns.iter().map(|column| column.split_whitespace().collect()).collect();
            Line { text, asks, expected, body: rest.concat() }
        })
        .collect()
}

impl Line {
    /// The route as in the OpenAPI document: without query and owner.
    fn route(&self) -> (String, String) {
        let (method, target) = self.asks.split_once(' ').expect("a method and a path");
        let path = target.trim().split('?').next().unwrap_or_default();
        let parts = path.split('/').map(|part| match part.split_once(':') {
            Some((name, _)) => format!("{name}}}"),
            None => part.to_owned(),
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let path = match path.as_str() {
            "/swagger/index.html" => "/swagger/{file}".to_owned(),
            "/docs/socket" => "/docs/{file}".to_owned(),
            _ => path,
        };
        (method.to_lowercase(), path.replace("/rooms/general/", "/rooms/{room_id}/"))
    }

    fn verb(&self) -> String {
        let start = self.asks.split_once('"').expect("a key").1;
        let (key, rest) = start.split_once("\":\"").expect("a text");
        if key == "action" { rest.split('"').next().unwrap_or_default().to_owned() } else { LEGACY.to_owned() }
    }

    /// Sends the request with these resources as a user or anonymously.
    async fn ask(&self, api: &Api, who: Option<&Person>, things: &Things) -> Answer {
        let (method, target) = self.asks.split_once(' ').expect("a method and a path");
        let bearer = who.map(|who| format!("Bearer {}", who.token));
        let mut headers: Vec<Header<'_>> = Vec::new();
        headers.extend(bearer.as_deref().map(|bearer| Header("authorization", bearer)));
        headers.extend((!self.body.is_empty()).then_some(JSON));
        let method: Method = method.parse().expect("a method");
        let answer = api.raw(method, &things.put_into(target.trim()), &headers, things.put_into(&self.body)).await;
        // Authenticated callers are charged in any case and get rate-limit headers.
        if who.is_some() && answer.status != 401 {
            let told = ["ratelimit", "ratelimit-policy"].iter().all(|name| answer.headers.contains_key(*name));
            assert!(told, "{} tells no limit: {:?}", self.text, answer.headers);
        }
        answer
    }

    fn changes(&self) -> bool {
        !self.asks.starts_with("GET ")
    }
}

/// What a table expects for a user, and what the user got.
struct Cell<'a> {
    who: &'a str,
    expected: &'a str,
    seen: &'a str,
}

/// Deviations of a matrix from its table.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    /// Records a cell whose response differs; `told` is its text.
    fn compare(&mut self, line: &Line, cell: &Cell<'_>, told: &str) {
        let Cell { who, expected, seen } = cell;
        if expected != seen {
            self.0.push(format!("{who} got {seen}, not {expected}: {}\n    {told}", line.text));
        }
    }

    /// Sends the request as each of these users, in the order of the table's columns; `-` leaves one out.
    async fn ask_each<const N: usize>(&mut self, line: &Line, api: &Api, people: [Option<&Person>; N], things: &Things) {
        for (who, expected) in people.into_iter().zip(&line.expected[0]).filter(|(_, expected)| **expected != "-") {
            let answer = line.ask(api, who, things).await;
            let cell = Cell { who: who.map_or("anonymous", |who| &who.name), expected, seen: answer.status.as_str() };
            self.compare(line, &cell, &String::from_utf8_lossy(&answer.body));
        }
    }

    #[track_caller]
    fn none(self) {
        assert!(self.0.is_empty(), "{} cells differ:\n{}", self.0.len(), self.0.join("\n"));
    }
}

#[test]
fn every_route_and_action_declares_its_permissions() {
    let document: Value = serde_json::from_str(&functions::openapi::text().expect("a document")).expect("JSON");
    let (mut open, mut closed) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let route = (method.clone(), path.clone());
            if operation.get("security").is_some() {
                closed.insert(route)
            } else {
                open.insert(route)
            };
        }
    }
    let routes = |tables: &[&'static str]| -> BTreeSet<_> {
        tables.iter().flat_map(|table| lines(table)).map(|line| line.route()).collect()
    };
    let told = routes(&[table::OF_ROOMS, table::OF_PEOPLE, table::OF_OPERATORS]);
    for (documented, told, of) in
        [(closed, told, "a line that says who may use it"), (open, routes(&[table::OF_ANYONE]), "a line in OF_ANYONE")]
    {
        let missing: Vec<_> = documented.difference(&told).collect();
        assert!(missing.is_empty(), "matrix/table.rs lacks {of}, for each of {missing:?}");
        let stale: Vec<_> = told.difference(&documented).collect();
        assert!(stale.is_empty(), "matrix/table.rs tells of routes that are not (or not so) documented: {stale:?}");
    }
    for (table, places, columns) in [
        (table::OF_ROOMS, 2, ROLES.len()),
        (table::ACTIONS, 2, ROLES.len()),
        (table::OF_PEOPLE, 1, 3),
        (table::OF_OPERATORS, 1, 3),
        (table::OF_ANYONE, 1, 1),
    ] {
        for Line { text, expected, .. } in lines(table) {
            let whole = expected.len() == places && expected.iter().all(|place| place.len() == columns);
            assert!(whole, "needs {places} × {columns} columns: {text}");
        }
    }
    let verbs: BTreeSet<_> = VERBS.iter().map(|verb| verb.name.to_owned()).collect();
    let told: BTreeSet<_> = lines(table::ACTIONS).iter().map(Line::verb).collect();
    assert_eq!(told, verbs, "left: ACTIONS of matrix/table.rs, right: the protocol's verbs");
}

#[tokio::test]
async fn each_route_answers_everyone_by_what_they_are_to_the_room() {
    let world = unlimited_world();
    let (group, public) = tokio::join!(routes(&world, "group", 0), routes(&world, "public", 1));
    group.none();
    public.none();
}

async fn routes(world: &World, kind: &str, column: usize) -> Differences {
    let (api, cast, mut differences) = (&world.api, Cast::new(&world.api).await, Differences::default());
    let mut stage = None;
    for line in lines(table::OF_ROOMS) {
        if scene::NAMED_SELDOM.iter().any(|name| line.text.contains(name)) {
            stage = None;
        }
        for (role, expected) in ROLES.into_iter().zip(&line.expected[column]) {
            let things = match stage.take() {
                Some(things) => things,
                None => scene::room(api, &cast, kind, line.text).await,
            };
            let answer = line.ask(api, cast.get(role), &things.as_known_to(role)).await;
            let cell = Cell { who: role, expected, seen: answer.status.as_str() };
            differences.compare(&line, &cell, &String::from_utf8_lossy(&answer.body));
            if kind == "group" && *expected == "404" {
                // Hidden resources behave like missing ones.
                let nothing = line.ask(api, cast.get(role), &things.as_known_to("nobody")).await;
                let cell = Cell { who: role, expected: &nothing.plain(), seen: &answer.plain() };
                differences.compare(&line, &cell, "which tells it from what is not there");
            }
            stage = Some(things).filter(|_| !(line.changes() && answer.status.is_success()));
        }
    }
    differences
}

#[tokio::test]
async fn each_action_answers_everyone_by_what_they_are_to_the_room() {
    let world = unlimited_world();
    assert_eq!(Socket::open(&world.ws, &[]).await.err(), Some(401), "anonymous");
    let (group, public) = tokio::join!(actions(&world, "group", 0), actions(&world, "public", 1));
    group.none();
    public.none();
}

async fn actions(world: &World, kind: &str, column: usize) -> Differences {
    let (api, cast, mut differences) = (&world.api, Cast::new(&world.api).await, Differences::default());
    let mut sockets = Vec::new();
    for role in &ROLES[1..] {
        sockets.push(Socket::lean(&world.ws, cast.get(role).expect("one of the cast")).await);
    }
    let mut stage = None;
    for line in lines(table::ACTIONS) {
        if scene::NAMED_SELDOM.iter().any(|name| line.text.contains(name)) {
            stage = None;
        }
        for ((role, expected), socket) in ROLES.into_iter().zip(&line.expected[column]).skip(1).zip(&mut sockets) {
            let things = match stage.take() {
                Some(things) => things,
                None => scene::room(api, &cast, kind, line.text).await,
            };
            let frame = things.as_known_to(role).put_into(line.asks);
            let frame: Value = serde_json::from_str(&frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
            let answer = socket.ask(frame).await;
            let seen = match answer["type"].as_str().unwrap_or_default() {
                "error" => status_of(answer["code"].as_str().unwrap_or_default()),
                "welcome" => {
                    // For a public room without membership: only that it changed.
                    let told = socket.next_within(Duration::from_millis(150)).await;
                    found(told.is_some_and(|frame| frame["type"] == "sync" || frame["type"] == "room"))
                }
                "pong" => {
                    found(answer["changed"].as_array().expect("rooms").iter().any(|room| things.is("room_id", &room["room_id"])))
                }
                _ => "200",
            };
            differences.compare(&line, &Cell { who: role, expected, seen }, &answer.to_string());
            stage = Some(things).filter(|_| answer["type"] != "ack");
        }
    }
    differences
}

fn found(is: bool) -> &'static str {
    if is { "200" } else { "404" }
}

/// The HTTP status of a code.
fn status_of(code: &str) -> &'static str {
    match code {
        "not_a_member" | "not_allowed" | "banned" => "403",
        "unauthenticated" => "401",
        "last_owner" => "409",
        code if code.ends_with("_not_found") => "404",
        _ => "of no known status",
    }
}

#[tokio::test]
async fn personal_resources_are_private() {
    let world = unlimited_world();
    let (api, mut differences) = (&world.api, Differences::default());
    let another = api.person("another").await;
    for line in lines(table::OF_PEOPLE) {
        let (oneself, things) = scene::somebody(api, line.text).await;
        differences.ask_each(&line, api, [None, Some(&another), Some(&oneself)], &things).await;
    }
    differences.none();
}

#[tokio::test]
async fn only_operators_administrate_and_they_cannot_read_messages() {
    let world = unlimited_world();
    let (api, mut differences) = (&world.api, Differences::default());
    let operator = operator(&world).await;
    for line in lines(table::OF_OPERATORS) {
        let (owner, things) = scene::somebody(api, line.text).await;
        differences.ask_each(&line, api, [None, Some(&owner), Some(&operator)], &things).await;
    }
    differences.none();
}

#[tokio::test]
async fn public_routes_need_no_credential() {
    let world = unlimited_world();
    let mut differences = Differences::default();
    for line in lines(table::OF_ANYONE) {
        let mut things = Things::default();
        things.add("password", &json!(PASSWORD));
        things.add("new", &json!(format!("somebody-{}", fastrand::u32(..))));
        differences.ask_each(&line, &world.api, [None], &things).await;
    }
    differences.none();
}
