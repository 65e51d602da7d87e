//! Fault injection: components query it at every point where a fault can occur. Without faults, a query is one atomic load.

mod config;
mod http;
mod injection;
mod rng;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use serde_json::Value;
use tokio::sync::watch;

pub use self::config::{
    ColdStart, Concurrency, DisconnectFault, FaultConfig, KillFault, KillPoint, Millis, OutOfRange, PostSelection, PushFault,
    Rate, RateOrZero, ReplayFault, Seconds, StoreFault, StoreFaultMode, TimeOverrides,
};
pub use self::http::answer;
pub(crate) use self::injection::PostFault;
use self::rng::FaultRng;

/// The active faults of one cloud. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<FaultState>);

#[derive(Debug, Default)]
struct FaultState {
    any: AtomicBool,
    armed: RwLock<Arc<ActiveFaults>>,
    changed: watch::Sender<()>,
    /// Logical id and binary of every function.
    functions: OnceLock<Vec<(String, String)>>,
    stores: OnceLock<StoreAddresses>,
    /// Frames held back to be overtaken, by socket number, and their count.
    held_frames: Mutex<BTreeMap<u64, bytes::Bytes>>,
    held_count: AtomicUsize,
    /// Whether an external Invoke API runs the functions.
    remote: OnceLock<bool>,
}

#[derive(Debug, Default)]
struct ActiveFaults {
    config: FaultConfig,
    rng: FaultRng,
}

/// Addresses of the local stores, in front of which a proxy can stand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoreAddresses {
    pub(crate) mysql: Option<SocketAddr>,
    pub(crate) dynamodb: Option<SocketAddr>,
    pub(crate) s3: Option<SocketAddr>,
    pub(crate) sqs: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    MySql,
    DynamoDb,
    S3,
    Sqs,
}

/// Invalid fault settings: the field and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFaults {
    /// Path of the field, such as `push.lose`; `.` for the whole document.
    pub field: String,
    pub reason: String,
}

impl fmt::Display for InvalidFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

impl std::error::Error for InvalidFaults {}

impl Faults {
    /// Parses and validates JSON without applying it.
    pub fn parse(text: &[u8]) -> Result<FaultConfig, InvalidFaults> {
        let whole = |reason: String| InvalidFaults { field: ".".into(), reason };
        let json: Value = serde_json::from_slice(text).map_err(|error| whole(error.to_string()))?;
        if !json.is_object() {
            return Err(whole("expected an object; {} clears all faults".into()));
        }
        serde_path_to_error::deserialize(json)
            .map_err(|error| InvalidFaults { field: error.path().to_string(), reason: error.inner().to_string() })
    }

