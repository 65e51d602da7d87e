//! What a lively room costs, message by message and in windows: the counts from which `make cost` computes.

use serde_json::{Value, json};
use shared::caller::Caller;
use shared::config::CoalescingConfig;
use shared::domain::fanout;
use shared::domain::messages::{self, SendRequest};
use shared::error::Limit;
use shared::protocol::messages::NewMessage;
use shared::push::Push;
use shared::push::memory::{Memory, PushWork};

use crate::attentive_rooms::{Counts, Stage, pushed};
use crate::fixture::{limits, statements};

const MEMBERS: usize = 50;
const MESSAGES: usize = 200;
/// Messages a second.
const RATE: usize = 10;
/// The defaults of the settings.
const DEFAULTS: CoalescingConfig = CoalescingConfig { sockets: 20, rate: Limit { quota: 4, window: 1 }, most: 1000 };
/// The delay of a window's delivery: a second, and what the queue takes.
const DELIVERY_MS: i64 = 1100;

/// A talk, and the number of its windows.
#[derive(Clone, Copy)]
struct Talk {
    counts: Counts,
    windows: usize,
}

/// Has all members talk in turn.
async fn talk(memory: Memory) -> Talk {
    let stage = Stage::with(Push::Memory(Box::new(memory)), MEMBERS).await;
    let start = stage.members[0].now;
    let mut talk = Talk { counts: Counts::default(), windows: 0 };
    let mut waiting = Vec::new();
    let step = 1000 / i64::try_from(RATE).expect("a number");
    for (number, time) in (0..).step_by(usize::try_from(step).expect("a number")).enumerate() {
        let mut now = start;
        now.0 += time;
        for shard in waiting.extract_if(.., |(due, _)| *due <= time).map(|(_, shard)| shard).collect::<Vec<_>>() {
            pushed(&stage.push).await;
            let (served, count) = statements(&stage.db, fanout::serve(&stage.db, &stage.push, shard, now)).await;
            served.expect("served");
            let PushWork { posts, lookups, writes } = pushed(&stage.push).await;
            let statements = usize::try_from(count).expect("a count");
            talk.counts = talk.counts.plus(Counts { posts: posts.len(), statements, lookups, writes, ..Counts::default() });
            talk.windows += 1;
        }
        if number < MESSAGES {
            let caller = Caller { now, ..stage.members[number % MEMBERS].clone() };
            let new = NewMessage { content: Some(format!("message {number}")), ..NewMessage::default() };
            let frame = json!({ "action": "send", "content": new.content, "id": 1 });
            let limits = limits();
            let sending = messages::send(&stage.db, &stage.push, &limits, &caller, SendRequest { room: &stage.room, new: &new });
            let (sent, counts) = stage.count(frame, sending).await;
            sent.expect("sent");
            talk.counts = talk.counts.plus(counts);
            let Push::Memory(memory) = &stage.push else { panic!("in memory") };
            let left = memory.take_deliveries().await;
            waiting.extend(left.into_iter().map(|shard| (time + DELIVERY_MS, shard)));
        } else if waiting.is_empty() {
            break;
        }
    }
    talk
}

/// The counts of one talk, message by message and in windows.
pub(crate) async fn counts() -> Value {
    let (single, windowed) = (talk(Memory::default()).await, talk(Memory::with_coalescing(DEFAULTS)).await);
    let (bill, coalesced) = (single.counts.billed(), windowed.counts.billed());
    assert_eq!((bill, single.windows), (MESSAGES * (2 + MEMBERS), 0));
    assert!(4 * coalesced <= bill, "{coalesced} billed frames in windows, {bill} without");
    assert!(windowed.windows >= MESSAGES / RATE / 2, "{} windows", windowed.windows);
    json!({
        "members": MEMBERS, "messages": MESSAGES, "per_second": RATE, "windows": windowed.windows,
        "single": single.counts.json(), "windowed": windowed.counts.json(),
    })
}
