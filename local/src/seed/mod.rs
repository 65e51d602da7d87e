//! Seeds a running cloud with an example community through its public API. Idempotent: messages have idempotency keys, so a repeated run completes an
//! interrupted one.

mod client;
mod story;

use std::fmt;

use serde_json::{Value, json};

use self::client::Client;
use self::story::{DAYS, DIRECTS, FRIENDS, PEOPLE, REACTIONS, ROOMS, SeedRoom, TALK};

/// The password of all users.
pub const PASSWORD: &str = "linden street in june";

/// Seeding failed: the request and its error.
#[derive(Debug)]
pub struct SeedError(String);

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SeedError {}

/// The result of seeding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// Whether everything existed before.
    pub already: bool,
    /// Users who can log in with [`PASSWORD`].
    pub usernames: Vec<String>,
    /// Number of messages in the busiest room.
    pub busiest: u64,
}

/// Seeds the cloud behind this HTTP API.
pub async fn seed(http: &str) -> Result<Seeded, SeedError> {
    let client = Client::new(http);
    let mut people = Vec::new();
    for person in PEOPLE {
        people.push(log_in(&client, person).await?);
    }
    let usernames = PEOPLE.iter().map(|(username, ..)| (*username).to_owned()).collect();
    let busiest = busiest();
    if let Some(room) = find_room(&client, &people[ROOMS[0].people[0]], ROOMS[0].name).await?
        && room["last_seq"].as_u64() >= Some(busiest)
    {
        return Ok(Seeded { already: true, usernames, busiest });
    }
    for (from, to, accepted) in FRIENDS {
        add_friend(&client, (&people[from], &people[to]), accepted).await?;
    }
    for (number, (one, other, lines)) in DIRECTS.iter().enumerate() {
        let room = client.put(&format!("/api/rooms/direct/{}", people[*other].id), &people[*one], json!({})).await?;
        for (index, (back, text)) in lines.iter().enumerate() {
            let user = &people[if *back { *other } else { *one }];
            send_message(&client, user, id(&room), (&format!("seed-d{number}-{index}"), text, None)).await?;
        }
    }
    // The busiest room comes last: if it is complete, everything is.
    for (number, place) in ROOMS.iter().enumerate().rev() {
        fill(&client, &people, (number, place)).await?;
    }
    Ok(Seeded { already: false, usernames, busiest })
}

/// A user who is logged in.
struct Person {
    id: u64,
    token: String,
}

async fn log_in(client: &Client, (username, name, about): (&str, &str, &str)) -> Result<Person, SeedError> {
    let new = json!({ "username": username, "password": PASSWORD, "display_name": name, "device": "seed" });
    let (status, mut answer) = client.request("POST", "/api/auth/register", None, new).await?;
    let is_new = status == 201;
    if status == 409 {
        let known = json!({ "username": username, "password": PASSWORD, "device": "seed" });
        let (status, body) = client.request("POST", "/api/auth/login", None, known).await?;
        if status != 200 {
            return Err(SeedError(format!("the username {username} is taken by another account: {body}")));
        }
        answer = body;
    } else if !is_new {
        return Err(SeedError(format!("{username} could not register: {status} {answer}")));
    }
    let token = answer["access_token"].as_str().unwrap_or_default().to_owned();
    let person = Person { id: answer["user"]["id"].as_u64().unwrap_or_default(), token };
    if is_new {
        client.try_request("PATCH", "/api/users/me", &person, json!({ "about": about })).await?;
    }
    Ok(person)
}

/// Sends a friend request and accepts it; an existing request or friendship counts as success.
async fn add_friend(client: &Client, (from, to): (&Person, &Person), accepted: bool) -> Result<(), SeedError> {
    client.try_request("POST", "/api/friends/requests", from, json!({ "user_id": to.id })).await?;
    if accepted {
        client.try_request("POST", &format!("/api/friends/requests/{}/accept", from.id), to, json!({})).await?;
    }
    Ok(())
}

