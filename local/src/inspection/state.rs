//! The state of the cloud: functions with their instances, sockets, stores, tables. Computed on request; table counts are cached for a few seconds.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::invocations::millis;
use super::{InspectedCloud, queues};
use crate::dynamodb;
use crate::lambda::InstanceInfo;
use crate::metrics::FunctionMetrics;
use crate::mysql::Probe;
use crate::stack::{Function, Stack};

/// Maximum number of listed sockets; the count includes all.
const MAX_SOCKETS: usize = 200;

/// A store.
#[derive(Debug)]
pub(crate) struct StoreInfo {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    /// Whether this cloud started it.
    pub(crate) own: bool,
    /// Its process, if it has one.
    pub(crate) process: Option<Probe>,
}

/// Cached item counts of the tables.
#[derive(Debug)]
pub(crate) struct ItemCounts {
    endpoint: String,
    last: Mutex<Option<(Instant, Value)>>,
}

/// Maximum age of a cached count.
const MAX_AGE: Duration = Duration::from_secs(3);

impl ItemCounts {
    pub(crate) fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), last: Mutex::default() }
    }

    async fn read(&self, stack: &Stack) -> Value {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, counts)) = last.filter(|(at, _)| at.elapsed() < MAX_AGE) {
            return counts;
        }
        let mut counts = Vec::new();
        for table in stack.tables.values() {
            let count = dynamodb::count(&self.endpoint, &table.name).await;
            counts.push(match count {
                Ok((items, more)) => json!({ "name": table.name, "items": items, "more": more }),
                Err(reason) => json!({ "name": table.name, "error": reason }),
            });
        }
        let counts = Value::from(counts);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), counts.clone()));
        counts
    }
}

pub(super) async fn read(inspected: &InspectedCloud) -> Value {
    let (stats, mut connections) = (inspected.view.stats(), inspected.view.connections());
    connections.sort_unstable_by_key(|connection| std::cmp::Reverse(connection.connected_at));
    let open = connections.len();
    let connections: Vec<Value> = connections
        .into_iter()
        .take(MAX_SOCKETS)
        .map(|connection| {
            json!({
                "id": connection.id,
                "stage": connection.stage,
                "principal": connection.principal,
                "connected_at": connection.connected_at,
                "last_active_at": connection.last_active_at,
                "source_ip": connection.source_ip,
                "user_agent": connection.user_agent,
            })
        })
        .collect();
    json!({
        "pid": std::process::id(),
        "started_at": millis(inspected.started),
        "now": millis(std::time::SystemTime::now()),
        "resident_bytes": resident(std::process::id()),
        "gateway": {
            "accepted": stats.accepted,
            "tls_handshakes": stats.tls_handshakes,
            "tls_resumed": stats.tls_resumed,
            "http_requests": stats.http_requests,
            "connected": stats.connected,
            "disconnected": stats.disconnected,
            "messages": stats.messages,
            "posts": stats.posts,
            "posts_gone": stats.posts_gone,
            "posts_throttled": stats.posts_throttled,
            "frames_sent": stats.frames_sent,
        },
        "functions": functions(inspected),
        "connections": { "open": open, "newest": connections },
        "stores": inspected.stores.iter().map(store).collect::<Vec<_>>(),
        "tables": inspected.counts.read(&inspected.stack).await,
        "queues": queues::list(inspected),
        "dead_letters": inspected.lambda.dead_letters().len(),
        "faults": inspected.lambda.faults().config(),
        "faults_happened": inspected.lambda.faults().counts(),
    })
}

fn functions(inspected: &InspectedCloud) -> Vec<Value> {
    let (figures, instances) = (inspected.lambda.journal().metrics(), inspected.lambda.instances());
    let none = FunctionMetrics::default();
    inspected
        .stack
        .functions
        .values()
        .map(|function| {
            let instances: Vec<_> = instances.iter().filter(|instance| instance.function == function.id).collect();
            describe(function, figures.get(&function.id).unwrap_or(&none), &instances)
        })
        .collect()
}

fn describe(function: &Function, figures: &FunctionMetrics, instances: &[&InstanceInfo]) -> Value {
    let instances: Vec<Value> = instances
        .iter()
        .map(|instance| {
            json!({
                "pid": instance.pid,
                "busy": instance.busy,
                "started_at": millis(instance.started),
                "invocations": instance.invocations,
                "cold_start_us": instance.cold_start.map(|start| u64::try_from(start.as_micros()).unwrap_or(u64::MAX)),
                "resident_bytes": resident(instance.pid),
            })
        })
        .collect();
    json!({
        "id": function.id,
        "binary": function.binary,
        "memory_mb": function.memory_size,
        "timeout_s": function.timeout,
        "invocations": figures.invocations,
        "failures": figures.failures,
        "cold_starts": figures.cold_starts,
        "start_p50_us": figures.starts.percentile(50),
        "p50_us": figures.durations.percentile(50),
        "p99_us": figures.durations.percentile(99),
        "instances": instances,
    })
}

/// Removes user and password from the URL.
fn store(store: &StoreInfo) -> Value {
    let (scheme, rest) = store.url.split_once("://").unwrap_or(("", &store.url));
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let running = store.process.as_ref().map(Probe::is_running);
    json!({ "name": store.name, "url": format!("{scheme}://{place}"), "own": store.own, "running": running })
}

/// Resident memory of a process, read from `/proc` (Linux).
fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}
