//! Push shards: content as of serving, limited to what each recipient may see.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::auth::sessions::{self, SessionOwner};
use shared::domain::fanout;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms;
use shared::domain::rooms::members;
use shared::domain::rooms::settings;
use shared::id::{Rev, RoomId, RoomRef, Seq, SessionId};
use shared::protocol::dialect::Dialect;
use shared::protocol::messages::{Message, NewContent, NewMessage};
use shared::protocol::rooms::ChangeRoom;
use shared::push::Push;
use shared::push::memory::Memory;
use shared::push::shards::{Shard, ShardPayload};

use crate::backend::{Backend, unreachable_push};
use crate::fixture::{self, limits, person, statements};
use crate::group::Group;

/// A group of three with recorded pushes.
struct Scene {
    group: Group,
    out: Push,
    ann: Caller,
    bob: Caller,
    cat: Caller,
}

impl Scene {
    async fn open() -> Self {
        let db = fixture::database().await;
        let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
        let group = Group::of(db, &ann, &[&bob, &cat]).await;
        Self { group, out: Push::Memory(Box::default()), ann, bob, cat }
    }

    fn room(&self) -> RoomId {
        match self.group.room {
            RoomRef::Id(id) => id,
            RoomRef::Slug(_) => panic!("a group has no slug"),
        }
    }

    /// Returns the frames that a shard sends to these users, one lean socket each, in order.
    async fn served(&self, what: ShardPayload, to: &[&Caller]) -> Vec<Pushed> {
        let to = to.iter().map(|caller| (caller.user.0, caller.username.clone(), caller.session.0, true, 0)).collect();
        let shard = Shard { what, to, packed: BTreeSet::new(), attempt: 0 };
        fanout::serve(&self.group.db, &self.out, shard, self.ann.now).await.expect("served");
        let Push::Memory(memory) = &self.out else { panic!("in memory") };
        let delivered = memory.take_delivered().await.into_iter();
        delivered.map(|one| Pushed { to: one.connection.0, frame: serde_json::from_str(&one.text).expect("a frame") }).collect()
    }

    async fn all(&self, what: ShardPayload) -> Vec<Pushed> {
        self.served(what, &[&self.ann, &self.bob, &self.cat]).await
    }

    fn message(&self, message: &Message) -> ShardPayload {
        ShardPayload::Message { room_id: self.room(), seq: message.seq, rev: message.rev }
    }
}

/// A frame on a connection.
#[derive(Debug)]
struct Pushed {
    to: String,
    frame: Value,
}

