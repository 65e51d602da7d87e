//! Model-based test of the store: random sends, receives, deletes, visibility changes and time steps. The model is a linear list; the store must
//! return what it predicts, so nothing is lost, nothing arrives early, and FIFO groups stay in order.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::delivery::{HandleState, Receipt, ReceiveQuery, Redrive};
use super::message::{Message, NewMessage};
use super::store::{Deduplication, SendTimes, Store};

const QUEUE: i64 = 1;
const LETTERS: i64 = 2;
const MAX_RECEIVES: u32 = 4;
const RETENTION: u64 = 400_000;

#[derive(Debug)]
struct Expected {
    id: String,
    group: String,
    sent_at: u64,
    visible_at: u64,
    count: u32,
    handle: Option<Receipt>,
}

struct StoreModel {
    random: Rng,
    fifo: bool,
    now: u64,
    store: Store,
    /// In the order of sending.
    queue: Vec<Expected>,
    letters: BTreeSet<String>,
    /// Deduplication id, message id and sent time.
    remembered: Vec<(String, String, u64)>,
    old_handles: Vec<Receipt>,
    sent: usize,
}

impl StoreModel {
    fn new(seed: u64, fifo: bool) -> Self {
        Self {
            random: Rng::with_seed(seed),
            fifo,
            now: 1_000_000,
            store: Store::open(None).unwrap(),
            queue: Vec::new(),
            letters: BTreeSet::new(),
            remembered: Vec::new(),
            old_handles: Vec::new(),
            sent: 0,
        }
    }

    fn step(&mut self) {
        match self.random.u32(..10) {
            0..=2 => self.send(),
            3..=5 => self.receive(),
            6 => self.delete(),
            7 => self.change_visibility(),
            8 => self.now += self.random.u64(1..20_000),
            _ => self.now += self.random.u64(1..500),
        }
        let sent_until = self.now - RETENTION;
        self.store.expire(QUEUE, sent_until).unwrap();
        self.queue.retain(|message| message.sent_at > sent_until);
        let counts = self.store.counts(QUEUE, self.now).unwrap();
        let visible = self.queue.iter().filter(|message| message.visible_at <= self.now).count();
        assert_eq!(counts.visible + counts.in_flight + counts.delayed, self.queue.len() as u64);
        assert_eq!(counts.visible, visible as u64);
        let next = self.queue.iter().map(|message| message.visible_at).filter(|at| *at > self.now).min();
        assert_eq!(self.store.next_visible(QUEUE, self.now).unwrap(), next);
    }

    fn send(&mut self) {
        self.sent += 1;
        let delay = if self.fifo || self.random.bool() { 0 } else { self.random.u64(1..10_000) };
        let group = format!("group-{}", self.random.u32(..4));
        let message =
            NewMessage { id: format!("m{}", self.sent), body: "b".into(), group: Some(group.clone()), ..NewMessage::default() };
        let deduplication = format!("d{}", self.random.usize(..self.sent.max(2)));
        let own = self.fifo.then_some(Deduplication { scope: "", id: &deduplication });
        let stored =
            self.store.send(QUEUE, &message, own, SendTimes { sent_at: self.now, visible_at: self.now + delay }).unwrap();
        let earlier =
            self.remembered.iter().rev().find(|(id, _, at)| self.fifo && *id == deduplication && *at + 300_000 > self.now);
        assert_eq!(stored.duplicate, earlier.is_some());
        if let Some((_, id, _)) = earlier {
            assert_eq!(&stored.id, id);
            return;
        }
        self.remembered.push((deduplication, message.id.clone(), self.now));
        self.queue.push(Expected {
            id: message.id,
            group,
            sent_at: self.now,
            visible_at: self.now + delay,
            count: 0,
            handle: None,
        });
    }

    fn receive(&mut self) {
        let max_messages = self.random.usize(1..=10);
        let visibility = self.random.u64(..30_000) * self.random.u64(..2);
        let taken = self.store.receive(&self.request(max_messages, visibility)).unwrap();
        let (given, moved) = self.predict(max_messages);
        let ids: Vec<&str> = taken.messages.iter().map(|message| message.id.as_str()).collect();
        assert_eq!(ids, given, "at {}", self.now);
        assert_eq!(taken.moved, moved.len());
        self.queue.retain(|message| !moved.contains(&message.id));
        self.letters.extend(moved);
        for message in &taken.messages {
            self.received(message, visibility);
        }
    }

    fn request(&self, max_messages: usize, visibility: u64) -> ReceiveQuery {
        let redrive = Redrive { target: LETTERS, max_receive_count: MAX_RECEIVES, source_arn: "arn".into() };
        ReceiveQuery {
            queue: QUEUE,
            fifo: self.fifo,
            max_messages,
            max_bytes: usize::MAX,
            now: self.now,
            visible_at: self.now + visibility,
            redrive: Some(redrive),
        }
    }

    fn received(&mut self, message: &Message, visibility: u64) {
        let expected = self.queue.iter_mut().find(|expected| expected.id == message.id).unwrap();
        assert!(expected.visible_at <= self.now, "too early: {expected:?}");
        expected.count += 1;
        assert_eq!((message.receive_count, message.sent_at), (expected.count, expected.sent_at));
        expected.visible_at = self.now + visibility;
        let handle = Receipt::decode(&message.receipt_handle).unwrap();
        self.old_handles.extend(expected.handle.replace(handle));
    }

