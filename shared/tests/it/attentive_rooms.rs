//! What acts cost in rooms whose members are all online and read everything: billed frames, statements and requests to DynamoDB. The formulas are
//! asserted for each size, and `make cost` computes from the counts, which `make docs` writes.

use std::path::Path;

use serde_json::{Value, json};
use shared::caller::Caller;
use shared::domain::limits::work_costs::{self, Counter};
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::typing::{self, TypingSignal, TypingThrottle};
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms;
use shared::domain::rooms::directs;
use shared::id::{ConnectionId, RoomRef, Seq, UserId};
use shared::protocol::dialect::Dialect;
use shared::protocol::incoming;
use shared::protocol::messages::NewMessage;
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::push::Push;
use shared::push::memory::PushWork;
use shared::push::socket_registry::Connection;
use shared::store::Db;

use crate::fixture::{self, limits, person, statements};
use crate::friends::befriend;
use crate::lively_rooms;
use crate::presence;

/// The members of the rooms; two are a direct room.
const ROOMS: [usize; 4] = [2, 10, 40, 100];
/// Friends who see a person come and go.
const WATCHERS: usize = 20;

/// What an act costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Frames from clients; each is one invocation of `send`.
    pub(crate) incoming: usize,
    pub(crate) acks: usize,
    /// Frames to sockets, without acks.
    pub(crate) posts: usize,
    pub(crate) statements: usize,
    /// Entries read from the registry of sockets.
    pub(crate) lookups: usize,
    /// Counters written in DynamoDB.
    pub(crate) writes: usize,
}

impl Counts {
    /// The frames that API Gateway bills.
    pub(crate) fn billed(self) -> usize {
        self.incoming + self.acks + self.posts
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            incoming: self.incoming + other.incoming,
            acks: self.acks + other.acks,
            posts: self.posts + other.posts,
            statements: self.statements + other.statements,
            lookups: self.lookups + other.lookups,
            writes: self.writes + other.writes,
        }
    }

    pub(crate) fn json(self) -> Value {
        let Self { incoming, acks, posts, statements, lookups, writes } = self;
        json!({ "in": incoming, "acks": acks, "posts": posts, "statements": statements, "lookups": lookups, "writes": writes })
    }
}

/// Takes what was pushed, and forgets the frames.
pub(crate) async fn pushed(push: &Push) -> PushWork {
    push.take_sent().await;
    match push {
        Push::Memory(memory) => memory.take_work().await,
        Push::Cloud(_) => PushWork::default(),
    }
}

/// Registers a socket of a user and returns the user as its caller.
async fn connected(push: &Push, caller: Caller, name: &str) -> Caller {
    let (id, user) = (ConnectionId(format!("{name}-{}", caller.user)), caller.user);
    let socket = Connection { user, id: id.clone(), session: caller.session, dialect: Dialect::Packed, connected_at: caller.now };
    push.register(&socket).await.expect("open");
    Caller { connection: Some(id), ..caller }
}

/// A room and its members, each online with one socket.
pub(crate) struct Stage {
    pub(crate) db: Db,
    pub(crate) push: Push,
    pub(crate) room: RoomRef,
    pub(crate) members: Vec<Caller>,
    throttle: TypingThrottle,
}

/// The counts of one round of acts in a room.
#[derive(Clone, Copy, Debug)]
struct Round {
    message: Counts,
    /// All others read the message.
    reads: Counts,
    /// One member starts to type.
    typing: Counts,
    /// All members start to type at the same time.
    all_type: Counts,
    reaction: Counts,
}

impl Stage {
    async fn of(size: usize) -> Self {
        Self::with(Push::memory(), size).await
    }

    pub(crate) async fn with(push: Push, size: usize) -> Self {
        let db = fixture::database().await;
        let mut members = Vec::new();
        for number in 0..size {
            members.push(connected(&push, person(&db, &format!("person{number}")).await, "laptop").await);
        }
        let others: Vec<UserId> = members.iter().skip(1).map(|member| member.user).collect();
        let id = if let [other] = others[..] {
            directs::open(&db, &push, &members[0], other).await.expect("opened").0.id
        } else {
            let new = NewRoom { name: "Room".into(), member_ids: others, ..NewRoom::default() };
            rooms::create(&db, &push, &members[0], RoomKind::Group, &new).await.expect("made").id
        };
        Self { db, push, room: RoomRef::Id(id), members, throttle: TypingThrottle::default() }
    }

    fn size(&self) -> usize {
        self.members.len()
    }

    /// Returns a member at the time of a round.
    fn member(&self, number: usize, round: i64) -> Caller {
        Caller { now: self.members[0].now.plus_seconds(10 * round), ..self.members[number].clone() }
    }

