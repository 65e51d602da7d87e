//! The way from an edge to a function: an invocation goes on when its caller has left or waited long enough, as on AWS.

use std::fmt::{Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::faults::Faults;
use crate::lambda::{InvokeError, Lambda, Outcome};

/// A function played by a closure: its logical id and the event in, the outcome out.
pub type MemoryFunction = Arc<dyn Fn(String, Bytes) -> BoxFuture<'static, Result<Outcome, InvokeError>> + Send + Sync>;

/// Who plays the functions.
#[derive(Clone)]
pub enum Backend {
    /// Processes behind the Runtime API.
    Lambda(Lambda),
    /// A closure, for tests of the edges.
    Memory(MemoryFunction),
}

impl Debug for Backend {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Lambda(_) => "Backend::Lambda",
            Self::Memory(_) => "Backend::Memory",
        })
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The function failed, or did not end in its time; its error object.
    Function(Bytes),
    /// Too many invocations at once.
    Throttled,
    /// The integration's own timeout passed; the function goes on.
    TimedOut,
    /// The event is larger than Lambda takes.
    TooLarge,
    /// There is no such function.
    Missing,
}

impl Failure {
    /// Tells the terminal of an invocation that was none; of one that failed the journal does.
    pub(super) fn tell(&self, function: &str, route: &str) {
        let what = match self {
            Self::Function(_) => return,
            Self::Throttled => "throttled: as many invocations run as are allowed",
            Self::TimedOut => "the route waits no longer; the function goes on",
            Self::TooLarge => "the event is larger than a function takes",
            Self::Missing => "there is no such function",
        };
        tracing::warn!(function, route, "{what}");
    }
}

impl Backend {
    /// The faults of whoever plays the functions; those of the edges are the same ones.
    pub(super) fn faults(&self) -> Faults {
        match self {
            Self::Lambda(lambda) => lambda.faults().clone(),
            Self::Memory(_) => Faults::default(),
        }
    }

    /// Invokes and waits, but no longer than `timeout`.
    pub(super) async fn call(&self, function: &str, event: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
        let (backend, function) = (self.clone(), function.to_owned());
        // A task of its own: a client that hangs up does not stop the function.
        let invocation = tokio::spawn(async move { backend.invoke(function, event).await });
        match tokio::time::timeout(timeout, invocation).await {
            Err(_) => Err(Failure::TimedOut),
            Ok(Err(_)) => Err(Failure::Function(Bytes::new())),
            Ok(Ok(Ok(Outcome::Success(result)))) => Ok(result),
            Ok(Ok(Ok(Outcome::FunctionError(error)))) => Err(Failure::Function(error)),
            Ok(Ok(Err(error))) => Err(match error {
                InvokeError::NotFound(_) => Failure::Missing,
                InvokeError::Throttled { .. } => Failure::Throttled,
                InvokeError::TooLarge { .. } => Failure::TooLarge,
            }),
        }
    }

    async fn invoke(&self, function: String, event: Bytes) -> Result<Outcome, InvokeError> {
        match self {
            Self::Lambda(lambda) => lambda.invoke(&function, event).await,
            Self::Memory(play) => play(function, event).await,
        }
    }
}
