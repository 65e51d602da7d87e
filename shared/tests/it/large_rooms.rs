//! Large rooms: a frame costs by who is online, a membership ends at once, and no live socket is missed while an index begins, is read and ends.

use shared::caller::Caller;
use shared::domain::auth::sessions::{self, SessionOwner};
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms::members;
use shared::domain::rooms::{self, audience, settings};
use shared::id::{ConnectionId, RoomId, RoomRef, UserId};
use shared::protocol::messages::NewMessage;
use shared::protocol::rooms::{NewMembers, NewRoom, RoomKind};
use shared::push::Push;
use shared::push::memory::PushWork;
use shared::store::Db;
use shared::time::Timestamp;
use sqlx::Executor as _;

use crate::backend::{Backend, PASSWORD, socket, unreachable_push};
use crate::erasure::{erase, register};
use crate::fixture::{self, limits, numbers, person, statements};
use crate::notifications::Bench;

/// Longer than an index takes to be complete.
const LONG: i64 = 5 * 3600;

/// A room of many.
pub(crate) struct Crowd<'a> {
    pub(crate) db: &'a Db,
    pub(crate) push: &'a Push,
    pub(crate) room: RoomId,
}

impl<'a> Crowd<'a> {
    /// A public room of the owner and so many others, without an index.
    pub(crate) async fn of(db: &'a Db, push: &'a Push, owner: &Caller, others: u64) -> Self {
        let new = NewRoom { name: "Crowd".into(), ..NewRoom::default() };
        let room = rooms::create(db, push, owner, RoomKind::Public, &new).await.expect("made").id;
        let crowd = Self { db, push, room };
        crowd.grow("u", others).await;
        crowd
    }

    async fn run(&self, sql: String) {
        let mut connection = self.db.acquire().await.expect("a connection");
        connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("runs");
    }

    /// Adds so many members who are never online.
    pub(crate) async fn grow(&self, prefix: &str, others: u64) {
        let room = self.room;
        self.run(format!(
            "insert into users (username, display_name, password_hash, created_at)
             select concat('{prefix}', seq), 'U', 'x', 0 from {} s",
            numbers(others)
        ))
        .await;
        self.run(format!(
            "insert into members (room_id, user_id, joined_at) select {room}, id, 0 from users where username regexp '^{prefix}[0-9]+$'"
        ))
        .await;
        self.count().await;
    }

    async fn count(&self) {
        let count = format!("select count(*) from members where room_id = {} and state = 'joined'", self.room);
        self.run(format!("update rooms set members_count = ({count}) where id = {}", self.room)).await;
    }

    /// Sets when the index began.
    pub(crate) async fn index_since(&self, since: Option<Timestamp>) {
        let since = since.map_or_else(|| "null".to_owned(), |since| since.0.to_string());
        self.run(format!("update rooms set socket_index_since = {since} where id = {}", self.room)).await;
    }

    async fn since(&self) -> Option<i64> {
        let mut connection = self.db.acquire().await.expect("a connection");
        let since = sqlx::query_scalar("select socket_index_since from rooms where id = ?").bind(self.room.0);
        since.fetch_one(&mut *connection).await.expect("a room")
    }

    async fn join(&self, who: &Caller) {
        rooms::join(self.db, self.push, who, &RoomRef::Id(self.room)).await.expect("joined");
    }

    /// Opens a socket as the function `connect` does.
    async fn open(&self, who: &Caller, id: &str) {
        let socket = socket(who, id);
        let noted = self.push.register(&socket).await.expect("registered");
        audience::add_socket(self.db, self.push, &socket, &noted).await.expect("open");
    }

    /// Says something. Returns what pushing it cost.
    async fn say(&self, who: &Caller, content: &str) -> PushWork {
        work(self.push).await;
        let new = NewMessage { content: Some(content.into()), ..NewMessage::default() };
        let sending = SendRequest { room: &RoomRef::Id(self.room), new: &new };
        messages::send(self.db, self.push, &limits(), who, sending).await.expect("sent");
        work(self.push).await
    }

    /// Says something. Returns the sockets that it was posted to.
    async fn heard(&self, who: &Caller) -> Vec<String> {
        let mut posts: Vec<_> = self.say(who, "Hi").await.posts.into_iter().map(|socket| socket.0).collect();
        posts.sort_unstable();
        posts
    }
}

