//! The record of one invocation, written as one line at its end: for people by request id, for CloudWatch as metrics (embedded metric format). An
//! instance serves one invocation at a time, so everything counted in between belongs to it. Holds no content, credentials or names.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::time::error::Elapsed;

use crate::config;
use crate::id::{RoomId, UserId};
use crate::telemetry::rate_status;
use crate::time::Timestamp;

/// What an invocation counts.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// Stored messages.
    Messages,
    /// Statements to the store, including BEGIN and COMMIT.
    Statements,
    /// Calls of `@connections`, including retries.
    Posts,
    /// Rows returned or changed by statements.
    Rows,
    /// Posts to an audience other than the caller.
    AudiencePosts,
    /// Transactions repeated after a deadlock or a lost connection.
    Retries,
    /// Frames accepted by API Gateway.
    Pushes,
    /// Frames to closed sockets.
    Gone,
    /// Frames to sockets with a full buffer.
    Throttled,
}

/// The number of variants of [`Count`].
const KINDS: usize = 9;

/// Background functions, whose duration users do not notice.
const LATER: [&str; 5] = ["fanout", "migrate", "notify", "presence", "sweep"];

/// Rows that weigh as much as a statement.
const ROWS_PER_STATEMENT: u64 = 25;

static COUNTS: [AtomicU64; KINDS] = [const { AtomicU64::new(0) }; KINDS];
static CHARGED: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);
static FANOUT_US: AtomicU64 = AtomicU64::new(0);
static USER: AtomicU64 = AtomicU64::new(0);
static ROOM: AtomicU64 = AtomicU64::new(0);
static SERVED_BEFORE: AtomicBool = AtomicBool::new(false);
static FUNCTION: OnceLock<&'static str> = OnceLock::new();

pub fn count(what: Count) {
    count_many(what, 1);
}

pub fn count_many(what: Count, many: u64) {
    COUNTS[what as usize].fetch_add(many, Ordering::Relaxed);
}

/// Records the work charged in advance, and the number of statements and posts that the action may take.
pub fn set_charge(work: u32, most: u32) {
    CHARGED.fetch_add(u64::from(work), Ordering::Relaxed);
    MOST.fetch_add(u64::from(most), Ordering::Relaxed);
}

/// Sets the user of the invocation.
pub fn set_user(user: UserId) {
    USER.store(user.0, Ordering::Relaxed);
}

/// Sets the room of the invocation.
pub fn set_room(room: RoomId) {
    ROOM.store(room.0, Ordering::Relaxed);
}

/// Records the duration of a delivery to an audience.
pub fn record_fanout(begun: Instant) {
    FANOUT_US.fetch_max(micros(begun.elapsed()).max(1), Ordering::Relaxed);
}

thread_local! {
    /// Thread-local: a function runs on one thread, and parallel tests stay independent.
    static CUT_OFF: Cell<u64> = const { Cell::new(0) };
}

/// Runs work with a time limit and drops it when the limit passes. Shared state learns of that through [`cut_off`].
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let outcome = tokio::time::timeout(limit, work).await;
    if outcome.is_err() {
        CUT_OFF.set(CUT_OFF.get() + 1);
    }
    outcome
}

/// How often this thread dropped work at its time limit.
pub fn cut_off() -> u64 {
    CUT_OFF.get()
}

/// Sets the function's name in the log lines.
pub(super) fn name(function: &'static str) {
    // A second start (in tests) changes nothing.
    let _ = FUNCTION.set(function);
}

/// A running invocation.
#[derive(Debug)]
pub struct Invocation {
    begun: Instant,
}

/// The result of an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// The id that the client received.
    pub request_id: &'a str,
    /// Method and route, or the event of a socket.
    pub what: &'a str,
    /// `ok`, or the error code that the client received.
    pub code: &'a str,
    /// The HTTP status, or the close code of a socket.
    pub status: Option<u16>,
    pub connection: Option<&'a str>,
}

/// The counters.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    counts: [u64; KINDS],
    charged: u64,
    most: u64,
    duration: Duration,
    fanout_us: u64,
    user: u64,
    room: u64,
    cold: bool,
}

impl Invocation {
    /// Starts counting.
    pub fn begin() -> Self {
        for counter in COUNTS.iter().chain([&FANOUT_US, &USER, &ROOM, &CHARGED, &MOST]) {
            counter.store(0, Ordering::Relaxed);
        }
        rate_status::begin();
        Self { begun: Instant::now() }
    }

