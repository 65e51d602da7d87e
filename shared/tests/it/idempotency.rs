//! Repeated requests create nothing twice.

use shared::domain::idempotency;
use shared::domain::rooms::{self, RoomRequest};
use shared::error::Error;
use shared::id::RoomRef;
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, person, statements};

fn new(name: &str) -> NewRoom {
    NewRoom { name: name.into(), ..NewRoom::default() }
}

fn key(called: &str, body: &str) -> idempotency::KeyDigest {
    idempotency::derive_key("POST /api/rooms", called, body.as_bytes()).expect("a key")
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut *db.acquire().await.expect("a connection")).await.expect("a number")
}

#[tokio::test]
async fn under_one_key_there_is_one_room() {
    let db = fixture::database().await;
    let (ann, bob, push) = (person(&db, "ann").await, person(&db, "bob").await, Push::memory());
    let (lunch, dinner) = (new("Lunch"), new("Dinner"));
    let make = async |who, what, key: &idempotency::KeyDigest| {
        rooms::create_once(&db, &push, who, RoomRequest { kind: RoomKind::Group, new: what }, key)
            .await
            .map(|(room, was_there)| (room.id, was_there))
    };
    let (first, was_there) = make(&ann, &lunch, &key("k", "lunch")).await.expect("made");
    assert!(!was_there);
    push.take_sent().await;
    assert_eq!(make(&ann, &lunch, &key("k", "lunch")).await.ok(), Some((first, true)));
    assert!(push.take_sent().await.is_empty(), "no frame is repeated");
    let other = make(&ann, &dinner, &key("k", "dinner")).await.err();
    assert!(matches!(other, Some(Error::Conflict("idempotency_key_reused"))), "{other:?}");
    for (who, what, key) in [(&bob, &lunch, key("k", "lunch")), (&ann, &dinner, key("K", "dinner"))] {
        let (room, was_there) = make(who, what, &key).await.expect("made");
        assert!(room != first && !was_there, "another person, another key");
    }
    assert_eq!(count(&db, "select count(*) from rooms where kind = 'group'").await, 3);

    idempotency::sweep(&db, ann.now.plus_seconds(23 * 3600)).await.expect("swept");
    assert_eq!(count(&db, "select count(*) from idempotency_keys").await, 3);
    idempotency::sweep(&db, ann.now.plus_seconds(25 * 3600)).await.expect("swept");
    assert_eq!(count(&db, "select count(*) from idempotency_keys").await, 0);

    rooms::create(&db, &push, &ann, RoomKind::Group, &lunch).await.expect("prepared");
    let plain = statements(&db, rooms::create(&db, &push, &ann, RoomKind::Group, &lunch)).await.1;
    make(&ann, &lunch, &key("prepared", "")).await.expect("made");
    let keyed = statements(&db, make(&ann, &lunch, &key("l", ""))).await.1;
    assert_eq!(keyed, plain + 2, "a read before, and the row");
    let read = statements(&db, rooms::find(&db, &ann, &RoomRef::Id(first))).await.1;
    assert_eq!(statements(&db, make(&ann, &lunch, &key("l", ""))).await.1, read + 1, "a read, and the room");
}

#[tokio::test]
async fn of_many_at_once_one_makes_it_and_the_others_find_it() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let (ann, what) = (person(&db, "ann").await, new("Lunch"));
    let at_once = (0..8).map(|_| {
        let (url, ann, what) = (&url, &ann, &what);
        async move {
            let db = Db::lazy(url).expect("a URL");
            rooms::create_once(&db, &Push::memory(), ann, RoomRequest { kind: RoomKind::Group, new: what }, &key("k", ""))
                .await
                .expect("made or found")
        }
    });
    let answers = futures_util::future::join_all(at_once).await;
    assert_eq!(answers.iter().filter(|(_, was_there)| !was_there).count(), 1);
    assert!(answers.iter().all(|(room, _)| room.id == answers[0].0.id));
    assert_eq!(count(&db, "select count(*) from rooms where kind = 'group'").await, 1);
    assert_eq!(count(&db, "select count(*) from messages where room_id > 1").await, 0, "what the others made is taken back");
}

#[test]
fn what_is_no_key_is_refused() {
    for called in ["", "a b", "ü", "a\n", &"x".repeat(256)] {
        assert!(matches!(idempotency::derive_key("POST /api/rooms", called, b""), Err(Error::Invalid(_))), "{called:?}");
    }
    assert_ne!(key("a", ""), idempotency::derive_key("POST /api/rooms/create", "a", b"").expect("a key"));
}
