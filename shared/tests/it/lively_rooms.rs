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

/// Has all members talk in turn. The first talk also prepares the statements.
async fn talk(memory: Memory) -> Talk {
    let stage = Stage::with(Push::Memory(Box::new(memory)), MEMBERS).await;
    round(&stage, 0).await;
    round(&stage, 100).await
}

/// A talk that begins these seconds after the stage was set.
async fn round(stage: &Stage, second: i64) -> Talk {
    let Stage { db, push, room, members, .. } = stage;
    let Push::Memory(memory) = push else { panic!("in memory") };
    let start = members[0].now.plus_seconds(second);
    let mut talk = Talk { counts: Counts::default(), windows: 0 };
    let mut waiting = Vec::new();
    for (number, time) in (0..).step_by(1000 / RATE).enumerate() {
        let mut now = start;
        now.0 += time;
        let due: Vec<_> = waiting.extract_if(.., |(due, _)| *due <= time).collect();
        for (_, shard) in due {
            pushed(push).await;
            let (served, statements) = statements(db, fanout::serve(db, push, shard, now)).await;
            served.expect("served");
            let PushWork { posts, lookups, writes } = pushed(push).await;
            let statements = usize::try_from(statements).expect("a count");
            talk.counts = talk.counts.plus(Counts { posts: posts.len(), statements, lookups, writes, ..Counts::default() });
            talk.windows += 1;
        }
        if number < MESSAGES {
            let caller = Caller { now, ..members[number % MEMBERS].clone() };
            let new = NewMessage { content: Some(format!("message {number}")), ..NewMessage::default() };
            let frame = json!({ "action": "send", "content": new.content, "id": 1 });
            let limits = limits();
            let sending = messages::send(db, push, &limits, &caller, SendRequest { room, new: &new });
            let (sent, counts) = stage.count(frame, sending).await;
            sent.expect("sent");
            talk.counts = talk.counts.plus(counts);
            waiting.extend(memory.take_deliveries().await.into_iter().map(|shard| (time + DELIVERY_MS, shard)));
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
