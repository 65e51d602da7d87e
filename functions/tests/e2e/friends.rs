//! Friends: requests over HTTP, frames on sockets.

use hyper::Method;
use serde_json::json;

use crate::api::{Api, Person};
use crate::cloud::world;
use crate::socket::Socket;

/// Makes two users friends.
pub(crate) async fn befriend(api: &Api, one: &Person, other: &Person) {
    api.post("/api/friends/requests", one, json!({ "user_id": other.id })).await.is(201);
    api.post(&format!("/api/friends/requests/{}/accept", one.id), other, json!({})).await.is(200);
}

#[tokio::test]
async fn friendships_begin_and_end_on_every_device_of_both() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let (mut hers, mut his) = (Socket::of(&world.ws, &ann).await, Socket::lean(&world.ws, &bob).await);
    let asked = world.api.post("/api/friends/requests", &ann, json!({ "username": bob.name })).await.is(201);
    assert_eq!((&asked["user"]["id"], &asked["state"], &asked["direction"]), (&json!(bob.id), &json!("pending"), &json!("out")));
    assert_eq!(asked["user"].get("online"), None, "nothing of a stranger's presence comes with a request");
    let heard = his.wait("friend.request").await;
    assert_eq!((&heard["user"]["username"], &heard["direction"]), (&json!(ann.name), &json!("in")));
    assert_eq!(hers.wait("friend.request").await["direction"], "out");
    let waiting = world.api.get("/api/friends/requests", &bob).await.is(200);
    assert_eq!((&waiting["items"][0]["user"]["id"], &waiting["next"]), (&json!(ann.id), &json!(null)));
    let mine = world.api.get("/api/friends/requests?direction=out&limit=1", &ann).await.is(200);
    assert_eq!(mine["items"][0]["user"]["id"], bob.id);
    world.api.post("/api/friends/requests", &ann, json!({ "user_id": bob.id })).await.is(200);
    let accept = format!("/api/friends/requests/{}/accept", ann.id);
    let agreed = world.api.post(&accept, &bob, json!({})).await.is(200);
    assert_eq!((&agreed["state"], &agreed["user"]["online"]), (&json!("accepted"), &json!(true)));
    assert_eq!(hers.wait("friend.accepted").await["user"]["id"], bob.id);
    assert_eq!(his.wait("friend.accepted").await["user"]["id"], ann.id);
    assert_eq!(hers.wait("presence").await["online"], true, "new friends learn at once who is there");
    world.api.post(&accept, &bob, json!({})).await.is(200);
    let friends = world.api.get("/api/friends", &ann).await.is(200);
    assert_eq!((&friends["items"][0]["user"]["id"], &friends["items"][0]["user"]["online"]), (&json!(bob.id), &json!(true)));
    world.api.delete(&format!("/api/friends/{}", ann.id), &bob).await.is(204);
    assert_eq!(hers.wait("friend.removed").await["user_id"], bob.id);
    assert_eq!(his.wait("friend.removed").await["user_id"], ann.id);
    world.api.delete(&format!("/api/friends/{}", ann.id), &bob).await.refused(404, "friend_not_found");
}

#[tokio::test]
async fn a_request_is_declined_withdrawn_or_ended_by_a_block() {
    let world = world();
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let ask = async |status| world.api.post("/api/friends/requests", &ann, json!({ "user_id": bob.id })).await.is(status);
    let cem = world.api.person("cem").await;
    let (reject, cancel) = (format!("/api/friends/requests/{}/reject", cem.id), format!("/api/friends/requests/{}", bob.id));
    ask(201).await;
    world.api.delete(&cancel, &ann).await.is(204);
    world.api.delete(&cancel, &ann).await.refused(404, "request_not_found");
    let later = world.api.post("/api/friends/requests", &ann, json!({ "user_id": bob.id })).await;
    later.refused(429, "rate_limited");
    let wait: u64 = later.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=601).contains(&wait), "a slip of the hand heals in minutes: {wait}");
    let ask = async |status| world.api.post("/api/friends/requests", &cem, json!({ "user_id": bob.id })).await.is(status);
    ask(201).await;
    world.api.post(&reject, &bob, json!({})).await.is(204);
    world.api.post(&reject, &bob, json!({})).await.refused(404, "request_not_found");
    world.api.post("/api/friends/requests", &cem, json!({ "user_id": bob.id })).await.refused(429, "rate_limited");
    let ann = world.api.person("ann").await;
    let ask = async |status| world.api.post("/api/friends/requests", &ann, json!({ "user_id": bob.id })).await.is(status);
    ask(201).await;
    world.api.put(&format!("/api/blocks/{}", ann.id), &bob, json!({})).await.is(204);
    assert_eq!(world.api.get("/api/friends/requests?direction=out", &ann).await.is(200)["items"], json!([]));
    for (who, whom) in [(&ann, &bob), (&bob, &ann)] {
        world.api.post("/api/friends/requests", who, json!({ "user_id": whom.id })).await.refused(403, "blocked");
    }
    assert_eq!(world.api.get("/api/blocks", &bob).await.is(200)["items"][0]["id"], ann.id);
    world.api.delete(&format!("/api/blocks/{}", ann.id), &bob).await.is(204);
    world.api.post("/api/friends/requests", &ann, json!({ "user_id": bob.id })).await.refused(429, "rate_limited");
    // The user who declined may send a request at any time; a request in return counts as acceptance.
    world.api.post("/api/friends/requests", &bob, json!({ "user_id": ann.id })).await.is(201);
    let friends = world.api.post("/api/friends/requests", &ann, json!({ "username": bob.name.to_uppercase() })).await.is(200);
    assert_eq!(friends["state"], "accepted");
}

#[tokio::test]
async fn invalid_user_references_are_refused_with_the_reason() {
    let world = world();
    let ann = world.api.person("ann").await;
    let ask = async |body| world.api.post("/api/friends/requests", &ann, body).await;
    ask(json!({ "user_id": ann.id })).await.refused(409, "self_friend");
    ask(json!({ "username": ann.name })).await.refused(409, "self_friend");
    ask(json!({ "user_id": 9_007_199_254_740_991_u64 })).await.refused(404, "user_not_found");
    ask(json!({ "username": "nobody-at-all" })).await.refused(404, "user_not_found");
    ask(json!({ "username": "\u{0}'\" or 1=1 --🙂" })).await.refused(404, "user_not_found");
    for body in
        [json!({}), json!({ "user_id": 0 }), json!({ "user_id": -1 }), json!({ "user_id": "x" }), json!({ "username": 7 })]
    {
        ask(body).await.refused(422, "invalid_input");
    }
    for path in ["/api/friends/requests/x/accept", "/api/friends/requests/0/reject"] {
        world.api.post(path, &ann, json!({})).await.refused(422, "invalid_input");
    }
    world.api.delete("/api/friends/1e9", &ann).await.refused(422, "invalid_input");
    world.api.get("/api/friends?cursor=x", &ann).await.refused(422, "invalid_input");
    world.api.get("/api/friends/requests?cursor=x", &ann).await.refused(422, "invalid_input");
    world.api.get("/api/friends/requests?direction=up", &ann).await.refused(400, "malformed_query");
    let broken = world.api.raw_as(&ann, Method::POST, "/api/friends/requests", r#"{"username":"#).await;
    broken.refused(400, "malformed_json");
    world.api.get_public("/api/friends").await.refused(401, "unauthenticated");
    world.api.post_public("/api/friends/requests", json!({ "user_id": ann.id })).await.refused(401, "unauthenticated");
}
