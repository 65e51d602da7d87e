//! A client that follows the protocol reaches the exact state of its room, of the people in it and of what only its user sees or sets, although pushes
//! are lost, duplicated, delayed or reordered: random histories, each compared with the store.
//!
//! `CONVERGENCE_SEED` repeats a run of `CONVERGENCE_HISTORIES` (default 500) histories. A failure names the seed of its history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use fastrand::Rng;
use shared::caller::Caller;
use shared::config::CoalescingConfig;
use shared::domain::fanout;
use shared::domain::limits::throttle::Throttle;
use shared::domain::messages::SendRequest;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::pins;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, HistoryRange};
use shared::domain::paging::PageRequest;
use shared::domain::people::profiles;
use shared::domain::rooms;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::error::{Error, Limit, Result};
use shared::id::{ConnectionId, RoomId, RoomRef, Seq};
use shared::protocol::dialect::Dialect;
use shared::protocol::frames::Frame;
use shared::protocol::messages::{Message, MessageKind, NewContent, NewMessage, Reply};
use shared::protocol::people::Notifications;
use shared::protocol::profiles::{ChangeMe, ChangeMySettings};
use shared::protocol::rooms::{ChangeRoom, NewRoom, Role, RoomKind};
use shared::push::Push;
use shared::push::memory::Memory;
use shared::push::socket_registry::Connection;
use shared::store::Db;

use crate::backend::unreachable_throttle;
use crate::client_model::Client;
use crate::fixture::{self, limits, person};

