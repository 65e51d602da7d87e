//! An HTTP API client with one kept-alive connection that honours `Retry-After`.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::{Person, SeedError};

/// Attempts per request that the server defers.
const MAX_ATTEMPTS: u32 = 20;

pub(super) struct Client {
    base: String,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(super) fn new(base: &str) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            http: Http::builder(TokioExecutor::new()).build(HttpConnector::new()),
        }
    }

    pub(super) async fn get(&self, path: &str, user: &Person) -> Result<Value, SeedError> {
        self.request_ok("GET", path, user, Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, user: &Person, body: Value) -> Result<Value, SeedError> {
        self.request_ok("POST", path, user, body).await
    }

    pub(super) async fn put(&self, path: &str, user: &Person, body: Value) -> Result<Value, SeedError> {
        self.request_ok("PUT", path, user, body).await
    }

    /// A request that may be refused, because it was made before or the route does not exist.
    pub(super) async fn try_request(&self, method: &str, path: &str, user: &Person, body: Value) -> Result<(), SeedError> {
        match self.request(method, path, Some(&user.token), body).await? {
            (200..=299 | 404 | 405 | 409, _) => Ok(()),
            (status, body) => Err(SeedError(format!("{method} {path}: {status} {body}"))),
        }
    }

    /// Sends a request and waits as long as the server asks. Returns status and body.
    pub(super) async fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Result<(u16, Value), SeedError> {
        let failed = |why: String| SeedError(format!("{method} {}{path}: {why}", self.base));
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        for _ in 0..MAX_ATTEMPTS {
            let mut request =
                Request::builder().method(method).uri(format!("{}{path}", self.base)).header("content-type", "application/json");
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let request = request.body(Full::new(body.clone())).map_err(|error| failed(error.to_string()))?;
            let answered =
                self.http.request(request).await.map_err(|error| {
                    if error.is_connect() { self.connection_error(&error) } else { failed(error.to_string()) }
                })?;
            let (parts, answer) = answered.into_parts();
            let answer = answer.collect().await.map_err(|error| failed(error.to_string()))?.to_bytes();
            if !matches!(parts.status.as_u16(), 429 | 503) {
                return Ok((parts.status.as_u16(), serde_json::from_slice(&answer).unwrap_or_default()));
            }
            let wait = parts.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
        }
        Err(failed(format!("deferred {MAX_ATTEMPTS} times")))
    }

    /// The HTTP library's message omits the cause.
    fn connection_error(&self, error: &dyn Error) -> SeedError {
        let mut cause = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        SeedError(format!(
            "no response from {} ({cause}): start a cloud with `make run`, or specify another one with --url",
            self.base
        ))
    }

    async fn request_ok(&self, method: &str, path: &str, user: &Person, body: Value) -> Result<Value, SeedError> {
        match self.request(method, path, Some(&user.token), body).await? {
            (200..=299, body) => Ok(body),
            (status, body) => Err(SeedError(format!("{method} {path}: {status} {body}"))),
        }
    }
}
