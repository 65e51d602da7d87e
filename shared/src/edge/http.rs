//! Serving an HTTP function: one log line a request, errors become problem documents, unknown routes included.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::edge::extract::Origin;
use crate::edge::problem;
use crate::error::Error;

/// A request that takes longer is answered with 503, before the function's own timeout would leave it unanswered.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// Serves invocations of an HTTP function until its instance ends.
pub async fn serve(router: Router) -> Result<(), lambda_runtime::Error> {
    lambda_http::run(finished(router)).await
}

/// The router with its outermost layer, as it is served.
pub fn finished(router: Router) -> Router {
    router
        .fallback(async || Error::NotFound("route_not_found"))
        .method_not_allowed_fallback(async || Error::NotFound("method_not_allowed"))
        .layer(middleware::from_fn(outermost))
}

async fn outermost(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let origin = Origin::of(request.extensions());
    let method = request.method().clone();
    let route = request.uri().path().to_owned();
    let response = match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(late) => Error::unavailable(late).into_response(),
    };
    let mut response = problem::finish(response, &origin.request_id);
    let headers = response.headers_mut();
    // Answers are about one person and this moment; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    tracing::info!(
        request_id = origin.request_id,
        method = method.as_str(),
        route,
        status = response.status().as_u16(),
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
