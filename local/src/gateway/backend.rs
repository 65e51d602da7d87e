//! Integrations: invokes functions for the APIs. An invocation continues after its client has left or timed out, as on AWS.

use std::fmt::{Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::faults::Faults;
use crate::lambda::{InvokeError, Lambda, Outcome};

/// An in-memory function: takes its logical id and the event, returns the outcome.
pub type MemoryFunction = Arc<dyn Fn(String, Bytes) -> BoxFuture<'static, Result<Outcome, InvokeError>> + Send + Sync>;

/// What executes the functions.
#[derive(Clone)]
pub enum Backend {
    /// Processes behind the Runtime API.
    Lambda(Lambda),
    /// A closure, for tests of the gateway.
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

/// Why an integration returned no result.
#[derive(Debug)]
pub(super) enum IntegrationError {
    /// The function failed or timed out; its error object.
    Function(Bytes),
    /// Too many concurrent invocations.
    Throttled,
    /// The integration's own timeout passed; the function continues.
    TimedOut,
    /// The event exceeds Lambda's payload limit.
    TooLarge,
    /// The function does not exist.
    Missing,
}

impl IntegrationError {
    /// Logs an invocation that did not take place; the journal records failed ones.
    pub(super) fn log(&self, function: &str, route: &str) {
        let reason = match self {
            Self::Function(_) => return,
            Self::Throttled => "throttled: the concurrency limit is reached",
            Self::TimedOut => "the integration timed out; the function continues",
            Self::TooLarge => "the event exceeds Lambda's payload limit",
            Self::Missing => "the function does not exist",
        };
        tracing::warn!(function, route, "{reason}");
    }
}

impl Backend {
    /// The faults of the functions, which the gateway shares.
    pub(super) fn faults(&self) -> Faults {
        match self {
            Self::Lambda(lambda) => lambda.faults().clone(),
            Self::Memory(_) => Faults::default(),
        }
    }

    /// Invokes a function and waits at most `timeout`.
    pub(super) async fn call(&self, function: &str, event: Bytes, timeout: Duration) -> Result<Bytes, IntegrationError> {
        let (backend, function) = (self.clone(), function.to_owned());
        // A separate task: a client that disconnects does not stop the function.
        let invocation = tokio::spawn(async move { backend.invoke(function, event).await });
        match tokio::time::timeout(timeout, invocation).await {
            Err(_) => Err(IntegrationError::TimedOut),
            Ok(Err(_)) => Err(IntegrationError::Function(Bytes::new())),
            Ok(Ok(Ok(Outcome::Success(result)))) => Ok(result),
            Ok(Ok(Ok(Outcome::FunctionError(error)))) => Err(IntegrationError::Function(error)),
            Ok(Ok(Err(error))) => Err(match error {
                InvokeError::NotFound(_) => IntegrationError::Missing,
                InvokeError::Throttled { .. } => IntegrationError::Throttled,
                InvokeError::TooLarge { .. } => IntegrationError::TooLarge,
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
