//! Invocations by somebody else: `sam local start-lambda`, or any endpoint that speaks Lambda's Invoke API. What came of them is recorded as of our own.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::Request;
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    FunctionSpec, InvokeError, Outcome, failure,
    instances::{Pool, STOPPING},
};
use crate::{logs::Invocation, request::send};

/// Besides the function's own time: containers are made, and images are fetched.
const START: Duration = Duration::from_mins(2);

/// It goes on when its caller goes away, as everywhere.
pub(super) async fn invoke(
    pool: &Arc<Pool>,
    endpoint: String,
    function: &str,
    (id, payload): (Uuid, Bytes),
) -> Result<Outcome, InvokeError> {
    let spec = pool.function(function).ok_or_else(|| InvokeError::NotFound(function.to_owned()))?;
    let pool = Arc::clone(pool);
    let run = tokio::spawn(async move {
        let (outcome, record) = there(&endpoint, &spec, (id, payload)).await?;
        pool.journal().record(record);
        Ok(outcome)
    });
    run.await.unwrap_or(Err(InvokeError::Throttled { reason: STOPPING }))
}

/// The outcome, and what is to be recorded of it.
async fn there(endpoint: &str, spec: &FunctionSpec, (id, payload): (Uuid, Bytes)) -> Result<(Outcome, Invocation), InvokeError> {
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
        // A process of somebody else's.
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
