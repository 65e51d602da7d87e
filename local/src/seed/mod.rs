//! A believable community in a running cloud, made through its public API as people would make it. Every step can be done twice: messages carry
//! keys of their own, so what was interrupted is completed, and what is there stays as it is.

mod client;
mod story;

use std::fmt;

use serde_json::{Value, json};

use self::client::Client;
use self::story::{DAYS, DIRECTS, FRIENDS, PEOPLE, PLACES, Place, REACTIONS, TALK};

/// The password of everybody.
pub const PASSWORD: &str = "linden street in june";

/// The community could not be made: which request failed, and how.
#[derive(Debug)]
pub struct SeedError(String);

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SeedError {}

/// What is in the cloud now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// Whether all of it was there before.
    pub already: bool,
    /// Who can log in with [`PASSWORD`].
    pub usernames: Vec<String>,
    /// Messages of the busy room.
    pub busiest: u64,
}

/// Fills the cloud behind the HTTP API's URL.
pub async fn seed(http: &str) -> Result<Seeded, SeedError> {
    let client = Client::new(http);
    let mut people = Vec::new();
    for person in PEOPLE {
        people.push(arrive(&client, person).await?);
    }
    let usernames = PEOPLE.iter().map(|(username, ..)| (*username).to_owned()).collect();
    let busiest = busiest();
    if let Some(room) = known(&client, &people[PLACES[0].people[0]], PLACES[0].name).await?
        && room["last_seq"].as_u64() >= Some(busiest)
    {
        return Ok(Seeded { already: true, usernames, busiest });
    }
    for (from, to, accepted) in FRIENDS {
        befriend(&client, (&people[from], &people[to]), accepted).await?;
    }
    for (number, (one, other, lines)) in DIRECTS.iter().enumerate() {
        let room = client.put(&format!("/api/rooms/direct/{}", people[*other].id), &people[*one], json!({})).await?;
        for (index, (back, text)) in lines.iter().enumerate() {
            let who = &people[if *back { *other } else { *one }];
            say(&client, who, id(&room), (&format!("seed-d{number}-{index}"), text, None)).await?;
        }
    }
    // The busy room comes last: once it is whole, everything is.
    for (number, place) in PLACES.iter().enumerate().rev() {
        fill(&client, &people, (number, place)).await?;
    }
    Ok(Seeded { already: false, usernames, busiest })
}

/// Somebody who is logged in.
struct Person {
    id: u64,
    token: String,
}

async fn arrive(client: &Client, (username, name, about): (&str, &str, &str)) -> Result<Person, SeedError> {
    let new = json!({ "username": username, "password": PASSWORD, "display_name": name, "device": "seed" });
    let (status, mut answer) = client.ask("POST", "/api/auth/register", None, new).await?;
    let is_new = status == 201;
    if status == 409 {
        let known = json!({ "username": username, "password": PASSWORD, "device": "seed" });
        let (status, body) = client.ask("POST", "/api/auth/login", None, known).await?;
        if status != 200 {
            return Err(SeedError(format!("{username} is somebody else's name here: {body}")));
        }
        answer = body;
    } else if !is_new {
        return Err(SeedError(format!("{username} could not register: {status} {answer}")));
    }
    let token = answer["access_token"].as_str().unwrap_or_default().to_owned();
    let person = Person { id: answer["user"]["id"].as_u64().unwrap_or_default(), token };
    if is_new {
        client.maybe("PATCH", "/api/users/me", &person, json!({ "about": about })).await?;
    }
    Ok(person)
}

/// A request that was made before, or answered, is as good as made now.
async fn befriend(client: &Client, (from, to): (&Person, &Person), accepted: bool) -> Result<(), SeedError> {
    client.maybe("POST", "/api/friends/requests", from, json!({ "user_id": to.id })).await?;
    if accepted {
        client.maybe("POST", &format!("/api/friends/requests/{}/accept", from.id), to, json!({})).await?;
    }
    Ok(())
}

