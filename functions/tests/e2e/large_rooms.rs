//! A room with an index of its sockets: opening, joining, leaving and closing while messages are sent, and a DynamoDB that fails.

use std::time::Duration;

use serde_json::json;
use shared::config::Secret;
use shared::store::Db;
use shared::time::Timestamp;
use sqlx::Executor as _;

use crate::api::{Header, Person};
use crate::cloud::{World, own_world};
use crate::faults::Registry;
use crate::socket::Socket;
use crate::wait::until;

/// A public room of these people and 250 others, whose index is complete.
async fn crowd(world: &World, people: &[&Person]) -> u64 {
    let others: Vec<_> = people[1..].iter().map(|person| person.id).collect();
    let room = json!({ "name": "Crowd", "kind": "public", "member_ids": others });
    let room = world.api.post("/api/rooms", people[0], room).await.is(201)["id"].as_u64().expect("an id");
    let digits = "(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4)";
    let since = Timestamp::now().plus_seconds(-5 * 3600);
    let db = Db::lazy(&Secret::new(world.cloud().database_url())).expect("a URL");
    let mut connection = db.acquire().await.expect("a connection");
    for sql in [
        format!(
            "insert into users (username, display_name, password_hash, created_at)
             select concat('filler', a.d, b.d, c.d, e.d), 'F', 'x', 0
             from {digits} a, {digits} b, {digits} c, (select 0 as d union all select 1) e"
        ),
        format!(
            "insert into members (room_id, user_id, joined_at) select {room}, id, 0 from users where username like 'filler%'"
        ),
        format!("update rooms set socket_index_since = {}, members_count = members_count + 250 where id = {room}", since.0),
    ] {
        connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("runs");
    }
    room
}

/// Items in the table of indexes.
async fn indexed(world: &World) -> usize {
    let registry = Registry::of(world.cloud().dynamodb_endpoint());
    let found = registry.0.scan().table_name("RoomSocketsTable").send().await.expect("a table");
    found.items.unwrap_or_default().len()
}

async fn say(world: &World, room: u64, who: &Person, content: &str) -> u64 {
    let sent = world.api.post(&format!("/api/rooms/{room}/messages"), who, json!({ "content": content })).await.is(201);
    sent["seq"].as_u64().expect("a seq")
}

/// Waits for a message with this content.
async fn hears(socket: &mut Socket, content: &str) {
    while socket.wait("message").await["content"] != content {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opens_joins_leaves_and_closes_is_followed_at_once() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let (cat, dan) = (world.api.person("cat").await, world.api.person("dan").await);
    let room = crowd(&world, &[&ann, &bob, &cat]).await;
    let (mut his, mut hers) = (Socket::lean(&world.ws, &bob).await, Socket::of(&world.ws, &cat).await);
    let mut newcomer = Socket::lean(&world.ws, &dan).await;
    assert_eq!(indexed(&world).await, 2);
    say(&world, room, &ann, "first").await;
    hears(&mut his, "first").await;
    hears(&mut hers, "first").await;
    world.api.post(&format!("/api/rooms/{room}/join"), &dan, json!({})).await.is(200);
    newcomer.wait("room.joined").await;
    assert_eq!(indexed(&world).await, 3);
    // Bob leaves while Ann writes.
    let (api, writer) = (world.api.clone(), ann.clone());
    let writing = tokio::spawn(async move {
        for number in 0..10 {
            let content = json!({ "content": format!("meanwhile {number}") });
            api.post(&format!("/api/rooms/{room}/messages"), &writer, content).await.is(201);
        }
    });
    world.api.post(&format!("/api/rooms/{room}/leave"), &bob, json!({})).await.is(204);
    writing.await.expect("written");
    let last = say(&world, room, &ann, "after").await;
    for socket in [&mut hers, &mut newcomer] {
        for number in 0..10 {
            hears(socket, &format!("meanwhile {number}")).await;
        }
        hears(socket, "after").await;
    }
    let left = world.api.history(room, &cat).await.into_iter().find(|message| message["content"] == format!("{} left", bob.name));
    let left = left.expect("a line")["seq"].as_u64().expect("a seq");
    assert!(left < last);
    while let Some(frame) = his.next_within(Duration::from_millis(700)).await {
        assert!(frame["seq"].as_u64().is_none_or(|seq| seq < left), "he has left: {frame}");
    }
    drop((hers, his));
    until("closed sockets leave the index", async || indexed(&world).await == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_dynamodb_fails_messages_are_stored_and_no_socket_opens_that_would_hear_nothing() {
    let world = own_world(&[]);
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = crowd(&world, &[&ann, &bob]).await;
    let mut his = Socket::lean(&world.ws, &bob).await;
    say(&world, room, &ann, "before").await;
    hears(&mut his, "before").await;
    let faults = world.cloud().faults();
    faults.set_json(&json!({ "dynamodb": { "mode": "refuse" } })).expect("faults that can be set");
    let refused = Socket::open(&world.ws, &[Header("authorization", &ann.token)]).await.err();
    assert!(refused.is_some_and(|status| status >= 500), "{refused:?}");
    let seq = say(&world, room, &ann, "stored").await;
    faults.clear();
    assert_eq!(say(&world, room, &ann, "pushed").await, seq + 1);
    hears(&mut his, "pushed").await;
    let mut hers = Socket::lean(&world.ws, &ann).await;
    say(&world, room, &bob, "and on").await;
    hears(&mut hers, "and on").await;
    hears(&mut his, "and on").await;
}
