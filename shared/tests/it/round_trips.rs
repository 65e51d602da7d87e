//! Round trips to the database, counted by a proxy: the client writes after the server has answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use shared::caller::{Caller, MessageSender};
use shared::config::Secret;
use shared::domain::messages::{self, SendRequest, Sent};
use shared::domain::rooms::{self, directs};
use shared::error::Result;
use shared::id::{RoomId, RoomRef, SessionId};
use shared::protocol::messages::NewMessage;
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::push::Push;
use shared::store::Db;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{self, limits};

/// A database behind a proxy that counts.
struct Counted {
    db: Db,
    trips: Arc<AtomicU32>,
}

impl Counted {
    async fn new() -> Self {
        let url = fixture::migrated().await;
        let (before, rest) = url.expose().split_once('@').expect("a URL with a user");
        let (server, database) = rest.split_once('/').expect("a URL with a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let trips = Arc::new(AtomicU32::new(0));
        tokio::spawn(forward(listener, server.to_owned(), Arc::clone(&trips)));
        let db = Db::lazy(&Secret::new(format!("{before}@127.0.0.1:{port}/{database}"))).expect("a URL");
        Self { db, trips }
    }

    async fn count<T>(&self, work: impl Future<Output = T>) -> (T, u32) {
        let before = self.trips.load(Ordering::SeqCst);
        let done = work.await;
        (done, self.trips.load(Ordering::SeqCst) - before)
    }
}

async fn forward(listener: TcpListener, server: String, trips: Arc<AtomicU32>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(&server).await.expect("the server");
        client.set_nodelay(true).expect("an option");
        server.set_nodelay(true).expect("an option");
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let answered = Arc::new(AtomicBool::new(true));
        tokio::spawn(pump(from_server, to_client, {
            let answered = Arc::clone(&answered);
            move || answered.store(true, Ordering::SeqCst)
        }));
        let trips = Arc::clone(&trips);
        tokio::spawn(pump(from_client, to_server, move || {
            if answered.swap(false, Ordering::SeqCst) {
                trips.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: impl Fn()) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        seen();
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

async fn session_of(db: &Db, caller: &Caller) -> MessageSender {
    let mut connection = db.acquire().await.expect("a connection");
    let session =
        sqlx::query("insert into sessions (user_id, refresh_hash, created_at, last_used_at, expires_at) values (?, ?, 1, 1, ?)")
            .bind(caller.user.0)
            .bind([0_u8; 32].as_slice())
            .bind(i64::MAX)
            .execute(&mut *connection)
            .await
            .expect("a session");
    MessageSender { session: SessionId(session.last_insert_id()), username: None, ..caller.into() }
}

async fn say(db: &Db, push: &Push, sender: &MessageSender, room: RoomId, text: &str) -> Result<Sent> {
    let new = NewMessage { content: Some(text.into()), ..NewMessage::default() };
    messages::send(db, push, &limits(), sender.clone(), SendRequest { room: &RoomRef::Id(room), new: &new }).await
}

#[tokio::test]
async fn a_message_over_a_socket_takes_two_round_trips_and_verifies_its_session() {
    let counted = Counted::new().await;
    let (db, push) = (&counted.db, &Push::memory());
    let (ann, bob) = (fixture::person(db, "ann").await, fixture::person(db, "bob").await);
    let group = NewRoom { name: "Group".into(), member_ids: vec![bob.user], ..NewRoom::default() };
    let group = rooms::create(db, push, &ann, RoomKind::Group, &group).await.expect("a room").id;
    let direct = directs::open(db, push, &ann, bob.user).await.expect("a room").0.id;
    let sender = session_of(db, &ann).await;
    say(db, push, &sender, group, "the first opens the connection").await.expect("sent");
    push.take_sent().await;

    let (sent, trips) = counted.count(say(db, push, &sender, group, "one")).await;
    assert_eq!((trips, sent.expect("sent").message.seq.0), (2, 2));
    assert_eq!(push.take_sent().await.len(), 2, "for both members");
    say(db, push, &sender, direct, "the first reopens").await.expect("sent");
    let (sent, trips) = counted.count(say(db, push, &sender, direct, "two")).await;
    assert_eq!((trips, sent.expect("sent").message.seq.0), (3, 2), "and one that asks about blocks");

    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query("update sessions set revoked_at = 2 where id = ?")
        .bind(sender.session.0)
        .execute(&mut *connection)
        .await
        .expect("ended");
    drop(connection);
    for room in [group, direct, RoomId(999)] {
        let (refused, trips) = counted.count(say(db, push, &sender, room, "late")).await;
        assert_eq!(refused.expect_err("the session has ended").code(), "session_ended");
        assert!(trips <= 3, "{trips}");
    }
    push.take_sent().await;
    let verified = MessageSender::from(&ann);
    assert_eq!(say(db, push, &verified, RoomId(999), "nowhere").await.expect_err("no room").code(), "room_not_found");
    assert_eq!(say(db, push, &verified, group, "three").await.expect("sent").message.seq.0, 3, "nothing was stored meanwhile");
}

#[tokio::test]
async fn any_text_is_stored_as_it_is() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = fixture::person(&db, "ann").await;
    let room = NewRoom { name: "Group".into(), ..NewRoom::default() };
    let room = rooms::create(&db, &push, &ann, RoomKind::Group, &room).await.expect("a room").id;
    for text in [
        "it's; drop table rooms; --",
        "\\ \" ` % _ \u{1f600} \u{301}e",
        "x'00'",
        "?",
        "\r\n\t'",
        &format!("a{}", "\u{10ffff}".repeat(999)),
    ] {
        for client_id in [None, Some(text.chars().filter(|one| !one.is_control() && *one != ' ').take(60).collect::<String>())] {
            let new = NewMessage { content: Some(text.into()), client_id: client_id.clone(), ..NewMessage::default() };
            let request = SendRequest { room: &RoomRef::Id(room), new: &new };
            let sent = messages::send(&db, &push, &limits(), &ann, request).await.expect("sent").message;
            let read = messages::find(&db, &ann, &RoomRef::Id(room), sent.seq).await.expect("there");
            assert_eq!((read.content.as_str(), read.client_id, read.id), (text, client_id, sent.id));
        }
    }
}