    /// Replaces all faults and resets counts and random sequences.
    pub fn set(&self, config: FaultConfig) -> Result<(), InvalidFaults> {
        self.check(&config)?;
        let nothing = FaultConfig { seed: None, ..config.clone() } == FaultConfig::default();
        let rng = FaultRng::new(config.seed.unwrap_or_default());
        *self.0.armed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ActiveFaults { config, rng });
        self.0.any.store(!nothing, Ordering::Release);
        self.0.changed.send_replace(());
        Ok(())
    }

    /// Sets faults from the JSON of `PUT /_local/faults`.
    pub fn set_json(&self, faults: &Value) -> Result<(), InvalidFaults> {
        self.set(Self::parse(faults.to_string().as_bytes())?)
    }

    /// Removes all faults.
    pub fn clear(&self) {
        // An empty configuration is always valid.
        let _ = self.set(FaultConfig::default());
    }

    /// The current configuration.
    pub fn config(&self) -> FaultConfig {
        self.armed().config.clone()
    }

    /// How often each kind of fault has happened since it was set, by field name.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.armed().rng.counts()
    }

    fn check(&self, config: &FaultConfig) -> Result<(), InvalidFaults> {
        let named = [
            ("kill.function", config.kill.as_ref().and_then(|kill| kill.function.as_ref())),
            ("replay.function", config.replay.as_ref().and_then(|replay| replay.function.as_ref())),
            ("concurrency.function", config.concurrency.as_ref().and_then(|most| most.function.as_ref())),
        ];
        let functions = self.0.functions.get().map_or(&[][..], Vec::as_slice);
        for (field, name) in named {
            if let Some(name) = name.filter(|name| !functions.iter().any(|function| has_name(function, name))) {
                let all: Vec<_> = functions.iter().map(|(_, binary)| binary.as_str()).collect();
                let reason = format!("there is no function {name:?}, only {}", all.join(", "));
                return Err(InvalidFaults { field: field.into(), reason });
            }
        }
        let of_instances = [
            ("kill", config.kill.is_some()),
            ("replay", config.replay.is_some()),
            ("cold_start", config.cold_start.is_some()),
            ("concurrency", config.concurrency.is_some()),
            ("mysql", config.mysql.is_some()),
            ("dynamodb", config.dynamodb.is_some()),
            ("s3", config.s3.is_some()),
            ("sqs", config.sqs.is_some()),
        ];
        if let Some((field, _)) = of_instances.iter().find(|(_, asked)| *asked && self.0.remote.get() == Some(&true)) {
            let reason = "the functions run at an external endpoint (--invoke), which does not support faults";
            return Err(InvalidFaults { field: (*field).into(), reason: reason.into() });
        }
        let stores = self.stores();
        let commits = config.kill.as_ref().is_some_and(|kill| kill.at == KillPoint::AfterCommit);
        for (field, asked, store) in [
            ("mysql", config.mysql.is_some(), stores.mysql),
            ("kill.at", commits, stores.mysql),
            ("dynamodb", config.dynamodb.is_some(), stores.dynamodb),
            ("s3", config.s3.is_some(), stores.s3),
            ("sqs", config.sqs.is_some(), stores.sqs),
        ] {
            if asked && store.is_none() {
                let reason = "faults require a local store, and this store is external";
                return Err(InvalidFaults { field: field.into(), reason: reason.into() });
            }
        }
        Ok(())
    }

    pub(crate) fn set_functions(&self, functions: Vec<(String, String)>, remote: bool) {
        let _ = self.0.functions.set(functions);
        let _ = self.0.remote.set(remote);
    }

    pub(crate) fn set_stores(&self, stores: StoreAddresses) {
        let _ = self.0.stores.set(stores);
    }

    pub(crate) fn stores(&self) -> StoreAddresses {
        self.0.stores.get().copied().unwrap_or_default()
    }

    /// Notifies of every change of the configuration.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    fn armed(&self) -> Arc<ActiveFaults> {
        self.0.armed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The active faults; `None` without any.
    fn active(&self) -> Option<Arc<ActiveFaults>> {
        self.0.any.load(Ordering::Acquire).then(|| self.armed())
    }

    /// Whether a fault for `name` (`None`: all functions) applies to this function.
    fn applies_to(&self, name: Option<&str>, function: &str) -> bool {
        let Some(name) = name else { return true };
        let functions = self.0.functions.get().map_or(&[][..], Vec::as_slice);
        functions.iter().find(|known| known.0 == function).is_some_and(|known| has_name(known, name))
    }
}

fn has_name((id, binary): &(String, String), name: &str) -> bool {
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
        let (here, remote) = (Faults::default(), Faults::default());
        here.set_functions(vec![("SendFunction".into(), "send".into())], false);
        here.set_stores(StoreAddresses { s3: Some(([127, 0, 0, 1], 1).into()), ..StoreAddresses::default() });
        remote.set_functions(vec![("SendFunction".into(), "send".into())], true);
        let slow = json!({ "mode": "slow" });
        assert_eq!(field(&here, &json!({ "mysql": slow, "s3": slow })).as_deref(), Some("mysql"));
        assert_eq!(field(&here, &json!({ "kill": { "at": "after_commit" } })).as_deref(), Some("kill.at"));
        assert_eq!(field(&here, &json!({ "s3": slow, "kill": { "at": "before_handler", "function": "send" } })), None);
        assert_eq!(field(&here, &json!({ "replay": { "function": "SendFunction" } })), None);
        for (name, fault) in [("kill", json!({ "at": "before_response" })), ("replay", json!({})), ("s3", slow)] {
            assert_eq!(field(&remote, &json!({ name: fault })).as_deref(), Some(name));
        }
        assert_eq!(field(&remote, &json!({ "push": { "lose": 1 }, "disconnect": { "lose": 1 } })), None);
    }

    #[test]
    fn only_a_fault_that_needs_one_asks_for_a_detour() {
        let faults = Faults::default();
        faults.set_stores(StoreAddresses { mysql: Some(([127, 0, 0, 1], 1).into()), ..StoreAddresses::default() });
        for (asked, detours) in [
            (json!({}), false),
            (json!({ "push": { "lose": 1 }, "kill": { "at": "before_response" } }), false),
            (json!({ "kill": { "at": "after_commit" } }), true),
            (json!({ "mysql": { "mode": "hang", "rate": 0 } }), true),
        ] {
            faults.set_json(&asked).unwrap();
            assert_eq!(faults.needs_proxies(), detours, "{asked}");
        }
    }

    #[test]
    fn what_was_held_back_is_not_lost_when_the_faults_end() {
        let faults = Faults::default();
        assert_eq!(faults.hold_back(1, "a".into()), None);
        assert_eq!(faults.hold_back(1, "b".into()).as_deref(), Some(&b"a"[..]));
        faults.clear();
        assert_eq!((faults.release(2), faults.release(1).as_deref()), (None, Some(&b"b"[..])));
        assert_eq!(faults.release(1), None);
    }
}