    /// Counts what the frame of a client costs.
    pub(crate) async fn count<T>(&self, frame: Value, work: impl Future<Output = T>) -> (T, Counts) {
        pushed(&self.push).await;
        let (done, statements) = statements(&self.db, work).await;
        let PushWork { posts, lookups, writes } = pushed(&self.push).await;
        let incoming = incoming::read(&frame.to_string());
        let price = work_costs::of_action(Some(incoming.action.as_ref().expect("an action")));
        let counts = Counts {
            incoming: 1,
            acks: usize::from(incoming.is_answered()),
            posts: posts.len(),
            statements: usize::try_from(statements).expect("a count"),
            lookups,
            // What no row counts is counted in DynamoDB.
            writes: writes + usize::from(price.counter != Counter::Row),
        };
        (done, counts)
    }

    async fn sends(&self, round: i64) -> (Seq, Counts) {
        let new = NewMessage {
            content: Some(format!("message {round}")),
            client_id: Some(format!("c-{round}")),
            ..NewMessage::default()
        };
        let frame = json!({ "action": "send", "content": new.content, "client_id": new.client_id, "id": 1 });
        let (caller, limits) = (self.member(0, round), limits());
        let sending = messages::send(&self.db, &self.push, &limits, &caller, SendRequest { room: &self.room, new: &new });
        let (sent, counts) = self.count(frame, sending).await;
        (sent.expect("sent").message.seq, counts)
    }

    async fn marks(&self, caller: &Caller, mark: ReadMarker) -> Counts {
        let frame = match mark {
            ReadMarker::Read(seq) => json!({ "action": "read", "seq": seq }),
            ReadMarker::Delivered(seq) => json!({ "action": "delivered", "seq": seq }),
        };
        let marking = receipts::raise_marker(&self.db, &self.push, caller, &self.room, mark);
        let (marked, counts) = self.count(frame, marking).await;
        marked.expect("marked");
        counts
    }

    async fn types(&self, number: usize, round: i64) -> Counts {
        let caller = self.member(number, round);
        let connection = caller.connection.clone().expect("a socket");
        let signal = TypingSignal { connection: &connection, room: &self.room, active: true };
        let typing = typing::send(&self.db, &self.push, &caller, &self.throttle, signal);
        let (typed, counts) = self.count(json!({ "action": "typing", "active": true }), typing).await;
        typed.expect("announced, or dropped silently");
        counts
    }

    async fn reacts(&self, seq: Seq, round: i64) -> Counts {
        let emoji = "👍";
        let frame = json!({ "action": "react", "room_id": 7, "seq": seq, "emoji": emoji, "id": 1 });
        let (caller, limits) = (self.member(1, round), limits());
        let request = ReactionRequest { room: &self.room, seq, emoji };
        let reacting = reactions::react(&self.db, &self.push, &limits, &caller, request);
        let (reacted, counts) = self.count(frame, reacting).await;
        reacted.expect("reacted");
        counts
    }

    /// Plays all acts. The first round also prepares the statements.
    async fn plays(&self, round: i64) -> Round {
        let (seq, message) = self.sends(round).await;
        let mut reads = Counts::default();
        for number in 1..self.size() {
            reads = reads.plus(self.marks(&self.member(number, round), ReadMarker::Read(seq)).await);
        }
        let typing = self.types(0, 2 * round).await;
        let mut all_type = Counts::default();
        for number in 0..self.size() {
            all_type = all_type.plus(self.types(number, 2 * round + 1).await);
        }
        Round { message, reads, typing, all_type, reaction: self.reacts(seq, round).await }
    }
}

async fn round_of(size: usize) -> Round {
    let stage = Stage::of(size).await;
    stage.plays(1).await;
    stage.plays(2).await
}

fn assert_linear(size: usize, round: &Round) {
    let others = size - 1;
    // Typing is announced in rooms of up to fifty, of three members per interval.
    let (typists, heard) = (size.min(3), if size > typing::MAX_MEMBERS { 0 } else { others });
    let claims = usize::from(heard >= 3);
    let expected = [
        (round.message, (1, 1, size), (round.message.statements, size, 0)),
        (round.reads, (others, 0, others), (4 * others, 2 * others, others)),
        (round.typing, (1, 0, heard), (2, heard, 1 + claims)),
        (round.all_type, (size, 0, typists * heard), (2 * size, typists * heard, size + claims * size)),
        (round.reaction, (1, 1, size), (round.reaction.statements, size, 0)),
    ];
    for (act, (found, (incoming, acks, posts), (statements, lookups, writes))) in expected.into_iter().enumerate() {
        let expected = Counts { incoming, acks, posts, statements, lookups, writes };
        assert_eq!(found, expected, "act {act} in a room of {size}");
    }
    assert!(round.message.statements <= 8 && round.reaction.statements <= 8, "whatever the size: {round:?}");
    assert_eq!(round.message.plus(round.reads).billed(), 3 * size, "a message that all members read, room of {size}");
}

