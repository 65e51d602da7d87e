//! Invocations through an external Invoke API such as `sam local start-lambda`, recorded like local ones.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::Request;
use tokio::time::timeout;
use uuid::Uuid;

use super::pool::{InstancePool, STOPPING};
use super::{FunctionSpec, InvokeError, Outcome, failure};
use crate::aws_request::send;
use crate::logs::Invocation;

/// Additional time for creating containers and downloading images.
const START: Duration = Duration::from_mins(2);

/// Runs in its own task and continues if its caller goes away.
pub(super) async fn invoke(
    pool: &Arc<InstancePool>,
    endpoint: String,
    function: &str,
    (id, payload): (Uuid, Bytes),
) -> Result<Outcome, InvokeError> {
    let spec = pool.function(function).ok_or_else(|| InvokeError::NotFound(function.to_owned()))?;
    let pool = Arc::clone(pool);
    let run = tokio::spawn(async move {
        let (outcome, record) = invoke_remote(&endpoint, &spec, (id, payload)).await?;
        pool.journal().record(record);
        Ok(outcome)
    });
    run.await.unwrap_or(Err(InvokeError::Throttled { reason: STOPPING }))
}

/// The outcome and its journal record.
async fn invoke_remote(
    endpoint: &str,
    spec: &FunctionSpec,
    (id, payload): (Uuid, Bytes),
) -> Result<(Outcome, Invocation), InvokeError> {
    let begun = Instant::now();
    let request = Request::post(format!("/2015-03-31/functions/{}/invocations", spec.id));
    let headers = [("x-amz-invocation-type", "RequestResponse"), ("content-type", "application/json")];
    let answer = timeout(spec.timeout + START, send(endpoint, request, &headers, payload.clone())).await;
    let outcome = match answer {
        Err(_) => failure::timed_out(id, spec.timeout + START),
        Ok(Err(error)) => failure::not_reached(&error.to_string()),
        Ok(Ok(answer)) => match answer.status {
            200 if answer.failed => Outcome::FunctionError(answer.body),
            200 => Outcome::Success(answer.body),
            404 => return Err(InvokeError::NotFound(spec.id.clone())),
            429 => return Err(InvokeError::Throttled { reason: "ConcurrentInvocationLimitExceeded" }),
            status => failure::not_reached(&format!("{endpoint} answers {status}: {}", String::from_utf8_lossy(&answer.body))),
        },
    };
    let record = Invocation {
        function: spec.id.clone(),
        request_id: id.to_string(),
        // The process is not local.
        pid: 0,
        at: SystemTime::now(),
        duration: begun.elapsed(),
        cold_start: None,
        event: payload,
        outcome: outcome.clone(),
        lines: Vec::new(),
    };
    Ok((outcome, record))
}
