//! The quotas that an account needs by the number of people online, from counted frames. `make cost` prints it.
//!
//! The inputs are the constants below and the counts of `shared/tests/it/attentive_rooms.rs` (`cost_counts.json`), as in `cost.rs`.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Deserialize;

/// The counts of the played rooms.
const COUNTS: &str = include_str!("cost_counts.json");
/// The room that everyone writes into: all members are online and read each message.
const MEMBERS: u32 = 10;
/// Seconds between two messages of a person.
const WRITES_EVERY: f64 = 120.0;
/// Seconds between two pings of a socket, and the life of a socket on API Gateway.
const PINGS_EVERY: f64 = 300.0;
const SOCKET_SECONDS: f64 = 7200.0;
/// The functions `authorizer`, `connect` and `disconnect`.
const INVOCATIONS_OF_A_SOCKET: f64 = 3.0;
/// What an invocation takes without its posts, and a post with 64 in flight, as in `cost.rs`.
const INVOCATION_SECONDS: f64 = 0.015;
const POST_SECONDS: f64 = 0.025;
/// The busiest seconds against the average.
const PEAK: f64 = 2.0;

/// Default quotas of an account: frames and requests a second of the APIs, instances of functions, new sockets a second.
const FRAMES: f64 = 10_000.0;
const INSTANCES: f64 = 1_000.0;
const SOCKETS: f64 = 500.0;

#[derive(Deserialize)]
struct Counts {
    rooms: Vec<Room>,
}

#[derive(Deserialize)]
struct Room {
    members: u32,
    message: Act,
    reads: Act,
}

#[derive(Deserialize)]
struct Act {
    #[serde(rename = "in")]
    incoming: u32,
    acks: u32,
    posts: u32,
}

impl Act {
    fn frames(&self) -> f64 {
        f64::from(self.incoming + self.acks + self.posts)
    }

    /// How long instances are busy with it; the posts of an invocation in one wave, then its ack.
    fn seconds(&self) -> f64 {
        f64::from(self.incoming) * (INVOCATION_SECONDS + POST_SECONDS) + f64::from(self.acks) * POST_SECONDS
    }
}

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(table()?.as_bytes())
}

/// Loads in the busiest seconds, and what to ask for beyond the defaults.
pub(crate) fn table() -> std::io::Result<String> {
    let counts: Counts = serde_json::from_str(COUNTS).map_err(std::io::Error::other)?;
    let room =
        counts.rooms.into_iter().find(|room| room.members == MEMBERS).ok_or_else(|| std::io::Error::other("no such room"))?;
    let mut text = format!(
        "Loads in the busiest seconds ({PEAK} times the average), by people online. Each writes every {WRITES_EVERY} s into a room of {MEMBERS} who are all \
         online and read it\n\n\
         | people online | frames a second | instances, and database connections | new sockets a second | ask for |\n|--:|--:|--:|--:|---|\n"
    );
    for people in [1_000_u32, 10_000, 100_000, 1_000_000] {
        let rate = PEAK * f64::from(people);
        let frames = rate * ((room.message.frames() + room.reads.frames()) / WRITES_EVERY + 2.0 / PINGS_EVERY);
        let busy = (room.message.seconds() + room.reads.seconds()) / WRITES_EVERY
            + INVOCATION_SECONDS * (1.0 / PINGS_EVERY + INVOCATIONS_OF_A_SOCKET / SOCKET_SECONDS);
        let (instances, sockets) = (rate * busy, rate / SOCKET_SECONDS);
        let wanted = [
            (frames > FRAMES).then(|| format!("{} requests a second", rounded(frames))),
            (instances > INSTANCES).then(|| format!("{} instances", rounded(instances))),
            (sockets > SOCKETS).then(|| format!("{} new sockets a second", rounded(sockets))),
        ];
        let wanted: Vec<String> = wanted.into_iter().flatten().collect();
        let wanted = if wanted.is_empty() { "the defaults are enough".to_owned() } else { wanted.join(", ") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {people} | {frames:.0} | {instances:.0} | {sockets:.1} | {wanted} |");
    }
    Ok(text)
}

/// The next whole thousand.
fn rounded(number: f64) -> f64 {
    (number / 1000.0).ceil() * 1000.0
}