    /// The ids that a receive returns, in order, and the ids that become dead letters.
    fn predict(&self, max_messages: usize) -> (Vec<String>, BTreeSet<String>) {
        let mut candidates: Vec<&Expected> = Vec::new();
        if self.fifo {
            let mut groups: Vec<&str> = Vec::new();
            for message in &self.queue {
                if !groups.contains(&message.group.as_str()) {
                    groups.push(&message.group);
                }
            }
            for group in groups {
                let own = self.queue.iter().filter(|message| message.group == group);
                candidates.extend(own.take_while(|message| message.visible_at <= self.now));
            }
        } else {
            candidates.extend(self.queue.iter().filter(|message| message.visible_at <= self.now));
            candidates.sort_by_key(|message| message.visible_at);
        }
        let (mut given, mut moved) = (Vec::new(), BTreeSet::new());
        for message in candidates {
            if given.len() == max_messages {
                break;
            }
            if message.count >= MAX_RECEIVES {
                moved.insert(message.id.clone());
            } else {
                given.push(message.id.clone());
            }
        }
        (given, moved)
    }

    fn delete(&mut self) {
        if self.old_handles.len() > 5 {
            let old = self.old_handles[self.random.usize(..self.old_handles.len())];
            assert!(matches!(self.store.handle_state(old, self.now).unwrap(), HandleState::Superseded | HandleState::Gone));
        }
        let with_handles: Vec<usize> = (0..self.queue.len()).filter(|at| self.queue[*at].handle.is_some()).collect();
        if with_handles.is_empty() {
            return;
        }
        let at = with_handles[self.random.usize(..with_handles.len())];
        let handle = self.queue[at].handle.unwrap();
        let state = self.store.handle_state(handle, self.now).unwrap();
        assert_eq!(matches!(state, HandleState::InFlight { .. }), self.queue[at].visible_at > self.now);
        assert!(self.store.remove(QUEUE, handle.sequence).unwrap());
        assert_eq!(self.store.handle_state(handle, self.now).unwrap(), HandleState::Gone);
        self.queue.remove(at);
    }

    fn change_visibility(&mut self) {
        let (now, at) = (self.now, self.now + self.random.u64(..20_000) * self.random.u64(..2));
        let in_flight = self.queue.iter_mut().find(|message| message.handle.is_some() && message.visible_at > now);
        if let Some(message) = in_flight {
            self.store.set_visible_at(message.handle.unwrap(), at).unwrap();
            message.visible_at = at;
        }
    }

    /// Finally, every message that was neither deleted nor expired is received exactly once.
    fn drain(mut self) {
        self.now += 50_000;
        let mut out = BTreeSet::new();
        loop {
            let before = self.letters.len();
            let given = self.predict(10).0;
            let taken = self.store.receive(&self.request(10, 1)).unwrap();
            assert_eq!(taken.messages.len(), given.len());
            self.letters.extend(self.predict(10).1);
            self.queue.retain(|message| !self.letters.contains(&message.id));
            for message in &taken.messages {
                assert!(self.store.remove(QUEUE, message.sequence).unwrap());
                assert!(out.insert(message.id.clone()), "{} came twice", message.id);
                self.queue.retain(|expected| expected.id != message.id);
            }
            if taken.messages.is_empty() && self.letters.len() == before {
                break;
            }
        }
        assert!(self.queue.is_empty(), "lost: {:?}", self.queue);
        let letters: BTreeSet<String> = self.store.letters(LETTERS);
        assert_eq!(letters, self.letters);
    }
}

impl Store {
    fn letters(&self, queue: i64) -> BTreeSet<String> {
        let mut statement = self.db.prepare("SELECT id FROM messages WHERE queue = ?1").unwrap();
        statement.query_map([queue], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

#[test]
fn random_histories_are_those_of_the_model() {
    for seed in 0..60 {
        for fifo in [false, true] {
            let mut play = StoreModel::new(seed, fifo);
            let steps = 300;
            for step in 0..steps {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play.step()));
                assert!(outcome.is_ok(), "seed {seed}, fifo {fifo}, step {step}");
            }
            play.drain();
        }
    }
}

#[test]
fn a_request_takes_no_more_bytes_than_it_may_and_at_least_one_message() {
    for fifo in [false, true] {
        let mut play = StoreModel::new(1, fifo);
        for id in 0..3 {
            let message =
                NewMessage { id: id.to_string(), body: "x".repeat(600), group: Some("g".into()), ..NewMessage::default() };
            play.store.send(QUEUE, &message, None, SendTimes { sent_at: play.now, visible_at: play.now }).unwrap();
        }
        let mut take = |max_bytes| {
            let taken = play.store.receive(&ReceiveQuery { max_bytes, redrive: None, ..play.request(10, 1000) }).unwrap();
            for message in &taken.messages {
                play.store.remove(QUEUE, message.sequence).unwrap();
            }
            taken.messages.len()
        };
        assert_eq!([take(1200), take(100), take(1200)], [2, 1, 0]);
    }
}

#[test]
fn messages_in_flight_are_counted_without_those_that_are_delayed() {
    let mut play = StoreModel::new(1, false);
    for delay in [0, 0, 0, 9000, 9000] {
        let message = NewMessage { body: "b".into(), ..NewMessage::default() };
        play.store.send(QUEUE, &message, None, SendTimes { sent_at: play.now, visible_at: play.now + delay }).unwrap();
    }
    assert_eq!(play.store.receive(&play.request(3, 5000)).unwrap().messages.len(), 3);
    let has = |now, many| play.store.has_in_flight(QUEUE, now, many).unwrap();
    assert!(has(play.now, 3) && !has(play.now, 4) && !has(play.now, 6) && !has(play.now + 5000, 1));
}
