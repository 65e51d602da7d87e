//! The Runtime API, version 2018-06-01, for `lambda_runtime`. Rejects calls in the wrong order as Lambda does.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;
use uuid::Uuid;

use super::pool::{InstancePool, NextEvent, RuntimeApiError};
use super::server::{body, json};
use super::state::InvocationEvent;
use super::{Outcome, failure};

/// Response limit: 6 MiB plus overhead.
const RESPONSE_LIMIT: usize = 6 * 1024 * 1024 + 100;

pub(super) async fn answer(pool: &InstancePool, instance: u64, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let call = path.split_once("/2018-06-01/runtime/").map_or("", |(_, call)| call);
    let parts: Vec<&str> = call.split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(pool, instance).await,
        (&Method::POST, ["invocation", id, "response"]) => respond(pool, instance, id, request).await,
        (&Method::POST, ["invocation", id, "error"]) => fail(pool, instance, id, request).await,
        (&Method::POST, ["init", "error"]) => match body(request, RESPONSE_LIMIT).await {
            Some(body) => accepted(pool.init_failed(instance, Outcome::FunctionError(body))),
            None => too_large(),
        },
        _ => json(StatusCode::NOT_FOUND, r#"{"errorType":"NotFound","errorMessage":"There is no such call."}"#),
    }
}

async fn next(pool: &InstancePool, instance: u64) -> Response<Full<Bytes>> {
    if let Some(delay) = pool.cold_start_delay(instance) {
        tokio::time::sleep(delay).await;
    }
    match pool.poll(instance) {
        Ok(NextEvent::Ready(event)) => deliver(pool, event),
        Ok(NextEvent::Pending(event)) => match event.await {
            Ok(event) => deliver(pool, event),
            // Another poll has replaced it, or the pool is gone.
            Err(_) => refused(RuntimeApiError::InvalidStateTransition),
        },
        Err(refusal) => refused(refusal),
    }
}

fn deliver(pool: &InstancePool, event: InvocationEvent) -> Response<Full<Bytes>> {
    let millis = event.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut response = json(StatusCode::OK, event.payload);
    let headers = response.headers_mut();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", event.id.to_string()),
        ("lambda-runtime-deadline-ms", millis.to_string()),
        ("lambda-runtime-invoked-function-arn", pool.arn(&event.function.id)),
        ("lambda-runtime-trace-id", trace(event.id)),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}

fn trace(id: Uuid) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let hex = id.simple().to_string();
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &hex[..24], &hex[16..])
}

async fn respond(pool: &InstancePool, instance: u64, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let id = match allowed(pool, instance, id) {
        Ok(id) => id,
        Err(refusal) => return refused(refusal),
    };
    match body(request, RESPONSE_LIMIT).await {
        Some(body) => accepted(pool.answer(instance, id, Outcome::Success(body))),
        None => match pool.answer(instance, id, failure::response_too_large()) {
            Ok(()) => too_large(),
            Err(refusal) => refused(refusal),
        },
    }
}

async fn fail(pool: &InstancePool, instance: u64, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let id = match allowed(pool, instance, id) {
        Ok(id) => id,
        Err(refusal) => return refused(refusal),
    };
    match body(request, RESPONSE_LIMIT).await {
        Some(body) => accepted(pool.answer(instance, id, Outcome::FunctionError(body))),
        None => too_large(),
    }
}

fn allowed(pool: &InstancePool, instance: u64, id: &str) -> Result<Uuid, RuntimeApiError> {
    let id = id.parse().map_err(|_| RuntimeApiError::InvalidRequestId)?;
    pool.may_answer(instance, id).map(|()| id)
}

fn accepted(result: Result<(), RuntimeApiError>) -> Response<Full<Bytes>> {
    match result {
        Ok(()) => json(StatusCode::ACCEPTED, r#"{"status":"OK"}"#),
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: RuntimeApiError) -> Response<Full<Bytes>> {
    let (status, kind, message) = match refusal {
        RuntimeApiError::InvalidRequestId => (StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        RuntimeApiError::InvalidStateTransition => {
            (StatusCode::FORBIDDEN, "InvalidStateTransition", "State transition is not allowed")
        }
        RuntimeApiError::UnknownInstance => (StatusCode::FORBIDDEN, "InvalidStateTransition", "This instance has ended"),
    };
    json(status, json!({ "errorType": kind, "errorMessage": message }).to_string())
}

fn too_large() -> Response<Full<Bytes>> {
    let body = r#"{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}"#;
    json(StatusCode::PAYLOAD_TOO_LARGE, body)
}
