//! Search over HTTP: results, access control and errors.

use serde_json::{Value, json};

use crate::cloud::{Variable, own_world, world};

fn texts(page: &Value) -> Vec<&str> {
    page["items"].as_array().expect("items").iter().map(|item| item["message"]["content"].as_str().expect("text")).collect()
}

#[tokio::test]
async fn search_finds_only_readable_messages() {
    let world = world();
    let (ann, bob, eve) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("eve").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}/messages");
    for text in ["Das Donaudampfschiff kommt", "明天在上海见", "nothing of interest 🚀", "ship it https://example.org"] {
        world.api.post(&path, &ann, json!({ "content": text })).await.is(201);
    }
    // Percent-encoded, as browsers send it.
    for (q, expected) in [
        ("DAMPFSCHIFF", "Das Donaudampfschiff kommt"),
        ("%E4%B8%8A%E6%B5%B7", "明天在上海见"),
        ("%F0%9F%9A%80", "nothing of interest 🚀"),
        ("has%3Alink+ship", "ship it https://example.org"),
        ("%22das+donaudampfschiff%22", "Das Donaudampfschiff kommt"),
    ] {
        let page = world.api.get(&format!("/api/search?q={q}"), &bob).await.is(200);
        assert_eq!(texts(&page), [expected], "{q}");
        assert!(texts(&world.api.get(&format!("/api/search?q={q}"), &eve).await.is(200)).is_empty());
    }
    let page = world.api.get(&format!("/api/search?q=schiff&room_id={room}&from={}", ann.name), &bob).await.is(200);
    assert_eq!(page["items"][0]["highlights"], json!([{ "from": 14, "to": 20 }]));
    assert_eq!((&page["items"][0]["message"]["room_id"], &page["next"]), (&json!(room), &Value::Null));

    let seq = page["items"][0]["message"]["seq"].as_u64().expect("a seq");
    world.api.patch(&format!("{path}/{seq}"), &ann, json!({ "content": "Der Zeppelin kommt" })).await.is(200);
    assert!(texts(&world.api.get("/api/search?q=schiff", &bob).await.is(200)).is_empty());
    assert_eq!(texts(&world.api.get("/api/search?q=zeppelin", &bob).await.is(200)), ["Der Zeppelin kommt"]);
    world.api.delete(&format!("{path}/{seq}?for=all"), &ann).await.is(204);
    assert!(texts(&world.api.get("/api/search?q=zeppelin", &bob).await.is(200)).is_empty());
    world.api.delete(&format!("/api/rooms/{room}/members/{}", bob.id), &ann).await;
    assert!(texts(&world.api.get("/api/search?q=ship", &bob).await.is(200)).is_empty());
    world.api.get(&format!("/api/search?q=ship&room_id={room}"), &bob).await.refused(404, "room_not_found");
}

#[tokio::test]
async fn pages_follow_each_other_and_bad_queries_are_refused() {
    let world = world();
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    for number in 1..=7 {
        world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": format!("tea {number}") })).await.is(201);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.api.get(&format!("/api/search?q=tea&limit=3{cursor}"), &ann).await.is(200);
        seen.extend(texts(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (1..=7).rev().map(|number| format!("tea {number}")).collect::<Vec<_>>());
    for query in [
        "",
        "?q=",
        "?q=%20%21%3F",
        "?q=%22",
        "?q=%ff",
        "?q=a&cursor=x",
        "?q=before%3Asoon",
        "?before=soon",
        "?from=nobody-of-this-name",
    ] {
        world.api.get(&format!("/api/search{query}"), &ann).await.refused(422, "invalid_input");
    }
    world.api.get(&format!("/api/search?q={}", "x".repeat(5000)), &ann).await.refused(422, "invalid_input");
    for query in ["?q=a&limit=many", "?q=a&room_id=%23"] {
        world.api.get(&format!("/api/search{query}"), &ann).await.refused(400, "malformed_query");
    }
    world.api.get_public("/api/search?q=tea").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_query_without_anything_to_find_and_an_unknown_zone_say_so() {
    let world = world();
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "I write C++ in Łódź" })).await.is(201);
    for (query, field, code) in [
        (format!("q=%3F!&room_id={room}"), "q", "nothing_to_search"),
        ("q=from%3Ame+%3F!".to_owned(), "q", "nothing_to_search"),
        (format!("q=in%3A{room}+%3F%3F%3F"), "q", "nothing_to_search"),
        ("q=tea&tz=Mars%2FBase".to_owned(), "tz", "invalid"),
        ("q=tea&tz=".to_owned(), "tz", "invalid"),
    ] {
        let refused = world.api.get(&format!("/api/search?{query}"), &ann).await.refused(422, "invalid_input");
        assert_eq!((&refused["errors"][0]["field"], &refused["errors"][0]["code"]), (&json!(field), &json!(code)), "{query}");
    }
    for (query, found) in [
        ("q=C%2B%2B", 1),
        ("q=C%23", 0),
        ("q=lodz+after%3A2020-01-01&tz=Europe%2FWarsaw", 1),
        ("q=lodz&after=2020-01-01&tz=%2B02:00", 1),
        ("q=lodz&after=2020-01-01&tz=+02:00", 1),
    ] {
        let page = world.api.get(&format!("/api/search?{query}"), &ann).await.is(200);
        assert_eq!(texts(&page).len(), found, "{query}");
        assert!(page["items"].as_array().is_some_and(|items| items.iter().all(|item| item["files"] == json!([]))), "{page}");
    }
}

#[tokio::test]
async fn too_many_searches_are_put_off() {
    let world = own_world(&[Variable("RATE_SEARCH", "2/1000000000")]);
    let ann = world.api.person("ann").await;
    for _ in 0..2 {
        world.api.get("/api/search?q=tea", &ann).await.is(200);
    }
    let refused = world.api.get("/api/search?q=tea", &ann).await;
    refused.refused(429, "rate_limited");
    assert!(refused.headers.contains_key("retry-after"));
}
