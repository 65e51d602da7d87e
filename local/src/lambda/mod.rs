//! Lambda on this machine: one process per concurrent invocation behind the real Runtime API; an invocation ends exactly once.

mod destinations;
mod detour;
mod failure;
mod faulty;
mod instances;
mod invoke_api;
mod process;
mod queue;
mod remote;
mod runtime_api;
mod server;
mod state;

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use uuid::Uuid;

pub use self::destinations::Destinations;
use self::{instances::Pool, queue::DeadLetters, server::Server};
use crate::{faults::Faults, logs::Journal, loopback::Loopback, stack::EventInvoke};

/// A function as it is run: where its binary is, what it is told, how long it may take.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Logical id in the template; also the function's name.
    pub id: String,
    /// The binary.
    pub binary: PathBuf,
    /// The whole environment besides what Lambda itself sets.
    pub environment: BTreeMap<String, String>,
    /// MB; told to the function, not enforced.
    pub memory_size: u32,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// `ReservedConcurrentExecutions`.
    pub reserved_concurrency: Option<u32>,
    /// What becomes of asynchronous invocations that fail.
    pub event_invoke: EventInvoke,
}

impl FunctionSpec {
    fn binary_name(&self) -> String {
        self.binary.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// How the functions are run.
#[derive(Clone, Debug)]
pub struct LambdaOptions {
    /// Region in ARNs and in the functions' environment.
    pub region: String,
    /// Invocations of all functions together.
    pub concurrency: usize,
    /// An instance idle for so long is stopped.
    pub idle: Duration,
    /// How long an instance may take to its first poll.
    pub init_timeout: Duration,
    /// Factor on the waits between asynchronous attempts (1 and 2 minutes on AWS).
    pub retry_scale: f64,
    /// A file that on-failure records are appended to.
    pub dead_letters: Option<PathBuf>,
    /// The queues that take on-failure records.
    pub destinations: Destinations,
    /// Stop instances between invocations, as Lambda does: what they do in the background then stands still.
    pub freeze: bool,
    /// `http://host:port` of an Invoke API that runs the functions in our place.
    pub invoke: Option<String>,
    /// Takes every invocation that has ended.
    pub journal: Arc<Journal>,
    /// What is to break.
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

/// What an invocation that ran gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function's result.
    Success(Bytes),
    /// `{"errorType": …, "errorMessage": …}`: the function failed, crashed or ran out of time.
    FunctionError(Bytes),
}

/// Why an invocation did not run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvokeError {
    /// No function of that name.
    NotFound(String),
    /// No instance is free, and no further one may start.
    Throttled {
        /// `ReservedFunctionConcurrentInvocationLimitExceeded`, `ConcurrentInvocationLimitExceeded`, or `Stopping`.
        reason: &'static str,
    },
    /// The payload is larger than Lambda takes.
    TooLarge {
        /// Its size in bytes.
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
    /// Whether nothing is invoked any more.
    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self, Self::Throttled { reason: instances::STOPPING })
    }
}

/// One running process of a function.
#[derive(Clone, Debug)]
pub struct InstanceInfo {
    /// Logical id of the function.
    pub function: String,
    /// Process id.
    pub pid: u32,
    /// Whether an invocation is running in it (its start counts).
    pub busy: bool,
    /// When the process was started.
    pub started: SystemTime,
    /// Invocations it has ended.
    pub invocations: u64,
    /// From exec to its first poll, once it polled.
    pub cold_start: Option<Duration>,
}

/// Largest payload of an invocation that is waited for.
pub const SYNC_LIMIT: usize = 6 * 1024 * 1024;
/// Largest payload of a queued invocation.
pub const EVENT_LIMIT: usize = 1024 * 1024;

/// The functions of one stack, running on this machine.
#[derive(Clone, Debug)]
pub struct Lambda {
    pool: Arc<Pool>,
    dead_letters: Arc<DeadLetters>,
    server: Arc<Server>,
}

impl Lambda {
    /// Serves the Runtime API and the Invoke API on a loopback listener; instances start when they are needed.
    pub async fn start(functions: Vec<FunctionSpec>, options: LambdaOptions) -> io::Result<Self> {
        let listener = Loopback::bind().await?;
        Self::start_on(listener, functions, options)
    }

    /// Like [`Lambda::start`], on a listener whose address the functions' environment may already name.
    pub fn start_on(listener: tokio::net::TcpListener, functions: Vec<FunctionSpec>, options: LambdaOptions) -> io::Result<Self> {
        let dead_letters = Arc::new(DeadLetters::new(options.dead_letters.clone(), options.destinations.clone()));
        let pool = Pool::new(functions, options, listener.local_addr()?)?;
        let server = Arc::new(Server::start(listener, &pool, &dead_letters)?);
        Ok(Self { pool, dead_letters, server })
    }

    /// For `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn endpoint(&self) -> SocketAddr {
        self.server.address()
    }

    /// Runs the function (by logical id or ARN) and waits for its result. It runs to its end even if nobody waits any more.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Outcome, InvokeError> {
        if payload.len() > SYNC_LIMIT {
            return Err(InvokeError::TooLarge { size: payload.len() });
        }
        self.pool.invoke(function, Uuid::new_v4(), payload).await
    }

    /// Queues an asynchronous invocation and gives its request id.
    pub fn invoke_event(&self, function: &str, payload: Bytes) -> Result<String, InvokeError> {
        let id = Uuid::new_v4();
        queue::submit(&self.pool, &self.dead_letters, (function, id), payload)?;
        Ok(id.to_string())
    }

    /// The processes that run now.
    pub fn instances(&self) -> Vec<InstanceInfo> {
        self.pool.instances()
    }

    /// Ends the process of an instance at once, as a crash would; says whether there was one.
    pub fn kill(&self, pid: u32) -> bool {
        self.pool.kill(pid)
    }

    /// Has the function's next invocations run in new instances: its binary is another one. Who works, works to the end of it. Says how many
    /// instances are replaced.
    pub fn retire(&self, function: &str) -> usize {
        self.pool.retire(function)
    }

    /// The last on-failure records of asynchronous invocations, oldest first.
    pub fn dead_letters(&self) -> Vec<serde_json::Value> {
        self.dead_letters.all(&self.pool)
    }

    /// Queues the event of the dead letter with this request id once more and gives the new invocation's id; `None` if there is no such letter.
    /// The letter is gone then: should the function fail again, there is a new one.
    pub fn send_again(&self, request_id: &str) -> Option<Result<String, InvokeError>> {
        let letter = self.dead_letters.take(request_id, &self.pool)?;
        let function = letter["requestContext"]["functionArn"].as_str().unwrap_or_default();
        let sent = self.invoke_event(function_name(function), Bytes::from(letter["requestPayload"].to_string()));
        if sent.is_err() {
            self.dead_letters.add(letter, &self.pool);
        }
        Some(sent)
    }

    /// What the functions did last.
    pub fn journal(&self) -> &Journal {
        self.pool.journal()
    }

    /// What is to break.
    pub fn faults(&self) -> &Faults {
        self.pool.faults()
    }

    /// Ends every instance and closes the listener.
    pub async fn stop(&self) {
        self.pool.stop().await;
        self.server.stop();
    }
}

/// A function's name from what callers may write: `Name`, `Name:qualifier`, or an ARN, whole or partial.
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
