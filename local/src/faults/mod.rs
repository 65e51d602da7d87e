//! Faults on demand: who is told here what breaks asks at every place where it can break. Nothing asked for costs one look at a flag.

mod dice;
mod http;
mod schedule;
mod seams;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use tokio::sync::watch;

use self::dice::Dice;
pub(crate) use self::seams::PostFate;
pub use self::{
    http::answer,
    schedule::{
        At, ColdStart, Concurrency, Disconnect, Kill, Millis, Mode, OutOfRange, Posts, Push, Rate, Rate0, Replay, Schedule,
        Seconds, Time, Trouble,
    },
};

/// What breaks now, of one cloud. Clones are the same faults.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    any: AtomicBool,
    armed: RwLock<Arc<Armed>>,
    changed: watch::Sender<()>,
    /// Logical id and binary of every function.
    functions: OnceLock<Vec<(String, String)>>,
    stores: OnceLock<Stores>,
    /// By socket: what waits to be overtaken, and how much there is of it.
    held: Mutex<BTreeMap<u64, bytes::Bytes>>,
    holding: AtomicUsize,
    /// Whether the functions run at an endpoint of somebody else.
    elsewhere: OnceLock<bool>,
}

#[derive(Debug, Default)]
struct Armed {
    schedule: Schedule,
    dice: Dice,
}

/// The stores that a proxy can stand in front of: those that were started here.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stores {
    pub(crate) mysql: Option<SocketAddr>,
    pub(crate) dynamodb: Option<SocketAddr>,
    pub(crate) s3: Option<SocketAddr>,
    pub(crate) sqs: Option<SocketAddr>,
}

/// A store, as faults name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    MySql,
    DynamoDb,
    S3,
    Sqs,
}

/// Faults that cannot be set: the field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFaults {
    /// Its path, such as `push.lose`; `.` for the whole.
    pub field: String,
    /// What was expected.
    pub reason: String,
}

impl fmt::Display for WrongFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

impl std::error::Error for WrongFaults {}

impl Faults {
    /// Reads what JSON asks for, without setting it.
    pub fn parse(text: &[u8]) -> Result<Schedule, WrongFaults> {
        let whole = |reason: String| WrongFaults { field: ".".into(), reason };
        let json: Value = serde_json::from_slice(text).map_err(|error| whole(error.to_string()))?;
        if !json.is_object() {
            return Err(whole("expected an object; {} clears all faults".into()));
        }
        serde_path_to_error::deserialize(json)
            .map_err(|error| WrongFaults { field: error.path().to_string(), reason: error.inner().to_string() })
    }

    /// From now on this breaks and nothing else; all counts and dice begin anew.
    pub fn set(&self, schedule: Schedule) -> Result<(), WrongFaults> {
        self.check(&schedule)?;
        let nothing = Schedule { seed: None, ..schedule.clone() } == Schedule::default();
        let dice = Dice::new(schedule.seed.unwrap_or_default());
        *self.0.armed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Armed { schedule, dice });
        self.0.any.store(!nothing, Ordering::Release);
        self.0.changed.send_replace(());
        Ok(())
    }

    /// The same, from JSON as `PUT /_local/faults` takes it.
    pub fn set_json(&self, faults: &Value) -> Result<(), WrongFaults> {
        self.set(Self::parse(faults.to_string().as_bytes())?)
    }

    /// Nothing breaks any more.
    pub fn clear(&self) {
        // An empty schedule names nothing that could be unknown.
        let _ = self.set(Schedule::default());
    }

    /// What was set.
    pub fn schedule(&self) -> Schedule {
        self.armed().schedule.clone()
    }

    /// How often each kind of fault happened since it was set, by the name of its field.
    pub fn happened(&self) -> BTreeMap<&'static str, u64> {
        self.armed().dice.hits()
    }

    fn check(&self, schedule: &Schedule) -> Result<(), WrongFaults> {
        let named = [
            ("kill.function", schedule.kill.as_ref().and_then(|kill| kill.function.as_ref())),
            ("replay.function", schedule.replay.as_ref().and_then(|replay| replay.function.as_ref())),
            ("concurrency.function", schedule.concurrency.as_ref().and_then(|most| most.function.as_ref())),
        ];
        let functions = self.0.functions.get().map_or(&[][..], Vec::as_slice);
        for (field, name) in named {
            if let Some(name) = name.filter(|name| !functions.iter().any(|function| is_called(function, name))) {
                let all: Vec<_> = functions.iter().map(|(_, binary)| binary.as_str()).collect();
                let reason = format!("there is no function {name:?}, only {}", all.join(", "));
                return Err(WrongFaults { field: field.into(), reason });
            }
        }
        let of_instances = [
            ("kill", schedule.kill.is_some()),
            ("replay", schedule.replay.is_some()),
            ("cold_start", schedule.cold_start.is_some()),
            ("concurrency", schedule.concurrency.is_some()),
            ("mysql", schedule.mysql.is_some()),
            ("dynamodb", schedule.dynamodb.is_some()),
            ("s3", schedule.s3.is_some()),
            ("sqs", schedule.sqs.is_some()),
        ];
        if let Some((field, _)) = of_instances.iter().find(|(_, asked)| *asked && self.0.elsewhere.get() == Some(&true)) {
            let reason = "the functions run elsewhere (--invoke), where nothing here can break them";
            return Err(WrongFaults { field: (*field).into(), reason: reason.into() });
        }
        let stores = self.stores();
        let commits = schedule.kill.as_ref().is_some_and(|kill| kill.at == At::AfterCommit);
        for (field, asked, store) in [
            ("mysql", schedule.mysql.is_some(), stores.mysql),
            ("kill.at", commits, stores.mysql),
            ("dynamodb", schedule.dynamodb.is_some(), stores.dynamodb),
            ("s3", schedule.s3.is_some(), stores.s3),
            ("sqs", schedule.sqs.is_some(), stores.sqs),
        ] {
            if asked && store.is_none() {
                let reason = "only a store that was started here can be broken, and this one was not";
                return Err(WrongFaults { field: field.into(), reason: reason.into() });
            }
        }
        Ok(())
    }

    pub(crate) fn know(&self, functions: Vec<(String, String)>, elsewhere: bool) {
        let _ = self.0.functions.set(functions);
        let _ = self.0.elsewhere.set(elsewhere);
    }

    pub(crate) fn place(&self, stores: Stores) {
        let _ = self.0.stores.set(stores);
    }

    pub(crate) fn stores(&self) -> Stores {
        self.0.stores.get().copied().unwrap_or_default()
    }

    /// Told whenever other faults are set.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    fn armed(&self) -> Arc<Armed> {
        self.0.armed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is armed, unless that is nothing.
    fn some(&self) -> Option<Arc<Armed>> {
        self.0.any.load(Ordering::Acquire).then(|| self.armed())
    }

    /// Whether somebody who says `name`, or nobody in particular, means this function.
    fn concerns(&self, name: Option<&str>, function: &str) -> bool {
        let Some(name) = name else { return true };
        let functions = self.0.functions.get().map_or(&[][..], Vec::as_slice);
        functions.iter().find(|known| known.0 == function).is_some_and(|known| is_called(known, name))
    }
}