    /// Writes the line at every `LOG_LEVEL`, because it contains the metrics.
    pub fn end(self, end: &Outcome<'_>) {
        let figures = Counters {
            counts: std::array::from_fn(|index| COUNTS[index].load(Ordering::Relaxed)),
            charged: CHARGED.load(Ordering::Relaxed),
            most: MOST.load(Ordering::Relaxed),
            duration: self.begun.elapsed(),
            fanout_us: FANOUT_US.load(Ordering::Relaxed),
            user: USER.load(Ordering::Relaxed),
            room: ROOM.load(Ordering::Relaxed),
            cold: !SERVED_BEFORE.swap(true, Ordering::Relaxed),
        };
        figures.record_debt();
        let place = LineSource { function: FUNCTION.get().unwrap_or(&"test"), namespace: &config::metrics_namespace() };
        super::write(&line(&place, end, &figures, Timestamp::now()).to_string());
    }
}

impl Counters {
    fn of(&self, what: Count) -> u64 {
        self.counts[what as usize]
    }

    /// The work for the caller, without the delivery to others.
    fn work(&self) -> u64 {
        let own = self.of(Count::Posts).saturating_sub(self.of(Count::AudiencePosts));
        self.of(Count::Statements) + own + self.of(Count::Rows) / ROWS_PER_STATEMENT
    }

    /// Adds work beyond the advance charge to the user's debt.
    fn record_debt(&self) {
        let owed = self.work().saturating_sub(self.charged);
        if self.charged == 0 || self.user == 0 || owed == 0 {
            return;
        }
        rate_status::add_debt(UserId(self.user), owed);
    }
}

/// The subject of a line.
struct LineSource<'a> {
    function: &'a str,
    namespace: &'a str,
}

fn line(place: &LineSource<'_>, end: &Outcome<'_>, figures: &Counters, now: Timestamp) -> Value {
    let mut line = Map::new();
    let metrics = metrics(place.function, figures);
    if !metrics.is_empty() {
        let named: Vec<_> = metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
        let directive = json!({ "Namespace": place.namespace, "Dimensions": [[]], "Metrics": named });
        line.insert("_aws".into(), json!({ "Timestamp": now.0, "CloudWatchMetrics": [directive] }));
        line.extend(metrics.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
    }
    let mut tell = |name: &str, value: Value| line.insert(name.to_owned(), value);
    tell("level", json!("INFO"));
    tell("message", json!("invocation"));
    tell("function", json!(place.function));
    tell("request_id", json!(end.request_id));
    tell("what", json!(end.what));
    tell("code", json!(end.code));
    for (name, value) in [("status", end.status.map(u64::from)), ("user", known(figures.user)), ("room", known(figures.room))] {
        if let Some(value) = value {
            tell(name, json!(value));
        }
    }
    if let Some(connection) = end.connection {
        tell("connection", json!(connection));
    }
    tell("duration_ms", milliseconds(micros(figures.duration)));
    for (name, what) in [("statements", Count::Statements), ("posts", Count::Posts), ("rows", Count::Rows)] {
        tell(name, json!(figures.of(what)));
    }
    if figures.charged > 0 {
        let charged = [("heard", figures.of(Count::AudiencePosts)), ("again", figures.of(Count::Retries))];
        for (name, count) in charged.into_iter().chain([("charged", figures.charged), ("most", figures.most)]) {
            tell(name, json!(count));
        }
    }
    Value::Object(line)
}

/// Name, unit and value of each metric with a value.
fn metrics(function: &str, figures: &Counters) -> Vec<(&'static str, &'static str, Value)> {
    let mut metrics = Vec::new();
    if !LATER.contains(&function) {
        metrics.push(("DurationMs", "Milliseconds", milliseconds(micros(figures.duration))));
    }
    if figures.fanout_us > 0 {
        metrics.push(("FanoutMs", "Milliseconds", milliseconds(figures.fanout_us)));
    }
    let counts = [
        ("ColdStarts", u64::from(figures.cold)),
        ("Messages", figures.of(Count::Messages)),
        ("Pushes", figures.of(Count::Pushes)),
        ("Gone", figures.of(Count::Gone)),
        ("Throttled", figures.of(Count::Throttled)),
    ];
    metrics.extend(counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name, "Count", json!(count))));
    metrics
}

