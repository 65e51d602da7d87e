//! Lambda on this machine: one process per concurrent invocation behind the real Runtime API; an invocation ends exactly once.

mod async_invocations;
mod destinations;
mod failure;
mod fault_injection;
mod invoke_api;
mod pool;
mod process;
mod proxies;
mod remote;
mod runtime_api;
mod server;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use uuid::Uuid;

use self::async_invocations::DeadLetters;
pub use self::destinations::Destinations;
use self::pool::InstancePool;
use self::server::Server;
use crate::faults::Faults;
use crate::http_server::HttpServer;
use crate::logs::Journal;
use crate::stack::EventInvoke;

/// A function to run: binary, environment, limits.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Logical id in the template, also the function's name.
    pub id: String,
    pub binary: PathBuf,
    /// The environment except for the variables that Lambda sets.
    pub environment: BTreeMap<String, String>,
    /// MB; passed to the function, not enforced.
    pub memory_size: u32,
    /// Timeout of one invocation.
    pub timeout: Duration,
    /// `ReservedConcurrentExecutions`
    pub reserved_concurrency: Option<u32>,
    /// `EventInvokeConfig` of asynchronous invocations.
    pub event_invoke: EventInvoke,
}

impl FunctionSpec {
    fn binary_name(&self) -> String {
        self.binary.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Options of Lambda.
#[derive(Clone, Debug)]
pub struct LambdaOptions {
    /// Region in ARNs and in the functions' environment.
    pub region: String,
    /// Concurrency limit of all functions together.
    pub concurrency: usize,
    /// Idle time after which an instance is stopped.
    pub idle: Duration,
    /// Timeout from process start to the first poll.
    pub init_timeout: Duration,
    /// Factor for the waits between asynchronous attempts (1 and 2 minutes on AWS).
    pub retry_scale: f64,
    /// File that on-failure records are appended to.
    pub dead_letters: Option<PathBuf>,
    /// Queues that receive on-failure records.
    pub destinations: Destinations,
    /// Stops instances (SIGSTOP) between invocations, as Lambda does, which also pauses background work.
    pub freeze: bool,
    /// `http://host:port` of an external Invoke API that runs the functions.
    pub invoke: Option<String>,
    /// Receives every finished invocation.
    pub journal: Arc<Journal>,
    pub faults: Faults,
}

impl Default for LambdaOptions {
    fn default() -> Self {
        Self {
            region: "us-east-1".into(),
            concurrency: 100,
            idle: Duration::from_mins(5),
            init_timeout: Duration::from_secs(10),
            retry_scale: 0.01,
            dead_letters: None,
            destinations: Destinations::default(),
            freeze: false,
            invoke: None,
            journal: Arc::default(),
            faults: Faults::default(),
        }
    }
}

/// The result of an invocation that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function's result.
    Success(Bytes),
    /// `{"errorType": …, "errorMessage": …}`: the function failed, crashed or timed out.
    FunctionError(Bytes),
}

/// Why an invocation did not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvokeError {
    /// No function has this name.
    NotFound(String),
    /// No instance is free and the concurrency limit is reached.
    Throttled {
        /// `ReservedFunctionConcurrentInvocationLimitExceeded`, `ConcurrentInvocationLimitExceeded`, or `Stopping`.
        reason: &'static str,
    },
    /// The payload exceeds Lambda's limit.
    TooLarge {
        /// Size in bytes.
        size: usize,
    },
}

impl fmt::Display for InvokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(name) => write!(f, "Function not found: {name}"),
            Self::Throttled { reason } => write!(f, "Rate Exceeded. ({reason})"),
            Self::TooLarge { size } => write!(f, "Request must be smaller than the limit; it has {size} bytes."),
        }
    }
}

impl std::error::Error for InvokeError {}

impl InvokeError {
    /// Whether the cloud is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self, Self::Throttled { reason: pool::STOPPING })
    }
}

/// One process of a function.
#[derive(Clone, Debug)]
pub struct InstanceInfo {
    /// Logical id of the function.
    pub function: String,
    pub pid: u32,
    /// Whether it runs an invocation or is starting.
    pub busy: bool,
    pub started: SystemTime,
    /// Number of finished invocations.
    pub invocations: u64,
    /// From exec to its first poll, once it has polled.
    pub cold_start: Option<Duration>,
}

/// Maximum payload of a synchronous invocation.
pub const SYNC_LIMIT: usize = 6 * 1024 * 1024;
/// Maximum payload of an asynchronous invocation.
pub const EVENT_LIMIT: usize = 1024 * 1024;