/// The counts of a person with friends who comes and goes.
async fn presence_counts() -> Value {
    let (db, push) = (fixture::database().await, Push::memory());
    let ann = person(&db, "ann").await;
    for number in 0..WATCHERS {
        let friend = connected(&push, person(&db, &format!("friend{number}")).await, "laptop").await;
        befriend(&db, &push, &ann, &friend).await;
    }
    presence::look(&db, &push, ann.now).await;
    pushed(&push).await;
    let here = connected(&push, ann.clone(), "laptop").await;
    assert_eq!(presence::look(&db, &push, ann.now).await.len(), WATCHERS);
    let came = pushed(&push).await;
    push.unregister(ann.user, &here.connection.expect("a socket"), ann.now).await.expect("closed");
    assert_eq!(presence::look(&db, &push, ann.now.plus_seconds(60)).await.len(), WATCHERS);
    let left = pushed(&push).await;
    assert_eq!((came.posts.len(), left.posts.len()), (WATCHERS, WATCHERS), "one post per friend and change");
    json!({ "watchers": WATCHERS, "posts": came.posts.len() + left.posts.len(), "lookups": came.lookups + left.lookups })
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the environment selects whether to write")]
async fn acts_are_linear_in_the_members_and_costs_are_computed_from_their_counts() {
    let mut rooms = Vec::new();
    for size in ROOMS {
        let round = round_of(size).await;
        assert_linear(size, &round);
        let Round { message, reads, typing, all_type, reaction } = round;
        let acts = [message, reads, typing, all_type, reaction].map(Counts::json);
        let [message, reads, typing, all_type, reaction] = acts;
        rooms.push(json!({
            "members": size, "message": message, "reads": reads, "typing": typing, "all_type": all_type, "reaction": reaction,
        }));
    }
    let counts = json!({ "rooms": rooms, "presence": presence_counts().await, "lively": lively_rooms::counts().await });
    let text = format!("{}\n", serde_json::to_string_pretty(&counts).expect("JSON"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/examples/cost_counts.json");
    if std::env::var_os("WRITE_COUNTS").is_some() {
        std::fs::write(&path, &text).expect("the counts can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "functions/examples/cost_counts.json is stale: run `make docs`. It is now\n{text}");
}

#[tokio::test]
async fn a_direct_message_read_at_once_takes_six_frames_and_a_report_of_its_delivery_two_more() {
    let stage = Stage::of(2).await;
    // The first message also brings the room into the other's list.
    stage.sends(1).await;
    let (seq, message) = stage.sends(2).await;
    let reader = stage.member(1, 2);
    let delivered = stage.marks(&reader, ReadMarker::Delivered(seq)).await;
    let read = stage.marks(&reader, ReadMarker::Read(seq)).await;
    assert_eq!((message.billed() + read.billed(), delivered.billed()), (6, 2));
}

#[tokio::test]
async fn a_marks_frame_goes_to_the_senders_and_to_the_other_devices_of_the_reader() {
    let stage = Stage::of(3).await;
    let Stage { db, push, room, members, .. } = &stage;
    let [ann, bob, _] = &members[..] else { panic!("three members") };
    let phone = connected(push, bob.clone(), "phone").await;
    let (seq, _) = stage.sends(1).await;
    pushed(push).await;
    let sockets = |callers: &[&Caller]| -> Vec<ConnectionId> {
        callers.iter().map(|caller| caller.connection.clone().expect("a socket")).collect()
    };
    let mark = async |caller: &Caller, seq| {
        receipts::raise_marker(db, push, caller, room, ReadMarker::Read(seq)).await.expect("marked");
        pushed(push).await.posts
    };
    assert_eq!(mark(&phone, seq).await, sockets(&[bob, ann]), "not to the socket that asked: it has the answer");
    assert_eq!(mark(&phone, seq).await, sockets(&[]), "nothing rose");
    let (seq, _) = stage.sends(2).await;
    pushed(push).await;
    let over_http = Caller { connection: None, ..phone.clone() };
    assert_eq!(mark(&over_http, seq).await, sockets(&[bob, &phone, ann]), "over HTTP, to all of one's own");
}
