//! Windows of lively rooms: which messages wait, who pushes them, and that none is lost whatever happens meanwhile.

use serde_json::Value;
use std::collections::BTreeMap;

use shared::caller::Caller;
use shared::config::CoalescingConfig;
use shared::domain::fanout;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::{self, SendRequest, unsend};
use shared::domain::rooms;
use shared::domain::rooms::{directs, members};
use shared::error::Limit;
use shared::id::{ConnectionId, RoomRef, Seq, UserId};
use shared::protocol::dialect::Dialect;
use shared::protocol::frames::Frame;
use shared::protocol::messages::{Message, NewContent, NewMessage};
use shared::protocol::rooms::NewMembers;
use shared::push::Push;
use shared::push::memory::Memory;
use shared::push::shards::{Shard, ShardPayload};
use shared::push::socket_registry::Connection;

use crate::fixture::{self, limits, person, statements};
use crate::group::Group;
use crate::notifications::Bench;

/// Coalesces the second message within ten seconds, if two sockets take packed frames.
const EAGER: CoalescingConfig = CoalescingConfig { sockets: 2, rate: Limit { quota: 1, window: 10 }, most: 1000 };

/// A group of three: Ann and Bob with `conchat.v2`, Cat with `conchat.v1`.
struct Lively {
    group: Group,
    ann: Caller,
    bob: Caller,
    cat: Caller,
}

async fn connect(push: &Push, who: &Caller, dialect: Dialect) {
    let id = ConnectionId(who.username.clone());
    let socket = Connection { user: who.user, id, session: who.session, dialect, connected_at: who.now };
    push.register(&socket).await.expect("registered");
}

impl Lively {
    async fn open() -> Self {
        Self::with(Memory::with_coalescing(EAGER)).await
    }

    async fn with(memory: Memory) -> Self {
        let db = fixture::database().await;
        let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
        let group = Group { push: Push::Memory(Box::new(memory)), ..Group::of(db, &ann, &[&bob, &cat]).await };
        for (who, dialect) in [(&ann, Dialect::Packed), (&bob, Dialect::Packed), (&cat, Dialect::Lean)] {
            connect(&group.push, who, dialect).await;
        }
        Self { group, ann, bob, cat }
    }

    fn memory(&self) -> &Memory {
        match &self.group.push {
            Push::Memory(memory) => memory,
            Push::Cloud(_) => panic!("not in memory"),
        }
    }

    /// A caller at a time after the start, in milliseconds.
    fn at(&self, who: &Caller, time: i64) -> Caller {
        let mut who = who.clone();
        who.now.0 = self.ann.now.0 + time;
        who
    }

    /// Ann sends a message at this time.
    async fn said(&self, time: i64) -> Message {
        let new = NewMessage { content: Some(format!("at {time}")), ..NewMessage::default() };
        let Group { db, push, room } = &self.group;
        let ann = self.at(&self.ann, time);
        messages::send(db, push, &limits(), &ann, SendRequest { room, new: &new }).await.expect("sent").message
    }

    async fn serve(&self, shard: Shard, time: i64) {
        let now = self.at(&self.ann, time).now;
        fanout::serve(&self.group.db, &self.group.push, shard, now).await.expect("served");
    }

    /// Takes the only delivery in the queue.
    async fn window(&self) -> Shard {
        let mut waiting = self.memory().take_deliveries().await;
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        waiting.pop().expect("one")
    }

    /// What a user was pushed since the last call, as `type seq…`.
    async fn pushed(&self) -> BTreeMap<UserId, Vec<String>> {
        let of = |frame: &Frame| match frame {
            Frame::Message { message, .. } => format!("message {}", message.seq),
            Frame::Messages { messages } => {
                messages.iter().fold("messages".to_owned(), |text, message| format!("{text} {}", message.seq))
            }
            other => serde_json::to_value(other).expect("JSON")["type"].as_str().expect("a type").to_owned(),
        };
        let mut pushed = BTreeMap::<_, Vec<_>>::new();
        for (user, frame) in self.group.frames().await {
            pushed.entry(user).or_default().push(of(&frame));
        }
        pushed
    }
}