fn is_called((id, binary): &(String, String), name: &str) -> bool {
    id == name || binary == name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(faults: &Faults, wanted: &Value) -> Option<String> {
        faults.set_json(wanted).err().map(|wrong| wrong.field)
    }

    #[test]
    fn what_is_not_here_cannot_be_broken() {
        let (here, elsewhere) = (Faults::default(), Faults::default());
        here.know(vec![("SendFunction".into(), "send".into())], false);
        here.place(Stores { s3: Some(([127, 0, 0, 1], 1).into()), ..Stores::default() });
        elsewhere.know(vec![("SendFunction".into(), "send".into())], true);
        let slow = json!({ "mode": "slow" });
        assert_eq!(field(&here, &json!({ "mysql": slow, "s3": slow })).as_deref(), Some("mysql"));
        assert_eq!(field(&here, &json!({ "kill": { "at": "after_commit" } })).as_deref(), Some("kill.at"));
        assert_eq!(field(&here, &json!({ "s3": slow, "kill": { "at": "before_handler", "function": "send" } })), None);
        assert_eq!(field(&here, &json!({ "replay": { "function": "SendFunction" } })), None);
        for (name, fault) in [("kill", json!({ "at": "before_response" })), ("replay", json!({})), ("s3", slow)] {
            assert_eq!(field(&elsewhere, &json!({ name: fault })).as_deref(), Some(name));
        }
        assert_eq!(field(&elsewhere, &json!({ "push": { "lose": 1 }, "disconnect": { "lose": 1 } })), None);
    }

    #[test]
    fn only_a_fault_that_needs_one_asks_for_a_detour() {
        let faults = Faults::default();
        faults.place(Stores { mysql: Some(([127, 0, 0, 1], 1).into()), ..Stores::default() });
        for (asked, detours) in [
            (json!({}), false),
            (json!({ "push": { "lose": 1 }, "kill": { "at": "before_response" } }), false),
            (json!({ "kill": { "at": "after_commit" } }), true),
            (json!({ "mysql": { "mode": "hang", "rate": 0 } }), true),
        ] {
            faults.set_json(&asked).unwrap();
            assert_eq!(faults.detours(), detours, "{asked}");
        }
    }

    #[test]
    fn what_was_held_back_is_not_lost_when_the_faults_end() {
        let faults = Faults::default();
        assert_eq!(faults.hold(1, "a".into()), None);
        assert_eq!(faults.hold(1, "b".into()).as_deref(), Some(&b"a"[..]));
        faults.clear();
        assert_eq!((faults.release(2), faults.release(1).as_deref()), (None, Some(&b"b"[..])));
        assert_eq!(faults.release(1), None);
    }
}
