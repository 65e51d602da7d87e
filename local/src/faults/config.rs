//! The configuration of faults, as JSON. Values are validated when they are parsed.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// All faults; `{}` configures none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultConfig {
    /// Kills instances during an invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<KillFault>,
    /// Runs invocations twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayFault>,
    /// Loses, duplicates, delays or reorders posts to sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<PushFault>,
    /// Answers posts with 410 and drops the socket, because a 410 of AWS means that the socket is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<PostSelection>,
    /// Answers posts with 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<PostSelection>,
    /// Skips `$disconnect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect: Option<DisconnectFault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mysql: Option<StoreFault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamodb: Option<StoreFault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<StoreFault>,
    /// SQS, as seen by functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs: Option<StoreFault>,
    /// Shorter socket limits and schedule intervals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeOverrides>,
    /// Delays cold starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold_start: Option<ColdStart>,
    /// Limits concurrent invocations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Seed of the random sequences; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// Kills instances with SIGKILL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillFault {
    /// Logical id or binary; every function when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The moment within the invocation.
    pub at: KillPoint,
    /// Probability.
    #[serde(default)]
    pub rate: Rate,
}

/// A moment of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillPoint {
    /// The instance has received the invocation; the handler does not run.
    BeforeHandler,
    /// The database has committed; the function gets no reply. Drawn for every `COMMIT`.
    AfterCommit,
    /// The handler has finished; the response is lost.
    BeforeResponse,
}

/// Runs an invocation twice with the same event and request id. The caller gets the second result, as if the first was lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayFault {
    /// Logical id or binary; every function when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Probability.
    #[serde(default)]
    pub rate: Rate,
}

/// Faults of posts that are answered with 200.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushFault {
    /// Never arrives.
    pub lose: RateOrZero,
    /// Arrives twice.
    pub double: RateOrZero,
    /// Arrives after the next post to the same socket, or 200 ms later.
    pub reorder: RateOrZero,
    /// Delay of every post.
    pub delay_ms: Millis,
}

/// Which posts are affected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a rate from 0 to 1, or {\"posts\": [numbers of posts, from 1]}")]
pub enum PostSelection {
    /// A random share.
    Rate(RateOrZero),
    /// Specific posts, counted over all sockets since the faults were set.
    Numbers {
        /// Their numbers, from 1.
        posts: BTreeSet<u64>,
    },
}

/// Sockets whose `$disconnect` is skipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisconnectFault {
    /// Probability.
    pub lose: Rate,
}

/// A fault of a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreFault {
    pub mode: StoreFaultMode,
    /// Delay in mode `slow`.
    #[serde(default = "half_a_second")]
    pub ms: Millis,
    /// Share of the affected exchanges (a request and its response).
    #[serde(default)]
    pub rate: Rate,
}

/// How a store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreFaultMode {
    /// Responds later.
    Slow,
    /// The connection breaks before the request arrives; new connections break at once.
    Refuse,
    /// The request gets no response; when the faults change, the connection breaks.
    Hang,
    /// The request is executed; the connection breaks instead of the response.
    Reset,
}

/// Shorter socket limits and schedule intervals.
#[expect(clippy::struct_field_names, reason = "each name contains its unit, as in the JSON")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeOverrides {
    /// Replaces the idle timeout of ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_s: Option<Seconds>,
    /// Replaces the maximum lifetime of two hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<Seconds>,
    /// Replaces the intervals of all schedules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_s: Option<Seconds>,
}

/// Slower cold starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdStart {
    /// Delay before an instance gets its first event.
    pub delay_ms: Millis,
}

/// A limit on concurrent invocations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Logical id or binary; all functions together when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Maximum; 0 throttles everything.
    pub limit: u32,
}

fn half_a_second() -> Millis {
    Millis(500)
}

/// A probability from 0 to 1; 1 by default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(f64);

impl Rate {
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

/// A probability that defaults to 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RateOrZero(pub Rate);

impl Default for RateOrZero {
    fn default() -> Self {
        Self(Rate(0.0))
    }
}

/// A duration of at most ten minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Millis(u64);

impl Millis {
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

/// A duration above zero and at most two hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(f64);

impl Seconds {
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

/// The expected range.
#[derive(Debug)]
pub struct OutOfRange(&'static str);

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for OutOfRange {}