/// The functions of one stack.
#[derive(Clone, Debug)]
pub struct Lambda {
    pool: Arc<InstancePool>,
    dead_letters: Arc<DeadLetters>,
    server: Arc<Server>,
}

impl Lambda {
    /// Serves the Runtime API and the Invoke API on a loopback listener; instances start on demand.
    pub async fn start(functions: Vec<FunctionSpec>, options: LambdaOptions) -> io::Result<Self> {
        let listener = HttpServer::bind().await?;
        Self::start_on(listener, functions, options)
    }

    /// Like [`Lambda::start`], on an existing listener, whose address the functions' environment may contain.
    pub fn start_on(listener: tokio::net::TcpListener, functions: Vec<FunctionSpec>, options: LambdaOptions) -> io::Result<Self> {
        let dead_letters = Arc::new(DeadLetters::new(options.dead_letters.clone(), options.destinations.clone()));
        let pool = InstancePool::new(functions, options, listener.local_addr()?)?;
        let server = Arc::new(Server::start(listener, &pool, &dead_letters)?);
        Ok(Self { pool, dead_letters, server })
    }

    /// Address for `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn endpoint(&self) -> SocketAddr {
        self.server.address()
    }

    /// Invokes a function (by logical id or ARN) and waits for its result. The invocation continues if the caller stops waiting.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Outcome, InvokeError> {
        if payload.len() > SYNC_LIMIT {
            return Err(InvokeError::TooLarge { size: payload.len() });
        }
        self.pool.invoke(function, Uuid::new_v4(), payload).await
    }

    /// Queues an asynchronous invocation and returns its request id.
    pub fn invoke_event(&self, function: &str, payload: Bytes) -> Result<String, InvokeError> {
        let id = Uuid::new_v4();
        async_invocations::submit(&self.pool, &self.dead_letters, (function, id), payload)?;
        Ok(id.to_string())
    }

    /// The running processes.
    pub fn instances(&self) -> Vec<InstanceInfo> {
        self.pool.instances()
    }

    /// Kills an instance's process like a crash; returns whether it existed.
    pub fn kill(&self, pid: u32) -> bool {
        self.pool.kill(pid)
    }

    /// Replaces the function's instances after its binary has changed: new invocations start new instances, running ones finish. Returns the number
    /// of replaced instances.
    pub fn retire(&self, function: &str) -> usize {
        self.pool.retire(function)
    }

    /// Recent on-failure records of asynchronous invocations, oldest first.
    pub fn dead_letters(&self) -> Vec<serde_json::Value> {
        self.dead_letters.all(&self.pool)
    }

    /// Queues the event of a dead letter again and returns the new request id; `None` if the letter does not exist. Removes the letter; another
    /// failure creates a new one.
    pub fn send_again(&self, request_id: &str) -> Option<Result<String, InvokeError>> {
        let letter = self.dead_letters.take(request_id, &self.pool)?;
        let function = letter["requestContext"]["functionArn"].as_str().unwrap_or_default();
        let sent = self.invoke_event(function_name(function), Bytes::from(letter["requestPayload"].to_string()));
        if sent.is_err() {
            self.dead_letters.add(letter, &self.pool);
        }
        Some(sent)
    }

    /// Recent invocations.
    pub fn journal(&self) -> &Journal {
        self.pool.journal()
    }

    pub fn faults(&self) -> &Faults {
        self.pool.faults()
    }

    /// Stops every instance and closes the listener.
    pub async fn stop(&self) {
        self.pool.stop().await;
        self.server.stop();
    }
}

/// Extracts a function's name from `Name`, `Name:qualifier`, or a full or partial ARN.
fn function_name(name_or_arn: &str) -> &str {
    let mut parts = name_or_arn.split(':');
    let first = parts.next().unwrap_or_default();
    parts.find(|part| *part == "function").and_then(|_| parts.next()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::function_name;

    #[test]
    fn a_function_is_known_by_its_name_and_by_its_arn() {
        for name in [
            "Fanout",
            "Fanout:live",
            "000000000000:function:Fanout",
            "arn:aws:lambda:us-east-1:000000000000:function:Fanout",
            "arn:aws:lambda:eu-west-1:123456789012:function:Fanout:$LATEST",
        ] {
            assert_eq!(function_name(name), "Fanout", "{name}");
        }
    }
}