/// What one of the users was pushed.
fn to(pushed: &BTreeMap<UserId, Vec<String>>, who: &Caller) -> Vec<String> {
    pushed.get(&who.user).cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_first_message_goes_at_once_and_the_others_together_at_the_end_of_the_window() {
    let room = Lively::open().await;
    let first = room.said(0).await;
    let seq = first.seq.0;
    assert_eq!(to(&room.pushed().await, &room.bob), [format!("message {seq}")]);
    for time in [100, 200, 300] {
        let message = room.said(time).await;
        assert_eq!(message.rev.0 - first.rev.0, message.seq.0 - seq, "stored and numbered as ever");
    }
    assert!(room.pushed().await.is_empty(), "nothing before the end");
    let window = room.window().await;
    let expected = ShardPayload::Window { room_id: first.room_id, first: Seq(seq + 1), rev: first.rev.next() };
    assert_eq!((&window.what, window.to.len()), (&expected, 0), "one delivery, without content");
    room.serve(window, 1100).await;
    let pushed = room.pushed().await;
    for packed in [&room.ann, &room.bob] {
        assert_eq!(to(&pushed, packed), [format!("messages {} {} {}", seq + 1, seq + 2, seq + 3)]);
    }
    let single: Vec<_> = (1..=3).map(|more| format!("message {}", seq + more)).collect();
    assert_eq!(to(&pushed, &room.cat), single, "older clients get single frames, in order");
    room.said(1200).await;
    assert!(room.pushed().await.is_empty(), "the room is still lively: the next window opens");
    room.window().await;
}

#[tokio::test]
async fn a_frame_of_a_window_has_the_messages_as_single_frames_have_them() {
    let room = Lively::open().await;
    let alone = room.said(0).await;
    let (one, two) = (room.said(100).await, room.said(200).await);
    room.memory().take_delivered().await;
    let window = room.window().await;
    room.serve(window, 1100).await;
    let delivered = room.memory().take_delivered().await;
    let of_bob: Vec<Value> = delivered
        .iter()
        .filter(|delivered| delivered.connection.0 == "bob")
        .map(|delivered| serde_json::from_str(&delivered.text).expect("JSON"))
        .collect();
    assert_eq!(of_bob.len(), 1);
    let expected = serde_json::to_value([&one, &two]).expect("JSON");
    assert_eq!((&of_bob[0]["type"], &of_bob[0]["messages"]), (&"messages".into(), &expected));
    assert_eq!(expected[0]["rev"], alone.rev.0 + 1);
}

#[tokio::test]
async fn what_changed_within_the_window_is_announced_and_the_rest_arrives() {
    let room = Lively::open().await;
    room.said(0).await;
    let (kept, edited, gone, liked) = (room.said(100).await, room.said(110).await, room.said(120).await, room.said(130).await);
    let Group { db, push, room: name } = &room.group;
    let new = NewContent { content: "better".into() };
    edits::edit(db, push, &limits(), &room.ann, EditRequest { room: name, seq: edited.seq, new: &new }).await.expect("edited");
    unsend::unsend(db, push, &room.ann, name, gone.seq).await.expect("unsent");
    let like = ReactionRequest { room: name, seq: liked.seq, emoji: "👍" };
    reactions::react(db, push, &limits(), &room.bob, like).await.expect("reacted");
    let last = room.said(200).await;
    room.pushed().await;
    let window = room.window().await;
    room.memory().take_delivered().await;
    room.serve(window, 1100).await;
    let delivered = room.memory().take_delivered().await;
    assert!(delivered.iter().all(|delivered| !delivered.text.contains("at 120")), "what was unsent is never pushed");
    let (kept, last) = (format!("message {}", kept.seq), format!("message {}", last.seq));
    let expected = [kept.as_str(), "room", "room", "room", last.as_str()];
    let pushed = room.pushed().await;
    assert_eq!(
        (to(&pushed, &room.bob), to(&pushed, &room.cat)),
        (expected.map(str::to_owned).into(), expected.map(str::to_owned).into())
    );
}

#[tokio::test]
async fn who_left_gets_nothing_and_who_joined_fetches_what_is_theirs() {
    let room = Lively::open().await;
    let dan = person(&room.group.db, "dan").await;
    connect(&room.group.push, &dan, Dialect::Packed).await;
    room.said(0).await;
    room.said(100).await;
    let Group { db, push, room: name } = &room.group;
    rooms::leave(db, push, &room.bob, name, None).await.expect("left");
    let who = NewMembers { user_ids: vec![dan.user], ..NewMembers::default() };
    members::add(db, push, &room.ann, name, &who).await.expect("added");
    sqlx::query("update members set visible_from_seq = 4 where user_id = ?")
        .bind(dan.user.0)
        .execute(&mut *db.acquire().await.expect("a connection"))
        .await
        .expect("a room that shows newcomers nothing older");
    let last = room.said(200).await;
    room.pushed().await;
    let window = room.window().await;
    room.serve(window, 1100).await;
    let pushed = room.pushed().await;
    assert_eq!(to(&pushed, &room.bob), [""; 0]);
    assert_eq!(to(&pushed, &dan), ["room"], "not the message before the membership");
    assert_eq!(to(&pushed, &room.ann), [format!("messages {} {}", last.seq.0 - 3, last.seq)], "system messages came singly");
}

#[tokio::test]
async fn without_a_queue_and_after_a_failure_of_it_every_message_goes_at_once() {
    let room = Lively::with(Memory::with_coalescing(EAGER).without_queue()).await;
    for time in [0, 100, 200] {
        let message = room.said(time).await;
        assert_eq!(to(&room.pushed().await, &room.cat), [format!("message {}", message.seq)]);
    }
}

#[tokio::test]
async fn a_late_delivery_holds_nothing_back_and_loses_nothing() {
    let room = Lively::open().await;
    room.said(0).await;
    let (one, two) = (room.said(100).await, room.said(3000).await);
    room.pushed().await;
    let late = room.window().await;
    let three = room.said(3100).await;
    let second = room.window().await;
    assert_eq!(
        second.what,
        ShardPayload::Window { room_id: three.room_id, first: three.seq, rev: three.rev },
        "two seconds late counts as never"
    );
    room.serve(late, 3300).await;
    let all = format!("messages {} {} {}", one.seq, two.seq, three.seq);
    assert_eq!(to(&room.pushed().await, &room.bob), [all], "it closes the window after its own, too");
    let four = room.said(3400).await;
    let third = room.window().await;
    room.serve(second, 4200).await;
    assert_eq!(
        to(&room.pushed().await, &room.bob),
        [format!("messages {} {}", three.seq, four.seq)],
        "clients drop what they have"
    );
    for time in [4500, 4600] {
        room.serve(third.clone(), time).await;
        assert_eq!(to(&room.pushed().await, &room.bob), [format!("message {}", four.seq)], "a queue delivers at least once");
    }
    let five = room.said(14_400).await;
    assert_eq!(to(&room.pushed().await, &room.bob), [format!("message {}", five.seq)], "after a pause at once");
}

#[tokio::test]
async fn rooms_of_few_or_older_sockets_and_direct_rooms_are_not_coalesced() {
    let room = Lively::with(Memory::with_coalescing(CoalescingConfig { sockets: 3, ..EAGER })).await;
    for time in [0, 100, 200] {
        room.said(time).await;
        assert_eq!(room.pushed().await.len(), 3, "two of three sockets take packed frames");
    }
    let room = Lively::open().await;
    let Group { db, push, .. } = &room.group;
    let direct = directs::open(db, push, &room.ann, room.bob.user).await.expect("opened").0.id;
    for time in [0, 100, 200] {
        let new = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
        let ann = room.at(&room.ann, time);
        room.pushed().await;
        let sending = SendRequest { room: &RoomRef::Id(direct), new: &new };
        let seq = messages::send(db, push, &limits(), &ann, sending).await.expect("sent").message.seq;
        assert!(to(&room.pushed().await, &room.bob).contains(&format!("message {seq}")));
    }
}

#[tokio::test]
async fn a_message_that_waits_costs_its_sender_no_audience_and_a_window_few_statements() {
    let room = Lively::open().await;
    let (db, memory) = (&room.group.db, room.memory());
    room.said(0).await;
    let (_, at_once) = statements(db, room.said(20_000)).await;
    room.said(20_100).await;
    memory.take_work().await;
    let (_, waits) = statements(db, room.said(20_200)).await;
    assert_eq!(memory.take_work().await, shared::push::memory::PushWork::default(), "no look-up and no post");
    assert_eq!(waits, at_once - 1, "the audience is not read");
    let window = room.window().await;
    room.serve(window, 21_100).await;
    room.said(21_200).await;
    let window = room.window().await;
    let ((), served) = statements(db, room.serve(window, 22_300)).await;
    assert_eq!(served, 5, "closing, messages, reactions, newcomers, members");
}

#[tokio::test]
async fn notifications_of_a_window_are_requested_at_its_end() {
    let memory = Memory::with_coalescing(EAGER).notifying(200);
    let bench = Bench { push: Push::Memory(Box::new(memory)), ..Bench::open().await };
    let (ann, bob, away) = (bench.subscriber("ann").await, bench.subscriber("bob").await, bench.subscriber("away").await);
    let group = bench.group(&ann, &[&bob, &away]).await;
    for who in [&ann, &bob] {
        connect(&bench.push, who, Dialect::Packed).await;
    }
    bench.send(&ann, group, "one").await;
    bench.requests().await;
    let (two, three) = (bench.send(&ann, group, "two").await, bench.send(&ann, group, "three").await);
    assert!(bench.requests().await.is_empty());
    let Push::Memory(memory) = &bench.push else { panic!("in memory") };
    let window = memory.take_deliveries().await.pop().expect("a window");
    fanout::serve(&bench.db, &bench.push, window, ann.now.plus_seconds(1)).await.expect("served");
    let requests: Vec<_> = bench.requests().await.into_iter().map(|request| (request.seq, request.to)).collect();
    assert_eq!(requests, [(two, vec![away.user]), (three, vec![away.user])]);
}