/// Finds the owner's room of this name.
async fn find_room(client: &Client, owner: &Person, name: &str) -> Result<Option<Value>, SeedError> {
    let rooms = client.get("/api/rooms?scope=joined&limit=100", owner).await?;
    Ok(rooms["items"].as_array().and_then(|rooms| rooms.iter().find(|room| room["name"] == name)).cloned())
}

async fn fill(client: &Client, people: &[Person], (number, place): (usize, &SeedRoom)) -> Result<(), SeedError> {
    let owner = &people[place.people[0]];
    let room = if let Some(room) = find_room(client, owner, place.name).await? {
        room
    } else {
        let ids: Vec<_> = place.people[1..].iter().map(|index| people[*index].id).collect();
        let kind = if place.public { "public" } else { "group" };
        let new = json!({ "name": place.name, "topic": place.topic, "kind": kind, "member_ids": ids });
        client.post("/api/rooms", owner, new).await?
    };
    let room = id(&room);
    let mut last = 0;
    for (index, (user, text)) in place.lines.iter().enumerate() {
        // Some messages reply to the previous one.
        let reply_to = (index % 4 == 3).then_some(last);
        last = send_message(client, &people[*user], room, (&format!("seed-{number}-{index}"), text, reply_to)).await?;
        if index % 3 == 0 {
            add_reactions(client, people, place, (room, last)).await?;
        }
    }
    if number == 0 {
        add_conversations(client, people, room).await?;
    }
    // Each member has read a little less than the previous one; the last third has read everything.
    let reading = place.people.len() - place.people.len() / 3;
    for (index, user) in place.people[..reading].iter().enumerate() {
        let seq = last.max(if number == 0 { busiest() } else { 0 }).saturating_sub(index as u64 * 3).max(1);
        client.put(&format!("/api/rooms/{room}/read"), &people[*user], json!({ "seq": seq })).await?;
    }
    Ok(())
}

/// Adds a day's conversation for each of thirty days, a long history to scroll through.
async fn add_conversations(client: &Client, people: &[Person], room: u64) -> Result<(), SeedError> {
    let mut first = 0;
    for (day, (matter, remark)) in DAYS.iter().enumerate() {
        for (hour, talk) in TALK.iter().enumerate() {
            let user = &people[(day * 5 + hour * 7) % people.len()];
            let text = match hour {
                2 => format!("{remark} {talk}"),
                5 => format!("{talk} @{} please remind me.", PEOPLE[(day + 3) % PEOPLE.len()].0),
                _ => talk.replace("{}", matter),
            };
            let reply_to = (hour == 3).then_some(first);
            let seq = send_message(client, user, room, (&format!("seed-day{day}-{hour}"), &text, reply_to)).await?;
            match hour {
                1 => first = seq,
                0 | 11 => add_reactions(client, people, &ROOMS[0], (room, seq)).await?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Adds reactions of two or three members to a message.
async fn add_reactions(client: &Client, people: &[Person], place: &SeedRoom, (room, seq): (u64, u64)) -> Result<(), SeedError> {
    let turn = usize::try_from(seq).unwrap_or_default();
    for step in 0..2 + turn % 2 {
        let user = &people[place.people[(turn + step * 2 + 1) % place.people.len()]];
        let emoji = REACTIONS[(turn + step / 2) % REACTIONS.len()];
        client.put(&format!("/api/rooms/{room}/messages/{seq}/reactions"), user, json!({ "emoji": emoji })).await?;
    }
    Ok(())
}

/// Sends a message with an idempotency key and returns its sequence number.
async fn send_message(client: &Client, user: &Person, room: u64, line: (&str, &str, Option<u64>)) -> Result<u64, SeedError> {
    let (key, text, reply_to) = line;
    let new = json!({ "content": text, "client_id": key, "reply_to": reply_to });
    let sent = client.post(&format!("/api/rooms/{room}/messages"), user, new).await?;
    Ok(sent["seq"].as_u64().unwrap_or_default())
}

fn busiest() -> u64 {
    (ROOMS[0].lines.len() + DAYS.len() * TALK.len()) as u64
}

fn id(room: &Value) -> u64 {
    room["id"].as_u64().unwrap_or_default()
}