/// The owner's room of this name, if it was made before.
async fn known(client: &Client, owner: &Person, name: &str) -> Result<Option<Value>, SeedError> {
    let rooms = client.get("/api/rooms?scope=joined&limit=100", owner).await?;
    Ok(rooms["items"].as_array().and_then(|rooms| rooms.iter().find(|room| room["name"] == name)).cloned())
}

async fn fill(client: &Client, people: &[Person], (number, place): (usize, &Place)) -> Result<(), SeedError> {
    let owner = &people[place.people[0]];
    let room = if let Some(room) = known(client, owner, place.name).await? {
        room
    } else {
        let ids: Vec<_> = place.people[1..].iter().map(|index| people[*index].id).collect();
        let kind = if place.public { "public" } else { "group" };
        let new = json!({ "name": place.name, "topic": place.topic, "kind": kind, "member_ids": ids });
        client.post("/api/rooms", owner, new).await?
    };
    let room = id(&room);
    let mut last = 0;
    for (index, (who, text)) in place.lines.iter().enumerate() {
        // Now and then somebody answers the line before.
        let reply_to = (index % 4 == 3).then_some(last);
        last = say(client, &people[*who], room, (&format!("seed-{number}-{index}"), text, reply_to)).await?;
        if index % 3 == 0 {
            react(client, people, place, (room, last)).await?;
        }
    }
    if number == 0 {
        days(client, people, room).await?;
    }
    // Each has read a little less than the one before; the last third has everything before them.
    let reading = place.people.len() - place.people.len() / 3;
    for (index, who) in place.people[..reading].iter().enumerate() {
        let seq = last.max(if number == 0 { busiest() } else { 0 }).saturating_sub(index as u64 * 3).max(1);
        client.put(&format!("/api/rooms/{room}/read"), &people[*who], json!({ "seq": seq })).await?;
    }
    Ok(())
}

/// Day after day in the busy room: a long history to scroll through.
async fn days(client: &Client, people: &[Person], room: u64) -> Result<(), SeedError> {
    let mut first = 0;
    for (day, (matter, remark)) in DAYS.iter().enumerate() {
        for (hour, talk) in TALK.iter().enumerate() {
            let who = &people[(day * 5 + hour * 7) % people.len()];
            let text = match hour {
                2 => format!("{remark} {talk}"),
                5 => format!("{talk} @{} please remind me.", PEOPLE[(day + 3) % PEOPLE.len()].0),
                _ => talk.replace("{}", matter),
            };
            let reply_to = (hour == 3).then_some(first);
            let seq = say(client, who, room, (&format!("seed-day{day}-{hour}"), &text, reply_to)).await?;
            match hour {
                1 => first = seq,
                0 | 11 => react(client, people, &PLACES[0], (room, seq)).await?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Two or three of the people of a place like a message.
async fn react(client: &Client, people: &[Person], place: &Place, (room, seq): (u64, u64)) -> Result<(), SeedError> {
    let turn = usize::try_from(seq).unwrap_or_default();
    for step in 0..2 + turn % 2 {
        let who = &people[place.people[(turn + step * 2 + 1) % place.people.len()]];
        let emoji = REACTIONS[(turn + step / 2) % REACTIONS.len()];
        client.put(&format!("/api/rooms/{room}/messages/{seq}/reactions"), who, json!({ "emoji": emoji })).await?;
    }
    Ok(())
}

/// Says something, once however often it is run: its key, the text, and what it answers. Gives its seq.
async fn say(client: &Client, who: &Person, room: u64, line: (&str, &str, Option<u64>)) -> Result<u64, SeedError> {
    let (key, text, reply_to) = line;
    let new = json!({ "content": text, "client_id": key, "reply_to": reply_to });
    let sent = client.post(&format!("/api/rooms/{room}/messages"), who, new).await?;
    Ok(sent["seq"].as_u64().unwrap_or_default())
}

fn busiest() -> u64 {
    (PLACES[0].lines.len() + DAYS.len() * TALK.len()) as u64
}

fn id(room: &Value) -> u64 {
    room["id"].as_u64().unwrap_or_default()
}
