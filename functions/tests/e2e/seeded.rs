//! The community of `make seed`: users and messages, and that a second run changes nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::Person;
use crate::cloud::own_world;

#[tokio::test]
async fn a_seeded_cloud_is_full_of_life_and_stays_as_it_is() {
    let world = own_world(&[]);
    let begun = Instant::now();
    let seeded = local::seed::seed(&world.cloud().http_url()).await.expect("seeded");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    assert!(!seeded.already && seeded.usernames.len() >= 10 && seeded.busiest >= 300);
    let mut people = Vec::new();
    for name in &seeded.usernames {
        let login = json!({ "username": name, "password": local::seed::PASSWORD });
        people.push(Person::of(&world.api.post_public("/api/auth/login", login).await.is(200)));
    }
    let rooms = async |who: &Person| world.api.get("/api/rooms?scope=joined&limit=100", who).await.is(200)["items"].clone();
    let mine = rooms(&people[0]).await;
    let mine = mine.as_array().expect("rooms");
    for kind in ["direct", "group", "public"] {
        assert!(mine.iter().any(|room| room["kind"] == kind), "{kind}");
    }
    let busy = mine.iter().find(|room| room["last_seq"] == seeded.busiest).expect("the busy room, without doubles");
    let id = &busy["id"];
    assert_eq!(busy["members_count"], seeded.usernames.len());
    let last = &rooms(people.last().expect("somebody")).await;
    assert!(
        last.as_array().expect("rooms").iter().any(|room| room["unread"].as_u64() > Some(0)),
        "somebody has something to read"
    );

    let mut messages: Vec<Value> = Vec::new();
    let mut before = String::new();
    loop {
        let page = world.api.get(&format!("/api/rooms/{id}/messages?limit=100{before}"), &people[0]).await.is(200);
        messages.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(messages.len() as u64, seeded.busiest);
    for (what, field) in [("answers", "reply_to"), ("reactions", "reactions"), ("mentions", "mentions")] {
        let has = |message: &Value| message[field].as_array().map_or(!message[field].is_null(), |list| !list.is_empty());
        assert!(messages.iter().filter(|message| has(message)).count() >= 10, "{what}");
    }
    let found = world.api.get("/api/search?q=%E5%82%98", &people[0]).await.is(200);
    assert!(!found["items"].as_array().expect("items").is_empty(), "an umbrella in Japanese");

    let again = local::seed::seed(&world.cloud().http_url()).await.expect("seeded");
    assert!(again.already);
    let after = rooms(&people[0]).await;
    let seqs = |rooms: &[Value]| rooms.iter().map(|room| (room["id"].clone(), room["last_seq"].clone())).collect::<Vec<_>>();
    assert_eq!(seqs(after.as_array().expect("rooms")), seqs(mine), "a second run says nothing twice");
}
