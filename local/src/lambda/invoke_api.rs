//! The Invoke API, version 2015-03-31, with the errors that SDKs expect.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;
use uuid::Uuid;

use super::async_invocations::{self, DeadLetters};
use super::pool::InstancePool;
use super::server::{body, json};
use super::{EVENT_LIMIT, InvokeError, Outcome, SYNC_LIMIT, function_name};

pub(super) async fn answer(
    pool: &Arc<InstancePool>,
    dead_letters: &Arc<DeadLetters>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let id = Uuid::new_v4();
    let mut response = invoke(pool, dead_letters, id, request).await.unwrap_or_else(InvokeApiError::into_response);
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

async fn invoke(
    pool: &Arc<InstancePool>,
    dead_letters: &Arc<DeadLetters>,
    id: Uuid,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, InvokeApiError> {
    let function = function_of(&request)?;
    // Signatures are required but not verified: a function that does not sign fails here as on AWS, and web pages cannot post to this port.
    let signed =
        request.headers().get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
    if !signed {
        return Err(InvokeApiError::new(
            StatusCode::FORBIDDEN,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    }
    if pool.function(&function).is_none() {
        return Err(not_found(pool, &function));
    }
    let kind = request
        .headers()
        .get("x-amz-invocation-type")
        .map_or("RequestResponse", |value| value.to_str().unwrap_or_default())
        .to_owned();
    let limit = if kind == "Event" { EVENT_LIMIT } else { SYNC_LIMIT };
    let payload = body(request, limit).await.ok_or_else(|| too_large(limit))?;
    let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        let message = format!("Could not parse request body into json: {error}");
        return Err(InvokeApiError::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &message));
    }
    match kind.as_str() {
        "RequestResponse" => Ok(executed(pool.invoke(&function, id, payload).await?)),
        "Event" => {
            async_invocations::submit(pool, dead_letters, (&function, id), payload)?;
            Ok(empty(StatusCode::ACCEPTED))
        }
        "DryRun" => Ok(empty(StatusCode::NO_CONTENT)),
        other => {
            let message = format!("Invocation type {other:?} is none of RequestResponse, Event, DryRun");
            Err(InvokeApiError::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message))
        }
    }
}

fn function_of(request: &Request<Incoming>) -> Result<String, InvokeApiError> {
    let no_such = || InvokeApiError::new(StatusCode::NOT_FOUND, "UnknownOperationException", "There is no such call.");
    let function = request.uri().path().strip_prefix("/2015-03-31/functions/").and_then(|rest| rest.strip_suffix("/invocations"));
    let function = function.filter(|_| request.method() == Method::POST).ok_or_else(no_such)?;
    Ok(percent_encoding::percent_decode_str(function).decode_utf8_lossy().into_owned())
}

fn executed(outcome: Outcome) -> Response<Full<Bytes>> {
    let (body, failed) = match outcome {
        Outcome::Success(body) => (body, false),
        Outcome::FunctionError(body) => (body, true),
    };
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if failed {
        response.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn not_found(pool: &InstancePool, function: &str) -> InvokeApiError {
    let message = format!("Function not found: {}", pool.arn(function_name(function)));
    InvokeApiError::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message)
}

fn too_large(limit: usize) -> InvokeApiError {
    let message = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
    InvokeApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", &message)
}

/// An invocation that did not take place.
struct InvokeApiError {
    status: StatusCode,
    kind: &'static str,
    body: serde_json::Value,
}

impl InvokeApiError {
    fn new(status: StatusCode, kind: &'static str, message: &str) -> Self {
        Self { status, kind, body: json!({ "Type": "User", "message": message, "Message": message }) }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = json(self.status, self.body.to_string());
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(self.kind));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<InvokeError> for InvokeApiError {
    fn from(error: InvokeError) -> Self {
        match &error {
            InvokeError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", &error.to_string()),
            InvokeError::TooLarge { .. } => too_large(SYNC_LIMIT),
            InvokeError::Throttled { reason } => Self {
                status: StatusCode::TOO_MANY_REQUESTS,
                kind: "TooManyRequestsException",
                body: json!({ "Type": "User", "Reason": *reason, "message": "Rate Exceeded." }),
            },
        }
    }
}
