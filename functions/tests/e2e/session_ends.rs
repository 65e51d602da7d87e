//! Ended sessions: every cause closes the sockets at once. Whatever fails at that moment, they receive nothing more and are closed as soon as
//! possible.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use shared::protocol::frames::Frame;
use shared::protocol::session_end_cause::Cause;

use crate::admin::operator;
use crate::api::{PASSWORD, Person};
use crate::cloud::{Variable, World, own_world};
use crate::socket::Socket;

/// Sockets close within this time when nothing fails.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Sockets close within this time after a failed component recovered.
const IN_THE_END: Duration = Duration::from_mins(1);

/// Writes continuously.
const RATES: &[Variable<'_>] = &[Variable("RATE_SEND", "100000/60"), Variable("RATE_ACT", "100000/60")];

/// A user with two sessions, one of which ends, and a user who writes to them.
struct Scene {
    writer: Person,
    /// The user whose sockets close.
    ending: Person,
    /// The same user on another device.
    other: Person,
    room: u64,
    socket: Socket,
}

impl Scene {
    async fn open(world: &World) -> Self {
        let (writer, ending) = (world.api.person("ann").await, world.api.person("bob").await);
        let login = json!({ "username": ending.name, "password": PASSWORD });
        let other = Person::of(&world.api.post_public("/api/auth/login", login).await.is(200));
        let room = world.api.group(&writer, &[&ending]).await;
        let socket = Socket::lean(&world.ws, &ending).await;
        Self { writer, ending, other, room, socket }
    }

    /// Asserts that the socket receives nothing written from now on, gets the reason and closes in time. Returns the time it took.
    async fn ends(&mut self, world: &World, cause: Cause, within: Duration) -> Duration {
        let begun = Instant::now();
        let Frame::Bye { code, resume, .. } = cause.bye() else { panic!("{cause:?}") };
        let mut heard = None;
        while begun.elapsed() < within {
            let path = format!("/api/rooms/{}/messages", self.room);
            world
                .api
                .post(&path, &self.writer, json!({ "content": format!("in confidence {}", fastrand::u64(..)) }))
                .await
                .is(201);
            while let Some(frame) = self.socket.next_within(Duration::from_millis(100)).await {
                assert_ne!(frame["type"], "message", "{cause:?}: {frame}");
                if frame["type"] == "bye" {
                    assert_eq!((&frame["code"], &frame["resume"]), (&json!(code), &json!(resume)), "{cause:?}");
                    heard = Some(begun.elapsed());
                }
            }
            if let Some(after) = heard
                && self.socket.next_within(Duration::from_millis(100)).await.is_none()
                && !self.socket.try_send(&json!({ "action": "ping" })).await
            {
                return after;
            }
        }
        panic!("{cause:?}: the socket is still open after {within:?}, {heard:?}");
    }
}

/// Ends the session for this cause. New causes must be added here.
async fn end(world: &World, root: &Person, scene: &Scene, cause: Cause) {
    let api = &world.api;
    let Scene { ending, other, .. } = scene;
    let sure = |status: u16| assert!(!(300..500).contains(&status), "{cause:?}: {status}");
    let id = async |who: &Person| {
        let sessions = api.get("/api/auth/sessions", who).await.is(200);
        let own = sessions["items"].as_array().expect("items").iter().find(|one| one["current"] == true).cloned();
        own.expect("one's own")["id"].as_u64().expect("an id")
    };
    let password = json!({ "current": PASSWORD, "new": "another good password" });
    sure(match cause {
        Cause::Logout => api.post("/api/auth/logout", ending, json!({})).await.status.as_u16(),
        Cause::LogoutAll => api.post("/api/auth/logout-all", other, json!({})).await.status.as_u16(),
        Cause::Revoked => {
            let session = id(ending).await;
            api.delete(&format!("/api/auth/sessions/{session}"), other).await.status.as_u16()
        }
        Cause::PasswordChanged => api.put("/api/auth/password", other, password).await.status.as_u16(),
        Cause::Replaced => api.put("/api/auth/password", ending, password).await.status.as_u16(),
        Cause::TokenReused => {
            let refresh = async |token: &str| api.post_public("/api/auth/refresh", json!({ "refresh_token": token })).await;
            let next = refresh(&ending.refresh).await.is(200)["refresh_token"].as_str().expect("a token").to_owned();
            refresh(&next).await.is(200);
            let reused = refresh(&ending.refresh).await;
            reused.refused(401, "invalid_refresh_token");
            200
        }
        Cause::Surplus => {
            let many = " union all select 1".repeat(49);
            let more = format!(
                "insert into sessions (user_id, refresh_hash, device, ip, created_at, last_used_at, expires_at)
                 select s.user_id, s.refresh_hash, s.device, s.ip, s.created_at, s.last_used_at + 1, s.expires_at
                 from sessions s join (select 1{many}) many where s.user_id = {} order by s.id limit 50",
                ending.id
            );
            sql(world, &more).await;
            let login = json!({ "username": ending.name, "password": PASSWORD });
            api.post_public("/api/auth/login", login).await.status.as_u16()
        }
        Cause::Expired => {
            let lately = shared::time::Timestamp::now().0 - 1;
            sql(world, &format!("update session_closings set ended_at = {lately} where user_id = {}", ending.id)).await;
            sql(world, &format!("update sessions set expires_at = {lately} where user_id = {}", ending.id)).await;
            200
        }
        Cause::Disabled => api.post(&format!("/api/admin/users/{}/disable", ending.id), root, json!({})).await.status.as_u16(),
        Cause::RevokedByOperator => api.delete(&format!("/api/admin/users/{}/sessions", ending.id), root).await.status.as_u16(),
        Cause::Erased => {
            let body = json!({ "password": PASSWORD }).to_string();
            api.raw_as(other, Method::DELETE, "/api/users/me", body).await.status.as_u16()
        }
        Cause::ErasedByOperator => api.delete(&format!("/api/admin/users/{}", ending.id), root).await.status.as_u16(),
    });
}

async fn sql(world: &World, text: &str) {
    let db = shared::store::Db::lazy(&shared::config::Secret::new(world.cloud().database_url())).expect("a URL");
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query(sqlx::AssertSqlSafe(text.to_owned())).execute(&mut *connection).await.expect("ran");
}

/// The expiry is an hour ahead when the socket registers, then moved to now.
async fn expires_soon(world: &World, person: &Person) {
    let soon = shared::time::Timestamp::now().plus_seconds(3600).0;
    sql(world, &format!("update sessions set expires_at = {soon} where user_id = {}", person.id)).await;
}

async fn scene(world: &World, cause: Cause) -> Scene {
    let mut scene = Scene::open(world).await;
    if cause == Cause::Expired {
        expires_soon(world, &scene.ending).await;
        scene.socket = Socket::lean(&world.ws, &scene.ending).await;
    }
    scene
}

/// Runs the minutely schedule.
fn minute(world: &World) {
    world.cloud().lambda().invoke_event("SweepFunction", Bytes::from(r#"{"due":"sessions"}"#)).expect("invoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_end_a_session_closes_its_sockets_at_once() {
    let world = own_world(RATES);
    let root = operator(&world).await;
    for cause in Cause::ALL {
        let mut scene = scene(&world, *cause).await;
        end(&world, &root, &scene, *cause).await;
        if *cause == Cause::Expired {
            minute(&world);
        }
        let after = scene.ends(&world, *cause, AT_ONCE * 5).await;
        assert!(after < AT_ONCE, "{cause:?}: after {after:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_while_the_registry_is_down_receive_nothing_and_close_after_it_recovers() {
    let world = own_world(RATES);
    let root = operator(&world).await;
    let faults = world.cloud().faults();
    for cause in Cause::ALL {
        let mut scene = scene(&world, *cause).await;
        // Without the counter of wrong passwords all passwords are refused; there the function dies after the end was written.
        let fault = match cause {
            Cause::PasswordChanged | Cause::Replaced | Cause::Surplus => {
                json!({ "kill": { "function": "auth", "at": "after_commit" } })
            }
            Cause::Erased => json!({ "kill": { "function": "users", "at": "after_commit" } }),
            _ => json!({ "dynamodb": { "mode": "refuse" } }),
        };
        faults.set_json(&fault).expect("faults that can be set");
        end(&world, &root, &scene, *cause).await;
        faults.clear();
        scene.ends(&world, *cause, IN_THE_END).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_takes_no_longer_than_it_may_whatever_stumbles() {
    let world = own_world(RATES);
    let faults = world.cloud().faults();
    let stumbles = [
        json!({ "dynamodb": { "mode": "hang" } }),
        json!({ "dynamodb": { "mode": "slow", "ms": 5000 } }),
        json!({ "dynamodb": { "mode": "refuse" }, "kill": { "function": "presence", "at": "before_handler" } }),
    ];
    for fault in stumbles {
        let mut scene = Scene::open(&world).await;
        faults.set_json(&fault).expect("faults that can be set");
        let begun = Instant::now();
        world.api.post("/api/auth/logout-all", &scene.ending, json!({})).await.is(204);
        assert!(begun.elapsed() < Duration::from_secs(6), "{fault}: {:?}", begun.elapsed());
        world.api.get("/api/rooms", &scene.ending).await.refused(401, "session_ended");
        // The client retries the logout; the token permits nothing else.
        world.api.post("/api/auth/logout-all", &scene.ending, json!({})).await.is(204);
        tokio::time::sleep(Duration::from_secs(1)).await;
        faults.clear();
        scene.ends(&world, Cause::LogoutAll, IN_THE_END).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedule_alone_closes_unnoticed_sockets() {
    let world = own_world(RATES);
    let faults = world.cloud().faults();
    let mut scene = Scene::open(&world).await;
    let dying = json!({ "kill": { "function": "auth", "at": "after_commit" } });
    faults.set_json(&dying).expect("faults that can be set");
    world.api.post("/api/auth/logout", &scene.ending, json!({})).await;
    faults.clear();
    assert_eq!(scene.socket.next_within(Duration::from_secs(2)).await, None, "nobody came by");
    minute(&world);
    scene.ends(&world, Cause::Logout, AT_ONCE * 5).await;
    // An expiry by time waits in the queue, which counts whole seconds.
    let scene = Scene::open(&world).await;
    let soon = shared::time::Timestamp::now().plus_seconds(3);
    sql(&world, &format!("update sessions set expires_at = {} where user_id = {}", soon.0, scene.ending.id)).await;
    let mut socket = Socket::lean(&world.ws, &scene.ending).await;
    minute(&world);
    assert_eq!(socket.wait("bye").await["code"], "session_ended");
    let late = shared::time::Timestamp::now().since(soon);
    assert!((0..2000).contains(&late), "{late} ms late");
}

#[tokio::test]
async fn direct_frames_do_not_reach_an_ended_session() {
    let world = own_world(&[]);
    let mut scene = Scene::open(&world).await;
    // A socket of another session stays open beside it.
    let mut kept = Socket::lean(&world.ws, &scene.other).await;
    let dying = json!({ "kill": { "function": "auth", "at": "after_commit" } });
    world.cloud().faults().set_json(&dying).expect("faults that can be set");
    world.api.post("/api/auth/logout", &scene.ending, json!({})).await;
    // Each function that meets the socket requests its close; that is refused here, so that the test controls when it happens.
    let lame = json!({ "concurrency": { "function": "presence", "limit": 0 } });
    world.cloud().faults().set_json(&lame).expect("faults that can be set");
    let api = &world.api;
    let Scene { writer, ending, other, room, .. } = &scene;
    api.post("/api/friends/requests", writer, json!({ "user_id": ending.id })).await.is(201);
    assert_eq!(kept.wait("friend.request").await["user"]["id"], writer.id);
    api.delete(&format!("/api/friends/requests/{}", ending.id), writer).await.is(204);
    kept.wait("friend.removed").await;
    let group = api.group(writer, &[ending]).await;
    kept.wait("room.joined").await;
    api.put(&format!("/api/rooms/{group}/mute"), other, json!({ "until": null })).await.is(200);
    kept.wait("room").await;
    let sent = api.post(&format!("/api/rooms/{room}/messages"), writer, json!({ "content": "Hi" })).await.is(201);
    kept.wait("message").await;
    api.put(&format!("/api/rooms/{room}/read"), other, json!({ "seq": sent["seq"] })).await.is(200);
    kept.wait("receipt").await;
    api.delete(&format!("/api/rooms/{room}/messages/{}?for=me", sent["seq"]), other).await.is(204);
    kept.wait("message.hidden").await;
    api.put(&format!("/api/blocks/{}", ending.id), writer, json!({})).await.is(204);
    api.delete(&format!("/api/rooms/{group}/members/{}", ending.id), writer).await.is(204);
    kept.wait("room.left").await;
    api.delete(&format!("/api/rooms/{room}"), writer).await.is(204);
    kept.wait("room.deleted").await;
    let heard: Option<Value> = scene.socket.next_within(Duration::from_millis(500)).await;
    assert_eq!(heard, None, "not a frame");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_refreshes_agree_and_a_late_one_ends_the_session() {
    let world = own_world(&[]);
    let ann = world.api.person("ann").await;
    let tries = (0..16).map(|_| {
        let (api, refresh) = (world.api.clone(), json!({ "refresh_token": ann.refresh }));
        tokio::spawn(async move { api.post_public("/api/auth/refresh", refresh).await.is(200) })
    });
    let mut given = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        given.push(one.await.expect("answered"));
    }
    assert!(given.iter().all(|tokens| tokens["refresh_token"] == given[0]["refresh_token"]), "one for all");
    let fresh = Person { token: given[7]["access_token"].as_str().expect("a token").into(), ..ann.clone() };
    world.api.get("/api/rooms", &fresh).await.is(200);
    sql(&world, &format!("update sessions set rotated_at = rotated_at - 31000 where user_id = {}", ann.id)).await;
    let late = world.api.post_public("/api/auth/refresh", json!({ "refresh_token": ann.refresh })).await;
    late.refused(401, "invalid_refresh_token");
    world.api.get("/api/rooms", &fresh).await.refused(401, "session_ended");
}
