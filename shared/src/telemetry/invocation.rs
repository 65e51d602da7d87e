//! What one invocation did, told in one line when it ends: for people by its request id, for CloudWatch as metrics (its embedded metric format).
//! An instance serves one invocation at a time, so whatever is counted meanwhile belongs to it. No content, no credential, no name comes in here.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::time::error::Elapsed;

use crate::config;
use crate::id::{RoomId, UserId};
use crate::telemetry::standing;
use crate::time::Timestamp;

/// What is counted during an invocation.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// Messages that were stored.
    Messages,
    /// Statements to the store, BEGIN and COMMIT included.
    Statements,
    /// Calls of `@connections`, repeated ones included.
    Posts,
    /// Rows that statements gave or changed.
    Rows,
    /// Posts to an audience, and not to who asks.
    Heard,
    /// Transactions that ran again, because they lost a deadlock or their connection.
    Again,
    /// Frames that API Gateway took.
    Pushes,
    /// Frames to sockets that were no more.
    Gone,
    /// Frames to sockets that took no more.
    Throttled,
}

/// How many of [`Count`] there are.
const KINDS: usize = 9;

/// Functions that nobody waits for: how long they take says nothing of how people fare.
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

/// One more of these.
pub fn count(what: Count) {
    count_all(what, 1);
}

/// So many more of these.
pub fn count_all(what: Count, many: u64) {
    COUNTS[what as usize].fetch_add(many, Ordering::Relaxed);
}

/// So much work was charged for the invocation before it was done, and it takes so many statements and posts at most.
pub fn is_charged(work: u32, most: u32) {
    CHARGED.fetch_add(u64::from(work), Ordering::Relaxed);
    MOST.fetch_add(u64::from(most), Ordering::Relaxed);
}

/// The invocation is this person's.
pub fn is_of(user: UserId) {
    USER.store(user.0, Ordering::Relaxed);
}

/// The invocation is about this room.
pub fn is_about(room: RoomId) {
    ROOM.store(room.0, Ordering::Relaxed);
}

/// An audience was served, beginning then.
pub fn fanned_out(begun: Instant) {
    FANOUT_US.fetch_max(micros(begun.elapsed()).max(1), Ordering::Relaxed);
}

thread_local! {
    /// Of this thread: every function runs on one, and tests, which do not, cut off nothing of each other's.
    static CUT_OFF: Cell<u64> = const { Cell::new(0) };
}

/// Work that has only so long. When the time is over it is dropped wherever it stands; what it shares with later work learns that by [`cut_off`].
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let outcome = tokio::time::timeout(limit, work).await;
    if outcome.is_err() {
        CUT_OFF.set(CUT_OFF.get() + 1);
    }
    outcome
}

/// How often work was dropped before its end since this thread began.
pub fn cut_off() -> u64 {
    CUT_OFF.get()
}

/// Lines bear the name of this function.
pub(super) fn name(function: &'static str) {
    // A second start (in tests) changes nothing.
    let _ = FUNCTION.set(function);
}

/// An invocation that is under way.
#[derive(Debug)]
pub struct Invocation {
    begun: Instant,
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The id that the client was told.
    pub request_id: &'a str,
    /// What was asked for: a method and its route, or what happened to a socket.
    pub what: &'a str,
    /// `ok`, or the code of the error that the client was told.
    pub code: &'a str,
    /// The status of an HTTP answer, or the code that a socket closed with.
    pub status: Option<u16>,
    /// The socket.
    pub connection: Option<&'a str>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
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
    /// Counts from here on.
    pub fn begin() -> Self {
        for counter in COUNTS.iter().chain([&FANOUT_US, &USER, &ROOM, &CHARGED, &MOST]) {
            counter.store(0, Ordering::Relaxed);
        }
        standing::begin();
        Self { begun: Instant::now() }
    }

    /// Writes the line, whatever `LOG_LEVEL` says: the metrics are in it.
    pub fn end(self, end: &End<'_>) {
        let figures = Figures {
            counts: std::array::from_fn(|index| COUNTS[index].load(Ordering::Relaxed)),
            charged: CHARGED.load(Ordering::Relaxed),
            most: MOST.load(Ordering::Relaxed),
            duration: self.begun.elapsed(),
            fanout_us: FANOUT_US.load(Ordering::Relaxed),
            user: USER.load(Ordering::Relaxed),
            room: ROOM.load(Ordering::Relaxed),
            cold: !SERVED_BEFORE.swap(true, Ordering::Relaxed),
        };
        figures.settle();
        let place = Place { function: FUNCTION.get().unwrap_or(&"test"), namespace: &config::metrics_namespace() };
        super::write(&line(&place, end, &figures, Timestamp::now()).to_string());
    }
}

impl Figures {
    fn of(&self, what: Count) -> u64 {
        self.counts[what as usize]
    }

    /// What was done for the person who asked: not what others heard of it.
    fn work(&self) -> u64 {
        let own = self.of(Count::Posts).saturating_sub(self.of(Count::Heard));
        self.of(Count::Statements) + own + self.of(Count::Rows) / ROWS_PER_STATEMENT
    }

    /// What was more than was charged is owed.
    fn settle(&self) {
        let owed = self.work().saturating_sub(self.charged);
        if self.charged == 0 || self.user == 0 || owed == 0 {
            return;
        }
        standing::owes(UserId(self.user), owed);
    }
}

/// Whose line it is.
struct Place<'a> {
    function: &'a str,
    namespace: &'a str,
}

fn line(place: &Place<'_>, end: &End<'_>, figures: &Figures, now: Timestamp) -> Value {
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
        let charged = [("heard", figures.of(Count::Heard)), ("again", figures.of(Count::Again))];
        for (name, count) in charged.into_iter().chain([("charged", figures.charged), ("most", figures.most)]) {
            tell(name, json!(count));
        }
    }
    Value::Object(line)
}

/// Name, unit and value of whatever there is to tell.
fn metrics(function: &str, figures: &Figures) -> Vec<(&'static str, &'static str, Value)> {
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

    const END: End<'_> =
        End { request_id: "r-1", what: "POST /api/rooms/{room_id}/messages", code: "ok", status: Some(201), connection: None };
    const PLACE: Place<'_> = Place { function: "messages", namespace: "ConChat/test" };
    const NOW: Timestamp = Timestamp(1_767_323_045_678);

    fn busy() -> Figures {
        Figures {
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

    /// What the specification of the embedded metric format asks of a document.
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
    fn a_line_tells_who_what_and_how_much() {
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
    fn what_was_more_than_was_charged_is_owed_once() {
        let nobody = UserId(4_711_001);
        assert_eq!(busy().work(), 5 + 2 + 1, "statements, posts to oneself, rows");
        let beyond = Figures { user: nobody.0, ..busy() };
        beyond.settle();
        beyond.settle();
        Figures { charged: 8, ..beyond }.settle();
        Figures { charged: 0, ..beyond }.settle();
        assert_eq!((standing::owed(nobody), standing::owed(nobody)), (4, 0));
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
    fn what_did_not_happen_is_no_metric_and_nobody_waits_for_a_sweep() {
        let quiet = Figures { duration: Duration::from_millis(1), ..Figures::default() };
        let request = line(&PLACE, &END, &quiet, NOW);
        is_embedded_metric_format(&request);
        assert_eq!(request["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().map(Vec::len), Some(1));
        let sweep = line(&Place { function: "sweep", ..PLACE }, &END, &quiet, NOW);
        assert!(sweep["_aws"].is_null() && sweep["user"].is_null() && sweep["DurationMs"].is_null());
    }
}
