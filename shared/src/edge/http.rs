//! Serving an HTTP function: one log line a request, errors become problem documents, unknown routes included.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::edge::extract::Origin;
use crate::edge::rates::Standing;
use crate::edge::{list, problem};
use crate::error::Error;
use crate::telemetry::invocation::{self, End, Invocation};

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

async fn outermost(mut request: Request, next: Next) -> Response {
    let invocation = Invocation::begin();
    let origin = Origin::of(request.extensions());
    let method = request.method().clone();
    // Its pattern: a path may hold an invite's code.
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let asked = request.uri().clone();
    let standing = Standing::default();
    request.extensions_mut().insert(standing.clone());
    let response = match invocation::within(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(late) => Error::unavailable(late).into_response(),
    };
    let link = list::link(&asked, &response);
    let code = response.extensions().get::<Arc<Error>>().map_or("ok", |error| error.code());
    let mut response = problem::finish(response, &origin.request_id);
    let headers = response.headers_mut();
    standing.tell(headers);
    if let Some(link) = link {
        headers.insert(header::LINK, link);
    }
    // Answers are about one person and this moment; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (what, status) = (format!("{method} {route}"), Some(response.status().as_u16()));
    invocation.end(&End { request_id: &origin.request_id, what: &what, code, status, connection: None });
    response
}
