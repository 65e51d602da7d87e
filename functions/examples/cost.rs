//! The AWS cost of acts by room size, from list prices and counted frames, compared with other providers. `make cost` prints it.
//!
//! All members are online with one socket each and read every message. `shared/tests/it/attentive_rooms.rs` plays these rooms and counts; `make docs`
//! writes its counts. The database is excluded: its cost is per hour, not per message.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Deserialize;

/// The counts of the played rooms.
const COUNTS: &str = include_str!("cost_counts.json");

/// US dollars, us-east-1, without free tiers. Sources: the AWS Price List of September 2026; the price pages of Pusher and Ably, read in 2026.
const PRICES_OF: &str = "2026-09";

/// A unit of 32 KB in or out of a WebSocket API, for the first billion per month.
const SOCKET_MESSAGE: f64 = 1.00e-6;
/// A connection minute of API Gateway.
const SOCKET_MINUTE: f64 = 0.25e-6;
/// An invocation of a function.
const INVOCATION: f64 = 0.20e-6;
/// A GB-second, arm64.
const GB_SECOND: f64 = 0.000_013_333_4;
/// A byte of ingested logs; a GB costs 0.50.
const LOG_BYTE: f64 = 0.50e-9;
/// A read unit of DynamoDB on demand. An eventually consistent read of up to 4 KB takes half of one.
const READ_UNIT: f64 = 0.125e-6;
/// A write unit of DynamoDB on demand.
const WRITE_UNIT: f64 = 0.625e-6;
/// A request to an SQS queue, after the free first million a month.
const QUEUE_REQUEST: f64 = 0.40e-6;
/// An operation of AppSync Events: a publish or a delivery of up to 5 KB.
const APPSYNC_OPERATION: f64 = 1.00e-6;
/// A connection minute of AppSync Events or IoT Core.
const OTHER_MINUTE: f64 = 0.08e-6;
/// A message of IoT Core, in or out, of up to 5 KB.
const IOT_MESSAGE: f64 = 1.00e-6;
/// Pusher Channels sells daily volumes: "Business" has 10 million messages a day and 5,000 connections for 299 a month, fully used here.
const PUSHER_MESSAGE: f64 = 299.0 / (30.0 * 10.0e6);
/// Ably by consumption, inbound and outbound alike. Channel minutes (1.00 a million) and the base price (29 a month) are extra.
const ABLY_MESSAGE: f64 = 2.50e-6;
/// A connection minute of Ably.
const ABLY_MINUTE: f64 = 1.00e-6;

/// The memory of `send` in template.yaml.
const MEMORY_GB: f64 = 0.5;
/// A frame that is stored, without its posts: what is billed, generously (1.6 ms locally; a database across a network takes longer).
const SEND_SECONDS: f64 = 0.015;
/// The line of an invocation, with Lambda's own three.
const LINE_BYTES: f64 = 1200.0;
/// The duration of a post, and the number in flight.
const POST_SECONDS: f64 = 0.025;
const IN_FLIGHT: f64 = 64.0;

const MILLION: f64 = 1.0e6;

#[derive(Deserialize)]
struct Counts {
    rooms: Vec<Room>,
    presence: Presence,
    lively: Lively,
}

/// A room and what acts take in it.
#[derive(Deserialize)]
struct Room {
    members: u32,
    message: Act,
    /// All others read the message.
    reads: Act,
    /// One member starts to type.
    typing: Act,
    /// All members start to type within two seconds.
    all_type: Act,
    reaction: Act,
}

#[derive(Clone, Copy, Deserialize)]
struct Act {
    /// Frames from clients; each is one invocation.
    #[serde(rename = "in")]
    incoming: u32,
    acks: u32,
    posts: u32,
    statements: u32,
    /// Entries read from the registry of sockets.
    lookups: u32,
    /// Counters written in DynamoDB.
    writes: u32,
}

/// A talk in a room with many messages a second, whose members are all online.
#[derive(Deserialize)]
struct Lively {
    members: u32,
    messages: u32,
    per_second: u32,
    /// Message by message.
    single: Act,
    /// In windows.
    windowed: Act,
    /// Deliveries at the end of a window: invocations of `fanout`, through its queue.
    windows: u32,
}

/// A person with friends online who comes and goes once.
#[derive(Deserialize)]
struct Presence {
    watchers: u32,
    posts: u32,
    lookups: u32,
}

impl Act {
    fn plus(self, other: Self) -> Self {
        Self {
            incoming: self.incoming + other.incoming,
            acks: self.acks + other.acks,
            posts: self.posts + other.posts,
            statements: self.statements + other.statements,
            lookups: self.lookups + other.lookups,
            writes: self.writes + other.writes,
        }
    }

    fn frames(self) -> u32 {
        self.incoming + self.acks + self.posts
    }

    fn gateway(self) -> f64 {
        f64::from(self.frames()) * SOCKET_MESSAGE
    }

    fn lambda(self) -> f64 {
        let invocations = f64::from(self.incoming);
        // The posts of an invocation, and then its ack.
        let waves = (f64::from(self.posts) / invocations / IN_FLIGHT).ceil() * invocations + f64::from(self.acks);
        let seconds = invocations * SEND_SECONDS + waves * POST_SECONDS;
        invocations * INVOCATION + seconds * MEMORY_GB * GB_SECOND
    }

    fn logs(self) -> f64 {
        f64::from(self.incoming) * LINE_BYTES * LOG_BYTE
    }

    fn dynamodb(self) -> f64 {
        f64::from(self.lookups) * 0.5 * READ_UNIT + f64::from(self.writes) * WRITE_UNIT
    }

