//! The AWS cost of a million messages by room size, from list prices, compared with other providers. `make cost` runs it.
//!
//! A message is one `send` over a socket into a room whose members are all online with one socket each. The counts match the tests: one frame in, one
//! `ack`, one frame to each member including the sender, one invocation of `send`, and above a hundred sockets one of `fanout` per five hundred. The
//! database is excluded: its cost is per hour, not per message.

use std::fmt::Write as _;
use std::io::Write as _;

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

/// The memory of `send` and `fanout` in template.yaml.
const MEMORY_GB: f64 = 0.5;
/// A send that stores and pushes to a few: what is billed, generously (1.6 ms locally; a database across a network takes longer).
const SEND_SECONDS: f64 = 0.015;
/// The line of an invocation, with Lambda's own three.
const LINE_BYTES: f64 = 1200.0;
/// The duration of a post, and the number in flight.
const POST_SECONDS: f64 = 0.025;
const IN_FLIGHT: f64 = 64.0;
/// The largest audience that `send` serves itself, and the size of a shard (`PUSH_INLINE`, `PUSH_SHARD`).
const INLINE: u32 = 100;
const SHARD: u32 = 500;

const MILLION: f64 = 1.0e6;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(table().as_bytes())
}

pub(crate) fn table() -> String {
    let mut text = format!(
        "Dollars for a million messages, by members online (list prices of {PRICES_OF}, us-east-1, no free tier)\n\n\
         | members | ConChat | of it API Gateway | Lambda | logs | DynamoDB | AppSync Events | IoT Core | Pusher | Ably |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for members in [2, 10, 100, 1000] {
        let gateway = MILLION * gateway(members);
        let (lambda, logs, dynamodb) = (MILLION * lambda(members), MILLION * logs(members), MILLION * dynamodb(members));
        // A publish and a delivery to each member; history, order, retries and membership would be extra work.
        let deliveries = f64::from(members) + 1.0;
        let others = [APPSYNC_OPERATION, IOT_MESSAGE, PUSHER_MESSAGE, ABLY_MESSAGE].map(|price| MILLION * deliveries * price);
        let [appsync, iot, pusher, ably] = others;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {members} | **{:.2}** | {gateway:.2} | {lambda:.2} | {logs:.2} | {dynamodb:.2} | {appsync:.2} | {iot:.2} | {pusher:.2} | {ably:.2} |",
            gateway + lambda + logs + dynamodb
        );
    }
    let month = 8.0 * 60.0 * 30.0;
    let beats = month / 5.0 * 2.0;
    let _ = writeln!(
        text,
        "\nA person online eight hours a day for a month, silent: {:.4} for minutes and {:.4} for a ping and pong every five minutes \
         (AppSync Events and IoT Core {:.4} for minutes, Ably {:.4}).",
        month * SOCKET_MINUTE,
        beats * SOCKET_MESSAGE + beats / 2.0 * (INVOCATION + GB_SECOND * MEMORY_GB * SEND_SECONDS),
        month * OTHER_MINUTE,
        month * ABLY_MINUTE,
    );
    text
}

/// The frame in, its ack, and a frame to each member.
fn gateway(members: u32) -> f64 {
    (2.0 + f64::from(members)) * SOCKET_MESSAGE
}

fn lambda(members: u32) -> f64 {
    let posts = f64::from(members) / IN_FLIGHT * POST_SECONDS;
    let seconds = SEND_SECONDS + posts;
    invocations(members) * INVOCATION + seconds * MEMORY_GB * GB_SECOND
}

fn logs(members: u32) -> f64 {
    invocations(members) * LINE_BYTES * LOG_BYTE
}

/// `send`, and one `fanout` per shard.
fn invocations(members: u32) -> f64 {
    let shards = if members > INLINE { members.div_ceil(SHARD) } else { 0 };
    1.0 + f64::from(shards)
}

/// One registry item per member, half a read unit each.
fn dynamodb(members: u32) -> f64 {
    f64::from(members) * 0.5 * READ_UNIT
}