async fn work(push: &Push) -> PushWork {
    push.take_sent().await;
    let Push::Memory(memory) = push else { panic!("in memory") };
    memory.take_work().await
}

fn later(who: &Caller, seconds: i64) -> Caller {
    Caller { now: who.now.plus_seconds(seconds), ..who.clone() }
}

/// Rows that the connection has read so far.
async fn rows_read(db: &Db) -> i64 {
    let mut connection = db.acquire().await.expect("a connection");
    let counters: Vec<(String, String)> =
        sqlx::query_as("show session status like 'Handler_read%'").fetch_all(&mut *connection).await.expect("counters");
    counters.iter().map(|(_, count)| count.parse::<i64>().expect("a number")).sum()
}

/// Runs work. Returns the rows that it read.
async fn reading<T>(db: &Db, work: impl Future<Output = T>) -> (T, i64) {
    let (first, before) = (rows_read(db).await, rows_read(db).await);
    let done = work.await;
    // Reading the counters reads rows, too.
    (done, rows_read(db).await - before - (before - first))
}

#[tokio::test]
async fn a_message_to_twenty_thousand_costs_no_more_than_one_to_a_hundred() {
    let mut costs = Vec::new();
    for others in [96, 19_996] {
        let db = fixture::database().await;
        let push = Push::memory();
        let ann = person(&db, "ann").await;
        let crowd = Crowd::of(&db, &push, &ann, others).await;
        if others > 200 {
            crowd.index_since(Some(ann.now.plus_seconds(-LONG))).await;
        }
        crowd.open(&ann, "ann").await;
        for name in ["bob", "cat"] {
            let who = person(&db, name).await;
            crowd.join(&who).await;
            crowd.open(&who, name).await;
        }
        crowd.run("analyze table users, rooms, members, messages".into()).await;
        // The first one prepares the statements.
        crowd.say(&ann, "one").await;
        let (_, count) = statements(&db, crowd.say(&ann, "two")).await;
        let (pushed, rows) = reading(&db, crowd.say(&ann, "three")).await;
        assert_eq!(pushed.posts.len(), 3, "{others}");
        costs.push((count, rows, pushed.lookups));
    }
    let [(few, few_rows, few_lookups), (many, many_rows, many_lookups)] = costs[..] else { panic!("two rooms") };
    assert_eq!((few_lookups, many_lookups), (99, 3), "who is read in DynamoDB");
    assert!(many <= few + 1, "{many} statements, and {few}");
    assert!(many_rows <= few_rows, "{many_rows} rows, and {few_rows}");
}

#[tokio::test]
async fn a_membership_ends_at_once_and_a_session_does() {
    let backend = Backend::open().await;
    let (db, push) = (&backend.db, &backend.push);
    let (_, ann) = register(&backend, "ann").await;
    let crowd = Crowd::of(db, push, &ann, 250).await;
    crowd.index_since(Some(ann.now.plus_seconds(-LONG))).await;
    let mut all = vec!["ann".to_owned()];
    crowd.open(&ann, "ann").await;
    let mut people = Vec::new();
    for name in ["bob", "cat", "dan", "eve", "fay", "gil"] {
        let (made, who) = register(&backend, name).await;
        // Half of them join first, and half of them open first.
        if people.len() % 2 == 0 {
            crowd.join(&who).await;
            crowd.open(&who, name).await;
        } else {
            crowd.open(&who, name).await;
            crowd.join(&who).await;
        }
        all.push(name.to_owned());
        people.push((made, who));
    }
    assert_eq!(crowd.heard(&ann).await, all);
    let room = RoomRef::Id(crowd.room);
    for (made, who) in &people[..5] {
        match who.username.as_str() {
            "bob" => drop(rooms::leave(db, push, who, &room, None).await.expect("left")),
            "cat" => members::remove(db, push, &ann, &room, who.user).await.expect("removed"),
            "dan" => members::ban(db, push, &ann, &room, who.user).await.expect("banned"),
            // The socket stays open.
            "eve" => sessions::logout(db, &unreachable_push(), &SessionOwner::SignedIn(who.clone())).await.expect("logged out"),
            _ => erase(&backend, made, PASSWORD).await.expect("erased"),
        }
        all.retain(|name| *name != who.username);
        assert_eq!(crowd.heard(&ann).await, all, "{} is gone", who.username);
    }
    // Who comes back is there at once.
    crowd.join(&people[0].1).await;
    all.insert(1, "bob".into());
    assert_eq!(crowd.heard(&ann).await, all);
    push.unregister(people[5].1.user, &ConnectionId("gil".into()), ann.now).await.expect("closed");
    all.retain(|name| name != "gil");
    assert_eq!(crowd.heard(&ann).await, all);
    work(push).await;
    settings::delete(db, push, &ann, &room).await.expect("deleted");
    let told: Vec<_> = work(push).await.posts.into_iter().map(|socket| socket.0).collect();
    assert_eq!(told.len(), all.len(), "{told:?} hear that the room is deleted");
}