    fn total(self) -> f64 {
        self.gateway() + self.lambda() + self.logs() + self.dynamodb()
    }
}

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(format!("{}\n{}", frames()?, dollars()?).as_bytes())
}

fn counts() -> std::io::Result<Counts> {
    serde_json::from_str(COUNTS).map_err(std::io::Error::other)
}

/// Billed frames by act.
pub(crate) fn frames() -> std::io::Result<String> {
    let mut text = String::from(
        "Billed frames and statements of an act, by members online\n\n\
         | members | message | all others read it | both | one types | all type at once | reaction | statements: message | one reads | reaction |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let Counts { rooms, lively, .. } = counts()?;
    for Room { members, message, reads, typing, all_type, reaction } in rooms {
        let acts = [message, reads, message.plus(reads), typing, all_type, reaction].map(Act::frames);
        let [message_frames, reads_frames, both, typing, all_type, reaction_frames] = acts;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {members} | {message_frames} | {reads_frames} | **{both}** | {typing} | {all_type} | {reaction_frames} | {} | {} | {} |",
            message.statements,
            reads.statements / reads.incoming.max(1),
            reaction.statements
        );
    }
    text.push_str(&lively.frames());
    Ok(text)
}

impl Lively {
    fn frames(&self) -> String {
        let Self { members, messages, per_second, single, windowed, .. } = self;
        let mut text = format!(
            "\nBilled frames of {messages} messages in a room of {members} members online, {per_second} a second\n\n\
             | pushed | sends and acks | frames with messages | billed | a message | statements a message |\n\
             |---|--:|--:|--:|--:|--:|\n"
        );
        for (name, act) in [("one by one", single), ("in windows", windowed)] {
            let each = |number: u32| f64::from(number) / f64::from(*messages);
            let (asked, posts, billed) = (act.incoming + act.acks, act.posts, act.frames());
            let (frames, statements) = (each(billed), each(act.statements));
            let _ = writeln!(text, "| {name} | {asked} | {posts} | **{billed}** | {frames:.1} | {statements:.1} |");
        }
        text
    }

    /// Dollars for a million messages, one by one and in windows.
    fn dollars(&self) -> [f64; 2] {
        let Self { messages, single, windowed, windows, .. } = self;
        // A message in a queue is sent, received and deleted.
        let window =
            INVOCATION + 3.0 * QUEUE_REQUEST + LINE_BYTES * LOG_BYTE + (SEND_SECONDS + POST_SECONDS) * MEMORY_GB * GB_SECOND;
        let bills = [single.total(), windowed.total() + f64::from(*windows) * window];
        bills.map(|bill| MILLION * bill / f64::from(*messages))
    }
}

/// Dollars for a million messages that all members read, and for a million of each act.
pub(crate) fn dollars() -> std::io::Result<String> {
    let Counts { rooms, presence, lively } = counts()?;
    let mut text = format!(
        "Dollars for a million messages that all members read, by members online (list prices of {PRICES_OF}, us-east-1, no free tier)\n\n\
         | members | ConChat | of it API Gateway | Lambda | logs | DynamoDB | AppSync Events | IoT Core | Pusher | Ably |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for Room { members, message, reads, .. } in &rooms {
        let all = message.plus(*reads);
        let parts = [all.gateway(), all.lambda(), all.logs(), all.dynamodb()].map(|part| MILLION * part);
        let [gateway, lambda, logs, dynamodb] = parts;
        // The same publishes and deliveries; history, order, retries and membership would be extra work.
        let events = f64::from(all.incoming + all.posts);
        let others = [APPSYNC_OPERATION, IOT_MESSAGE, PUSHER_MESSAGE, ABLY_MESSAGE].map(|price| MILLION * events * price);
        let [appsync, iot, pusher, ably] = others;
        let _ = writeln!(
            text,
            "| {members} | **{:.2}** | {gateway:.2} | {lambda:.2} | {logs:.2} | {dynamodb:.2} | {appsync:.2} | {iot:.2} | {pusher:.2} | {ably:.2} |",
            parts.iter().sum::<f64>()
        );
    }
    text.push_str(
        "\nDollars for a million of each act\n\n\
         | members | message | all others read it | one types | all type at once | reaction |\n\
         |--:|--:|--:|--:|--:|--:|\n",
    );
    for Room { members, message, reads, typing, all_type, reaction } in rooms {
        let acts = [message, reads, typing, all_type, reaction].map(|act| MILLION * act.total());
        let [message, reads, typing, all_type, reaction] = acts;
        let _ = writeln!(text, "| {members} | {message:.2} | {reads:.2} | {typing:.2} | {all_type:.2} | {reaction:.2} |");
    }
    let month = 8.0 * 60.0 * 30.0;
    let beats = month / 5.0 * 2.0;
    let seen = f64::from(presence.posts) * SOCKET_MESSAGE + f64::from(presence.lookups) * 0.5 * READ_UNIT;
    let _ = writeln!(
        text,
        "\nA person online eight hours a day for a month, silent: {:.4} for minutes and {:.4} for a ping and pong every five minutes \
         (AppSync Events and IoT Core {:.4} for minutes, Ably {:.4}). Coming and going a million times before {} friends: {:.2}.",
        month * SOCKET_MINUTE,
        beats * SOCKET_MESSAGE + beats / 2.0 * (INVOCATION + GB_SECOND * MEMORY_GB * SEND_SECONDS),
        month * OTHER_MINUTE,
        month * ABLY_MINUTE,
        presence.watchers,
        MILLION * seen,
    );
    let [single, windowed] = lively.dollars();
    let _ = writeln!(
        text,
        "\nA million messages in a room of {} members online, {} a second: {single:.2} one by one, {windowed:.2} in windows.",
        lively.members, lively.per_second,
    );
    Ok(text)
}