/// Concurrent histories, each task with its own connection.
const TASKS: u64 = 3;
const STEPS: usize = 14;
/// Coalesces the second message within three seconds.
const EAGER: CoalescingConfig = CoalescingConfig { sockets: 2, rate: Limit { quota: 1, window: 3 }, most: 1000 };
/// Some in two spellings, which are one reaction.
const EMOJI: [&str; 6] = ["👍", "👍\u{fe0f}", "🎉", "👋🏽", "❤", "❤\u{fe0f}"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_converge_whatever_happens_to_the_pushes() {
    let seed = given("CONVERGENCE_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    let histories = given("CONVERGENCE_HISTORIES").unwrap_or(500);
    // Not `println!`, which the harness hides on success.
    writeln!(std::io::stderr(), "convergence: {histories} histories from CONVERGENCE_SEED={seed}").expect("a line");
    let url = fixture::migrated().await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let url = url.clone();
            tokio::spawn(async move {
                let db = Db::lazy(&url).expect("a URL");
                for history in (task..histories).step_by(usize::try_from(TASKS).expect("few")) {
                    History::run(&db, seed + history).await;
                }
            })
        })
        .collect();
    for task in tasks {
        if let Err(failed) = task.await {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment selects the histories to repeat")]
fn given(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

/// One room, its users, their devices, and the connections to them.
struct History<'a> {
    db: &'a Db,
    push: Push,
    throttle: Throttle,
    rng: Rng,
    room: RoomRef,
    people: Vec<Caller>,
    clients: Vec<Client>,
    /// Frames in flight to each client.
    wires: Vec<Vec<Frame>>,
    /// Messages that may be retried: sender, content, seq.
    sent: Vec<(usize, NewMessage, Seq)>,
    last_seq: Seq,
    trail: String,
}

impl<'a> History<'a> {
    async fn run(db: &'a Db, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let mut people = Vec::new();
        for number in 0..3 {
            people.push(person(db, &format!("p{seed}-{number}")).await);
        }
        let member_ids = people[1..=rng.usize(1..=2)].iter().map(|caller| caller.user).collect();
        let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
        // In half of the histories, most messages wait for the end of a window.
        let push = if rng.bool() { Push::Memory(Box::new(Memory::with_coalescing(EAGER))) } else { Push::memory() };
        let RoomId(id) = rooms::create(db, &push, &people[0], RoomKind::Public, &new).await.expect("made").id;
        // The second user has two devices.
        let clients: Vec<_> = [0, 1, 2, 1].iter().map(|who| Client::new(people[*who].clone(), RoomId(id))).collect();
        for (number, client) in clients.iter().enumerate() {
            let Caller { user, session, now, .. } = client.caller;
            let id = ConnectionId(number.to_string());
            let socket = Connection { user, id, session, dialect: Dialect::of_flags(true, number != 2), connected_at: now };
            push.register(&socket).await.expect("registered");
        }
        let wires = vec![Vec::new(); clients.len()];
        let room = RoomRef::Id(RoomId(id));
        let mut history = Self {
            db,
            push,
            throttle: unreachable_throttle(),
            rng,
            room,
            people,
            clients,
            wires,
            sent: Vec::new(),
            last_seq: Seq(0),
            trail: String::new(),
        };
        for client in &mut history.clients {
            client.resume(db).await;
        }
        for step in 0..STEPS {
            history.step(step).await;
        }
        history.end_windows().await;
        history.send_off().await;
        history.settle().await;
        if let Err(difference) = history.compare().await {
            panic!("CONVERGENCE_SEED={seed} CONVERGENCE_HISTORIES=1 ends otherwise: {difference}\n{}", history.trail);
        }
    }

    /// Runs a command, puts its frames in flight, delivers some in any order, and lets some clients sync.
    async fn step(&mut self, number: usize) {
        for caller in self.people.iter_mut().chain(self.clients.iter_mut().map(|client| &mut client.caller)) {
            caller.now.0 += 1000;
        }
        let who = self.rng.usize(..self.people.len());
        let outcome = self.command(who, number).await;
        let _ = writeln!(self.trail, "  -> {}", outcome.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned()));
        assert!(!matches!(outcome, Err(Error::Internal(_) | Error::Unavailable { .. })), "{outcome:?}\n{}", self.trail);
        if self.rng.u8(..3) == 0 {
            self.end_windows().await;
        }
        self.send_off().await;
        for client in 0..self.clients.len() {
            for _ in 0..self.rng.usize(..4) {
                self.arrive(client);
            }
            if self.rng.u8(..8) == 0 {
                self.clients[client].ping(self.db).await;
            }
            if self.rng.u8(..8) == 0 {
                self.clients[client].hello(self.db).await;
            }
            if self.rng.u8(..8) == 0 {
                self.clients[client].resume(self.db).await;
            }
            if self.rng.u8(..3) == 0 {
                let limit = self.rng.u32(1..6);
                self.clients[client].catch_up(self.db, limit).await;
            }
        }
    }

    /// Serves the deliveries in the queue in any order, some of them twice.
    async fn end_windows(&mut self) {
        let Push::Memory(memory) = &self.push else { return };
        let mut waiting = memory.take_deliveries().await;
        self.rng.shuffle(&mut waiting);
        for shard in waiting {
            let _ = writeln!(self.trail, "  {:?}", shard.what);
            for _ in 0..self.rng.usize(1..=2) {
                fanout::serve(self.db, &self.push, shard.clone(), self.people[0].now).await.expect("served");
            }
        }
    }

    async fn command(&mut self, who: usize, number: usize) -> Result<()> {
        let caller = self.people[who].clone();
        let (db, push, room) = (self.db, &self.push, &self.room);
        let seq = Seq(self.rng.u64(1..=self.last_seq.0 + 1));
        let emoji = EMOJI[self.rng.usize(..EMOJI.len())];
        let kind = self.rng.u8(..28);
        let _ = write!(self.trail, "{}: {kind} at {seq}", caller.username);
        match kind {
            0..=6 => {
                let client_id = self.rng.bool().then(|| format!("c-{number}"));
                let reply_to = (self.rng.u8(..3) == 0).then_some(seq);
                let new = NewMessage { content: Some(format!("message {number}")), client_id, reply_to, ..NewMessage::default() };
                let sent = messages::send(db, push, &limits(), &caller, SendRequest { room, new: &new }).await?;
                self.last_seq = sent.message.seq;
                if new.client_id.is_some() {
                    self.sent.push((who, new, sent.message.seq));
                }
            }
            7 => {
                let Some((who, new, seq)) = self.rng.choice(&self.sent) else { return Ok(()) };
                let again = messages::send(db, push, &limits(), &self.people[*who], SendRequest { room, new }).await?;
                assert_eq!((again.replayed, again.message.seq), (true, *seq), "a retry gives the first message\n{}", self.trail);
            }
            8 | 9 => {
                let new = NewContent { content: format!("edited {number}") };
                edits::edit(db, push, &limits(), &caller, EditRequest { room, seq, new: &new }).await?;
            }
            10 | 11 => drop(unsend::unsend(db, push, &caller, room, seq).await?),
            12 | 13 => drop(reactions::react(db, push, &limits(), &caller, ReactionRequest { room, seq, emoji }).await?),
            14 => drop(reactions::unreact(db, push, &limits(), &caller, ReactionRequest { room, seq, emoji }).await?),
            15 => drop(pins::pin(db, push, &caller, room, seq).await?),
            16 => drop(pins::unpin(db, push, &caller, room, seq).await?),
            17 => drop(rooms::join(db, push, &caller, room).await?),
            18 => drop(rooms::leave(db, push, &caller, room, None).await?),
            19 => {
                let whom = self.people[self.rng.usize(..self.people.len())].user;
                match self.rng.u8(..3) {
                    0 => members::remove(db, push, &caller, room, whom).await?,
                    1 => drop(members::set_role(db, push, &caller, MemberRef { room, user: whom }, Role::Admin).await?),
                    _ => {
                        let change = ChangeRoom { name: Some(format!("Room {number}")), ..ChangeRoom::default() };
                        settings::update(db, push, &caller, room, &change).await?;
                    }
                }
            }
            20 | 21 => unsend::hide(db, push, &caller, room, seq).await?,
            22 | 23 => {
                let until = self.rng.bool().then(|| caller.now.plus_seconds(3600));
                drop(rooms::mute(db, push, &caller, room, until).await?);
            }
            24 | 25 => {
                let change = if kind == 24 {
                    ChangeMe { display_name: Some(format!("Person {number}")), ..ChangeMe::default() }
                } else {
                    let notifications = if self.rng.bool() { Notifications::Mentions } else { Notifications::All };
                    let settings = ChangeMySettings { notifications: Some(notifications), ..ChangeMySettings::default() };
                    ChangeMe { settings, ..ChangeMe::default() }
                };
                profiles::change(db, push, &self.throttle, &caller, &change).await?;
            }
            _ => {
                let mark = if self.rng.u8(..4) == 0 { ReadMarker::Delivered(seq) } else { ReadMarker::Read(seq) };
                let receipt = receipts::raise_marker(db, push, &caller, room, mark).await?;
                self.clients[who].mark(&receipt);
            }
        }
        Ok(())
    }

    /// Loses, delivers or duplicates each frame, for each device separately.
    async fn send_off(&mut self) {
        for (user, frame) in self.push.take_sent().await {
            for (client, wire) in self.clients.iter().zip(&mut self.wires).filter(|(client, _)| client.caller.user == user) {
                let copies = match self.rng.u8(..10) {
                    0..=1 => 0,
                    2 => 2,
                    _ => 1,
                };
                wire.extend(std::iter::repeat_n(frame.clone(), copies));
                let text = String::from_utf8_lossy(&frame.encode(Dialect::Lean)).chars().take(160).collect::<String>();
                let _ = writeln!(self.trail, "  {copies} × {text} to {}", client.caller.username);
            }
            if let Frame::Message { message, .. } = frame {
                self.last_seq = self.last_seq.max(message.seq);
            }
        }
    }

    /// Delivers a frame in flight, older ones with higher probability.
    fn arrive(&mut self, client: usize) {
        let wire = &mut self.wires[client];
        if !wire.is_empty() {
            let at = if self.rng.u8(..3) == 0 { self.rng.usize(..wire.len()) } else { 0 };
            let frame = wire.remove(at);
            self.clients[client].receive(&frame);
        }
    }

    /// Delivers the rest, and lets every client resume as after a pause.
    async fn settle(&mut self) {
        for client in 0..self.clients.len() {
            while !self.wires[client].is_empty() {
                self.arrive(client);
            }
            self.clients[client].resume(self.db).await;
            self.clients[client].catch_up(self.db, 100).await;
        }
    }

    /// Compares each client with what the store shows its user.
    async fn compare(&self) -> std::result::Result<(), String> {
        for client in &self.clients {
            let (db, caller) = (self.db, &client.caller);
            let room = rooms::find(db, caller, &self.room).await.expect("a public room");
            let (true, Some(held)) = (room.joined, client.held()) else {
                if room.joined == client.held().is_some() {
                    continue;
                }
                return Err(format!("{} is a member: {}", caller.username, room.joined));
            };
            let items =
                messages::history(db, caller, &self.room, HistoryRange::After(Seq(0)), Some(100)).await.expect("history").items;
            let page = members::list(db, caller, &self.room, PageRequest::default()).await.expect("members");
            let stranger = page
                .items
                .iter()
                .find(|member| client.private.name_of(member.user.id) != Some(member.user.display_name.as_str()));
            if let Some(stranger) = stranger {
                let seen = client.private.name_of(stranger.user.id);
                return Err(format!("{} calls {:?} {seen:?}", caller.username, stranger.user));
            }
            let people: BTreeMap<_, _> = page.items.into_iter().map(|member| (member.user.id, member.role)).collect();
            let counts = |message: &&Message| message.deleted_at.is_none() && message.kind != MessageKind::System;
            let unread = items.iter().filter(|message| message.seq > held.read_seq).filter(counts).count();
            let last = items.iter().rfind(|message| message.kind != MessageKind::System).map(|message| message.seq);
            if room.last_message.as_ref().map(|message| message.seq) != last {
                return Err(format!("{} sees {:?} as the last message, not {last:?}", caller.username, room.last_message));
            }
            // A quote of a message that the user hid shows nothing.
            let previewed = |mut message: Message| {
                if let Some(reply) = message.reply_to.as_mut().filter(|reply| client.private.hidden.contains(&reply.seq)) {
                    *reply = Reply { seq: reply.seq, username: None, kind: MessageKind::Text, preview: String::new() };
                }
                message
            };
            let shown: Vec<_> = held.shown().into_iter().map(previewed).collect();
            if let Some((truth, seen)) = items.iter().zip(&shown).find(|(truth, seen)| truth != seen) {
                return Err(format!("{} sees\n{seen:?}\nfor\n{truth:?}", caller.username));
            }
            let truth = (items.len(), &people, &room.name, Some(held.read_seq), room.unread, room.rev);
            let seen = (shown.len(), &held.members, &held.name, room.read_seq, held.unread(), held.rev);
            if truth != seen || usize::try_from(room.unread) != Ok(unread) {
                return Err(format!("{} sees\n{seen:?}\nfor\n{truth:?}; counted {unread} unread", caller.username));
            }
            let own = (Some(profiles::me(db, caller).await.expect("an account")), room.muted_until);
            let known = (client.private.me.clone(), client.private.muted_until);
            if own != known {
                return Err(format!("{} has\n{known:?}\nfor\n{own:?}", caller.username));
            }
        }
        Ok(())
    }
}