/// Ids begin at 1.
fn known(id: u64) -> Option<u64> {
    (id > 0).then_some(id)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(micros: u64) -> Value {
    json!(f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Outcome<'_> = Outcome {
        request_id: "r-1",
        what: "POST /api/rooms/{room_id}/messages",
        code: "ok",
        status: Some(201),
        connection: None,
    };
    const PLACE: LineSource<'_> = LineSource { function: "messages", namespace: "ConChat/test" };
    const NOW: Timestamp = Timestamp(1_767_323_045_678);

    fn busy() -> Counters {
        Counters {
            counts: [1, 5, 4, 30, 2, 0, 2, 1, 1],
            charged: 6,
            most: 20,
            duration: Duration::from_micros(3250),
            fanout_us: 1500,
            user: 7,
            room: 9,
            cold: true,
        }
    }

    /// Checks a document against the specification of the embedded metric format.
    fn is_embedded_metric_format(line: &Value) {
        let aws = &line["_aws"];
        assert!(aws["Timestamp"].as_i64().is_some_and(|time| time > 0));
        let directives = aws["CloudWatchMetrics"].as_array().expect("directives");
        assert!(!directives.is_empty());
        for directive in directives {
            assert!(directive["Namespace"].as_str().is_some_and(|name| (1..=1024).contains(&name.len())));
            let sets = directive["Dimensions"].as_array().expect("dimension sets");
            assert!(!sets.is_empty());
            for dimension in sets.iter().flat_map(|set| set.as_array().expect("a set")) {
                assert!(line[dimension.as_str().expect("a name")].is_string());
            }
            let metrics = directive["Metrics"].as_array().expect("metrics");
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                assert!(["Count", "Milliseconds"].contains(&metric["Unit"].as_str().expect("a unit")));
                assert!(line[metric["Name"].as_str().expect("a name")].is_number(), "{metric}");
            }
        }
    }

    #[test]
    fn a_line_contains_user_action_and_counts() {
        let line = line(&PLACE, &END, &busy(), NOW);
        for (name, value) in [
            ("level", json!("INFO")),
            ("function", json!("messages")),
            ("request_id", json!("r-1")),
            ("what", json!("POST /api/rooms/{room_id}/messages")),
            ("code", json!("ok")),
            ("status", json!(201)),
            ("user", json!(7)),
            ("room", json!(9)),
            ("duration_ms", json!(3.25)),
            ("statements", json!(5)),
            ("posts", json!(4)),
            ("rows", json!(30)),
            ("heard", json!(2)),
            ("again", json!(0)),
            ("charged", json!(6)),
            ("most", json!(20)),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
    }

    #[test]
    fn excess_work_becomes_debt_once() {
        let nobody = UserId(4_711_001);
        assert_eq!(busy().work(), 5 + 2 + 1, "statements, posts to oneself, rows");
        let beyond = Counters { user: nobody.0, ..busy() };
        beyond.record_debt();
        beyond.record_debt();
        Counters { charged: 8, ..beyond }.record_debt();
        Counters { charged: 0, ..beyond }.record_debt();
        assert_eq!((rate_status::take_debt(nobody), rate_status::take_debt(nobody)), (4, 0));
    }

    #[test]
    fn a_line_is_a_document_of_the_embedded_metric_format() {
        let line = line(&PLACE, &END, &busy(), NOW);
        is_embedded_metric_format(&line);
        let told: Vec<_> = ["Messages", "Pushes", "Gone", "Throttled", "ColdStarts"].map(|name| line[name].as_u64()).to_vec();
        assert_eq!(told, [Some(1), Some(2), Some(1), Some(1), Some(1)]);
        assert_eq!((&line["FanoutMs"], &line["DurationMs"]), (&json!(1.5), &json!(3.25)));
    }

    #[test]
    fn zero_counts_emit_no_metric_and_a_sweep_has_no_duration() {
        let quiet = Counters { duration: Duration::from_millis(1), ..Counters::default() };
        let request = line(&PLACE, &END, &quiet, NOW);
        is_embedded_metric_format(&request);
        assert_eq!(request["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().map(Vec::len), Some(1));
        let sweep = line(&LineSource { function: "sweep", ..PLACE }, &END, &quiet, NOW);
        assert!(sweep["_aws"].is_null() && sweep["user"].is_null() && sweep["DurationMs"].is_null());
    }
}