fn kinds(pushed: &[Pushed]) -> Vec<(&str, &str)> {
    pushed.iter().map(|one| (one.to.as_str(), one.frame["type"].as_str().unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_message_is_pushed_unless_it_changed_then_only_the_rooms_rev_is() {
    let scene = Scene::open().await;
    let (db, push, room) = (&scene.group.db, &scene.group.push, &scene.group.room);
    let said = scene.group.said(&scene.ann, "in confidence").await;
    let pushed = scene.all(scene.message(&said)).await;
    assert_eq!(kinds(&pushed), [("ann", "message"), ("bob", "message"), ("cat", "message")]);
    let expected = shared::protocol::frames::Frame::message(said.clone());
    let expected = String::from_utf8(expected.encode(Dialect::Lean).to_vec()).expect("text");
    assert_eq!(pushed[0].frame, serde_json::from_str::<Value>(&expected).expect("a frame"), "the same as without a shard");
    // A reaction has its own frame.
    let reacting = ReactionRequest { room, seq: said.seq, emoji: "👍" };
    reactions::react(db, push, &limits(), &scene.bob, reacting).await.expect("reacted");
    let pushed = scene.all(scene.message(&said)).await;
    assert_eq!((&pushed[0].frame["type"], &pushed[0].frame["rev"]), (&"message".into(), &said.rev.0.into()));
    // A "sent" frame contains neither a later edit nor an unsend.
    let new = NewContent { content: "in public".into() };
    edits::edit(db, push, &limits(), &scene.ann, EditRequest { room, seq: said.seq, new: &new }).await.expect("edited");
    let pushed = scene.all(scene.message(&said)).await;
    assert_eq!((&pushed[0].frame["type"], &pushed[0].frame["rev"]), (&"room".into(), &said.rev.0.into()), "{pushed:?}");
    unsend::unsend(db, push, &scene.ann, room, said.seq).await.expect("unsent");
    let pushed = scene.all(scene.message(&said)).await;
    assert_eq!(kinds(&pushed), [("ann", "room"), ("bob", "room"), ("cat", "room")]);
    let nowhere = ShardPayload::Message { room_id: scene.room(), seq: Seq(4711), rev: Rev(4711) };
    assert_eq!(kinds(&scene.served(nowhere, &[&scene.bob]).await), [("bob", "room")]);
}

#[tokio::test]
async fn an_edit_is_pushed_with_its_reactions_while_it_is_the_last_change() {
    let scene = Scene::open().await;
    let (db, push, room) = (&scene.group.db, &scene.group.push, &scene.group.room);
    let said = scene.group.said(&scene.ann, "one").await;
    reactions::react(db, push, &limits(), &scene.bob, ReactionRequest { room, seq: said.seq, emoji: "👍" })
        .await
        .expect("reacted");
    let edit = async |text: &str| {
        let new = NewContent { content: text.into() };
        edits::edit(db, push, &limits(), &scene.ann, EditRequest { room, seq: said.seq, new: &new }).await.expect("edited")
    };
    let edited = edit("two").await;
    let what = ShardPayload::Edited { room_id: scene.room(), seq: edited.seq, rev: edited.rev };
    let pushed = scene.all(what.clone()).await;
    assert_eq!(pushed[2].frame["type"], "message.edited");
    assert_eq!((&pushed[2].frame["content"], &pushed[2].frame["reactions"][0]["count"]), (&"two".into(), &1.into()));
    assert!(pushed[2].frame["reactions"][0]["mine"].is_null(), "the frame has no viewer: {pushed:?}");
    edit("three").await;
    assert_eq!(scene.all(what).await[0].frame["type"], "room");
}

#[tokio::test]
async fn removed_members_and_ended_sessions_receive_nothing() {
    let scene = Scene::open().await;
    let (db, push, room) = (&scene.group.db, &scene.group.push, &scene.group.room);
    let said = scene.group.said(&scene.ann, "among us").await;
    members::remove(db, push, &scene.ann, room, scene.bob.user).await.expect("removed");
    assert_eq!(kinds(&scene.all(scene.message(&said)).await), [("ann", "message"), ("cat", "message")]);
    let name = ChangeRoom { name: Some("Elsewhere".into()), ..ChangeRoom::default() };
    settings::update(db, push, &scene.ann, room, &name).await.expect("renamed");
    let pushed = scene.all(ShardPayload::Facts { room_id: scene.room(), rev: Rev(9) }).await;
    assert_eq!(kinds(&pushed), [("ann", "room"), ("cat", "room")]);
    assert_eq!((&pushed[0].frame["room"]["name"], &pushed[0].frame["rev"]), (&"Elsewhere".into(), &9.into()));
    // A user with two sessions, one ended.
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query("insert into session_closings (session_id, user_id, cause, ended_at) values (77, ?, 'logout', 5)")
        .bind(scene.cat.user.0)
        .execute(&mut *connection)
        .await
        .expect("written");
    drop(connection);
    let over = Caller { session: SessionId(77), username: "over".into(), ..scene.cat.clone() };
    let plain = ShardPayload::Frame { lean: r#"{"type":"room.deleted"}"#.into(), full: String::new() };
    for (what, expected) in [(scene.message(&said), "message"), (plain, "room.deleted")] {
        assert_eq!(kinds(&scene.served(what, &[&over, &scene.cat]).await), [("cat", expected)]);
    }
    let busy = ShardPayload::Busy { room_id: scene.room(), rev: Rev(9), due: 0 };
    assert_eq!(kinds(&scene.served(busy, &[&over, &scene.cat]).await), [("cat", "room")]);
    let joined = ShardPayload::Joined { room_id: scene.room() };
    let pushed = scene.served(joined, &[&over, &scene.cat, &scene.bob]).await;
    assert_eq!(kinds(&pushed), [("cat", "room.joined")], "and who is no member any longer joined nothing");
}

#[tokio::test]
async fn members_and_rooms_are_pushed_in_their_current_state() {
    let scene = Scene::open().await;
    let (db, push, room) = (&scene.group.db, &scene.group.push, &scene.group.room);
    let came = |user: &Caller, came| ShardPayload::Member { room_id: scene.room(), rev: Rev(5), user_id: user.user, came };
    let pushed = scene.served(came(&scene.bob, true), &[&scene.ann]).await;
    assert_eq!(
        (&pushed[0].frame["type"], &pushed[0].frame["member"]["user"]["username"]),
        (&"member.added".into(), &"bob".into())
    );
    assert_eq!(kinds(&scene.served(came(&scene.bob, false), &[&scene.ann]).await), [("ann", "member.updated")]);
    rooms::leave(db, push, &scene.bob, room, None).await.expect("left");
    assert_eq!(kinds(&scene.served(came(&scene.bob, true), &[&scene.ann]).await), [("ann", "room")]);
    let pushed = scene.served(ShardPayload::Seen { room_id: scene.room() }, &[&scene.cat]).await;
    assert_eq!((&pushed[0].frame["type"], &pushed[0].frame["room"]["name"]), (&"room".into(), &"Group".into()));
    let friend = ShardPayload::Friend { user_id: scene.ann.user };
    assert!(scene.served(friend.clone(), &[&scene.cat]).await.is_empty(), "nothing stands between them");
    let to = shared::protocol::friends::NewFriend { user_id: Some(scene.cat.user), username: None };
    shared::domain::people::friends::send_request(db, push, &scene.ann, &to).await.expect("asked");
    let pushed = scene.served(friend.clone(), &[&scene.cat]).await;
    assert_eq!((&pushed[0].frame["type"], &pushed[0].frame["direction"]), (&"friend.request".into(), &"in".into()));
    shared::domain::people::friends::accept(db, push, &scene.cat, scene.ann.user).await.expect("accepted");
    assert_eq!(kinds(&scene.served(friend, &[&scene.cat]).await), [("cat", "friend.accepted")]);
}

#[tokio::test]
async fn a_shard_of_a_message_costs_two_statements() {
    let scene = Scene::open().await;
    let said = scene.group.said(&scene.ann, "Hi").await;
    scene.all(scene.message(&said)).await;
    let (pushed, count) = statements(&scene.group.db, scene.all(scene.message(&said))).await;
    assert_eq!((pushed.len(), count), (3, 2), "the message, and who is a member");
}

#[tokio::test]
async fn a_send_does_not_reach_ended_sessions() {
    let backend = Backend::open().await;
    let (ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let (ann, bob) = (backend.caller(&ann).await.expect("signed in"), backend.caller(&bob).await.expect("signed in"));
    let push = Push::Memory(Box::new(Memory::with_notifications(200)));
    for who in [&ann, &bob] {
        rooms::join(&backend.db, &push, who, &RoomRef::general()).await.expect("joined");
        let id = shared::id::ConnectionId(who.username.clone());
        let socket = shared::push::socket_registry::Connection {
            user: who.user,
            id,
            session: who.session,
            dialect: Dialect::Lean,
            connected_at: who.now,
        };
        push.register(&socket).await.expect("open");
    }
    let audience = async || {
        let mut connection = backend.db.acquire().await.expect("a connection");
        let members = shared::store::recipients::members(&mut connection, RoomId(1)).await.expect("members");
        drop(connection);
        push.find_audience(members, ann.now).await.away()
    };
    assert!(audience().await.is_empty());
    sessions::logout(&backend.db, &unreachable_push(), &SessionOwner::SignedIn(bob.clone())).await.expect("logged out");
    assert_eq!(audience().await, [bob.user], "whose socket is still open, and counts for nothing");
    let wide = Limits { ..limits() };
    let new = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
    messages::send(&backend.db, &push, &wide, &ann, SendRequest { room: &RoomRef::general(), new: &new }).await.expect("sent");
}