/// Has the schema look as if functions of an earlier release could run.
async fn replace_older_functions(db: &Db) {
    let aged = "update _sqlx_migrations set installed_on = now() - interval 1 day where version < 33";
    sqlx::query(aged).execute(&mut *db.acquire().await.expect("a connection")).await.expect("aged");
}

#[tokio::test]
async fn a_frame_that_begins_an_index_adds_the_sockets_that_are_open() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let crowd = Crowd::of(&db, &push, &ann, 150).await;
    crowd.join(&bob).await;
    crowd.open(&bob, "bob").await;
    crowd.grow("v", 100).await;
    assert_eq!((crowd.heard(&ann).await, crowd.since().await), (vec!["bob".to_owned()], Some(0)), "it is complete at once");
    let said = crowd.say(&ann, "Hi").await;
    assert_eq!(said.posts, [ConnectionId("bob".into())]);
    assert_eq!(said.lookups, 1, "the next frame reads the one socket in the index");
    let cat = person(&db, "cat").await;
    crowd.open(&cat, "cat").await;
    crowd.join(&cat).await;
    assert_eq!(crowd.heard(&ann).await, ["bob", "cat"]);
}

#[tokio::test]
async fn an_index_begins_is_read_when_it_is_complete_and_ends_and_everybody_hears_everything() {
    let db = fixture::database().await;
    replace_older_functions(&db).await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let (bob, cat, dan) = (person(&db, "bob").await, person(&db, "cat").await, person(&db, "dan").await);
    let crowd = Crowd::of(&db, &push, &ann, 150).await;
    crowd.join(&bob).await;
    crowd.open(&bob, "bob before").await;
    assert_eq!((crowd.heard(&ann).await, crowd.since().await), (vec!["bob before".to_owned()], None), "150 members");
    crowd.grow("v", 100).await;
    assert_eq!((crowd.heard(&ann).await, crowd.since().await), (vec!["bob before".to_owned()], Some(ann.now.0)), "it begins");
    // Sockets and members that come while it is not read.
    crowd.open(&later(&bob, 60), "bob after").await;
    crowd.open(&later(&cat, 60), "cat").await;
    crowd.join(&later(&cat, 90)).await;
    assert_eq!(crowd.heard(&later(&ann, 100)).await, ["bob after", "bob before", "cat"]);
    assert_eq!(crowd.since().await, Some(ann.now.0), "it has begun once");
    let at = LONG - 60;
    // The oldest socket is over by now.
    push.unregister(bob.user, &ConnectionId("bob before".into()), later(&bob, at).now).await.expect("closed");
    crowd.open(&later(&dan, at), "dan").await;
    crowd.join(&later(&dan, at)).await;
    let cost = crowd.say(&later(&ann, at), "from the index").await;
    assert_eq!((cost.posts.len(), cost.lookups), (3, 3), "{cost:?}");
    crowd
        .run(
            "update members set state = 'left' where user_id in (select id from users where username regexp '^[uv][0-9]+$')"
                .into(),
        )
        .await;
    crowd.count().await;
    assert_eq!(crowd.heard(&later(&ann, at)).await, ["bob after", "cat", "dan"]);
    assert_eq!(crowd.since().await, None, "it has ended");
    assert_eq!(crowd.heard(&later(&ann, at)).await, ["bob after", "cat", "dan"]);
}

/// What happens to a person, each in the order of the list that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The socket is registered.
    Registered,
    /// It is added to indexes.
    Added,
    Joined,
    /// A message is sent, so an index begins if one is due.
    Spoken,
}

