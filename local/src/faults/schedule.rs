//! What is to break, as JSON says it. A value that was read is in range: whoever applies it need not look again.

use std::{collections::BTreeSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Everything that may be asked for at once; `{}` asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Instances end in the middle of an invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<Kill>,
    /// Invocations run twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// What is posted to sockets arrives not at all, twice, late, or after what was posted later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
    /// Posts answered with 410; the socket is lost with it, as there is none behind a 410 of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<Posts>,
    /// Posts answered with 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Posts>,
    /// `$disconnect` does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect: Option<Disconnect>,
    /// The database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mysql: Option<Trouble>,
    /// DynamoDB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamodb: Option<Trouble>,
    /// S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<Trouble>,
    /// SQS, as functions reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs: Option<Trouble>,
    /// Limits of sockets and rates of schedules, compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// New instances take longer to their first poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold_start: Option<ColdStart>,
    /// Fewer invocations at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// What the dice are made of; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// Ends instances by SIGKILL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// Logical id or binary; every function when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// When in its invocation.
    pub at: At,
    /// How often.
    #[serde(default)]
    pub rate: Rate,
}

/// A moment of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// The instance has the invocation, the handler does not run.
    BeforeHandler,
    /// The database has committed, the function never hears of it. Rolled for every `COMMIT`.
    AfterCommit,
    /// All is done but the answer.
    BeforeResponse,
}

/// Runs an invocation a second time, with the same event and request id. Whoever waits gets the second answer, as after a first that was lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Logical id or binary; every function when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// How often.
    #[serde(default)]
    pub rate: Rate,
}

/// What becomes of posts that are answered with 200.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Push {
    /// Never arrives.
    pub lose: Rate0,
    /// Arrives twice.
    pub double: Rate0,
    /// Arrives after the next one to the same socket, or a fifth of a second later.
    pub reorder: Rate0,
    /// Every one arrives so much later.
    pub delay_ms: Millis,
}

/// Which posts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a rate from 0 to 1, or {\"posts\": [numbers of posts, the first being 1]}")]
pub enum Posts {
    /// Some of all.
    Rate(Rate0),
    /// These, counted over all sockets since the faults were set.
    Numbers {
        /// Their numbers; the first is 1.
        posts: BTreeSet<u64>,
    },
}

/// Sockets whose end is told to nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// How many of them.
    pub lose: Rate,
}

/// What is wrong with a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// How it shows.
    pub mode: Mode,
    /// How much later a slow one gets what is asked.
    #[serde(default = "half_a_second")]
    pub ms: Millis,
    /// How many of the exchanges (a request and its answer) are concerned.
    #[serde(default)]
    pub rate: Rate,
}

/// How a store's trouble shows to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It answers later.
    Slow,
    /// The connection breaks before the request gets there; new ones break at once.
    Refuse,
    /// The request is taken and never answered; when the faults change, the connection breaks.
    Hang,
    /// The request is carried out, and the connection breaks instead of its answer.
    Reset,
}

/// Limits of sockets, rates of schedules.
#[expect(clippy::struct_field_names, reason = "each says its unit, as in the JSON")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Time {
    /// Instead of ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_s: Option<Seconds>,
    /// Instead of two hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<Seconds>,
    /// Instead of the rates of schedules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_s: Option<Seconds>,
}

/// Slower starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdStart {
    /// How much later an instance gets its first event.
    pub delay_ms: Millis,
}

/// A cap on invocations at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Logical id or binary; all functions together when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// So many and no more; 0 throttles everything.
    pub limit: u32,
}

fn half_a_second() -> Millis {
    Millis(500)
}

/// How often: from 0, never, to 1, always. Always when it is not said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(f64);

impl Rate {
    /// As a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for Rate {
    type Error = OutOfRange;

    fn try_from(rate: f64) -> Result<Self, OutOfRange> {
        if (0.0..=1.0).contains(&rate) { Ok(Self(rate)) } else { Err(OutOfRange("a rate is a number from 0 to 1")) }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

/// A rate that is 0 when it is not said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate0(pub Rate);

impl Default for Rate0 {
    fn default() -> Self {
        Self(Rate(0.0))
    }
}

/// A short time: ten minutes at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Millis(u64);

impl Millis {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl TryFrom<u64> for Millis {
    type Error = OutOfRange;

    fn try_from(ms: u64) -> Result<Self, OutOfRange> {
        if ms <= 600_000 { Ok(Self(ms)) } else { Err(OutOfRange("milliseconds, 600000 at most")) }
    }
}

impl From<Millis> for u64 {
    fn from(millis: Millis) -> Self {
        millis.0
    }
}

/// A time above zero, two hours at most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(f64);

impl Seconds {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl TryFrom<f64> for Seconds {
    type Error = OutOfRange;

    fn try_from(seconds: f64) -> Result<Self, OutOfRange> {
        if seconds > 0.0 && seconds <= 7200.0 { Ok(Self(seconds)) } else { Err(OutOfRange("seconds above 0, 7200 at most")) }
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

/// What a number should have been.
#[derive(Debug)]
pub struct OutOfRange(&'static str);

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for OutOfRange {}