#[tokio::test]
async fn whatever_the_order_of_connecting_joining_and_beginning_the_socket_hears() {
    use Step::{Added, Joined, Registered, Spoken};
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let crowd = Crowd::of(&db, &push, &ann, 250).await;
    let mut number = 0;
    for since in [None, Some(ann.now.plus_seconds(-60)), Some(ann.now.plus_seconds(-LONG))] {
        for connecting in
            [[Registered, Added, Joined, Spoken], [Registered, Joined, Added, Spoken], [Joined, Registered, Added, Spoken]]
        {
            for spoken in 0..4 {
                let mut order = connecting.to_vec();
                order.retain(|step| *step != Spoken);
                order.insert(spoken, Spoken);
                crowd.index_since(since).await;
                number += 1;
                let id = format!("socket {number}");
                let who = person(&db, &format!("person{number}")).await;
                let socket = socket(&who, &id);
                for step in &order {
                    match step {
                        Registered => drop(push.register(&socket).await.expect("registered")),
                        Added => audience::add_socket(&db, &push, &socket, &[]).await.expect("open"),
                        Joined => crowd.join(&who).await,
                        Spoken => drop(crowd.say(&ann, "Hi").await),
                    }
                }
                let heard = crowd.heard(&ann).await;
                assert!(heard.contains(&id), "{since:?}, {order:?}: {heard:?}");
            }
        }
    }
}

#[tokio::test]
async fn joining_again_makes_up_for_a_function_that_died_after_its_commit() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let crowd = Crowd::of(&db, &push, &ann, 250).await;
    crowd.index_since(Some(ann.now.plus_seconds(-LONG))).await;
    for who in [&bob, &cat] {
        crowd.open(who, &who.username).await;
        crowd.run(format!("insert into members (room_id, user_id, joined_at) values ({}, {}, 0)", crowd.room, who.user)).await;
    }
    assert!(crowd.heard(&ann).await.is_empty(), "nothing says that they are there");
    crowd.join(&bob).await;
    assert_eq!(crowd.heard(&ann).await, ["bob"]);
    let new = NewMembers { user_ids: vec![cat.user], ..NewMembers::default() };
    let room = RoomRef::Id(crowd.room);
    assert_eq!(members::add(&db, &push, &ann, &room, &new).await.expect("asked").already, [cat.user]);
    assert_eq!(crowd.heard(&ann).await, ["bob", "cat"]);
}

#[tokio::test]
async fn in_an_indexed_room_absent_people_are_notified_of_what_mentions_them() {
    let bench = Bench::open().await;
    let (ann, bob, cat) = (person(&bench.db, "ann").await, bench.subscriber("bob").await, bench.subscriber("cat").await);
    let dan = bench.subscriber("dan").await;
    let crowd = Crowd::of(&bench.db, &bench.push, &ann, 250).await;
    crowd.index_since(Some(ann.now.plus_seconds(-LONG))).await;
    for who in [&bob, &cat, &dan] {
        crowd.join(who).await;
    }
    crowd.open(&dan, "dan").await;
    let Push::Memory(memory) = &bench.push else { panic!("in memory") };
    memory.take_notify_requests().await;
    crowd.say(&ann, "Hello @bob and @dan").await;
    let asked: Vec<Vec<UserId>> = memory.take_notify_requests().await.into_iter().map(|request| request.to).collect();
    assert_eq!(asked, [vec![bob.user]], "cat is not mentioned, and dan is there");
}

#[tokio::test]
async fn a_request_that_finds_no_index_sends_nothing_and_is_still_answered() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let crowd = Crowd::of(&db, &push, &ann, 250).await;
    crowd.index_since(Some(ann.now.plus_seconds(-LONG))).await;
    let unreachable = unreachable_push();
    let crowd = Crowd { push: &unreachable, ..crowd };
    let new = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
    let sending = SendRequest { room: &RoomRef::Id(crowd.room), new: &new };
    let sent = messages::send(&db, &unreachable, &limits(), &ann, sending).await.expect("stored");
    assert_eq!(sent.message.content, "Hi");
    // Whose sockets cannot be added makes the index begin anew, so that all members are asked.
    let bob = later(&person(&db, "bob").await, 7);
    crowd.join(&bob).await;
    assert_eq!(crowd.since().await, Some(bob.now.0));
    let open = audience::add_socket(&db, &unreachable, &socket(&bob, "bob"), &[]).await;
    assert_eq!(open.err().map(|error| error.code()), Some("unavailable"), "the handshake is refused");
}
