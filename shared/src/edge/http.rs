//! Serves HTTP functions: one log line per request, problem documents for errors, including unknown routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::edge::distribution::Distribution;
use crate::edge::extract::RequestInfo;
use crate::edge::{pagination, problem, rate_limit_headers};
use crate::error::Error;
use crate::telemetry::invocation::{self, Invocation, Outcome};
use crate::telemetry::rate_status;

/// Requests over this time limit get 503, before the function's own timeout leaves them unanswered.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// HSTS for a year, without subdomains: those belong to the operator.
const HSTS: &str = "max-age=31536000";

/// A route with its own time limit, bounded by the timeout of its function.
#[derive(Clone, Copy, Debug)]
pub struct SlowRoute {
    /// The route pattern.
    pub route: &'static str,
    pub deadline: Duration,
}

/// Serves invocations of an HTTP function until its instance ends.
pub async fn serve(router: Router) -> Result<(), lambda_runtime::Error> {
    lambda_http::run(into_service(router)).await
}

/// The same for functions that look at the client's address, behind the web client's distribution.
pub async fn serve_behind(router: Router, distribution: Distribution) -> Result<(), lambda_runtime::Error> {
    let distribution = Arc::new(distribution);
    let attribute = middleware::from_fn(move |mut request: Request, next: Next| {
        distribution.attribute(&mut request);
        next.run(request)
    });
    lambda_http::run(into_service(router).layer(attribute)).await
}

/// The same with one slow route.
pub async fn serve_with_slow_route(router: Router, slow_route: SlowRoute) -> Result<(), lambda_runtime::Error> {
    lambda_http::run(with_slow_route(router, Some(slow_route))).await
}

/// Adds the fallbacks and the outermost layer.
pub fn into_service(router: Router) -> Router {
    with_slow_route(router, None)
}

fn with_slow_route(router: Router, slow_route: Option<SlowRoute>) -> Router {
    router
        .fallback(async || Error::NotFound("route_not_found"))
        .method_not_allowed_fallback(async || Error::NotFound("method_not_allowed"))
        .layer(middleware::from_fn(move |request, next| handle(slow_route, request, next)))
}

async fn handle(slow_route: Option<SlowRoute>, request: Request, next: Next) -> Response {
    let invocation = Invocation::begin();
    let origin = RequestInfo::of(request.extensions());
    let method = request.method().clone();
    // Logs the pattern: a path can contain an invite code.
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let deadline = slow_route.filter(|slow_route| slow_route.route == route).map_or(DEADLINE, |slow_route| slow_route.deadline);
    let asked = request.uri().clone();
    let encrypted = request.headers().get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let response = match invocation::within(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(late) => Error::unavailable(late).into_response(),
    };
    let link = pagination::link_header(&asked, &response);
    let code = response.extensions().get::<Arc<Error>>().map_or("ok", |error| error.code());
    let mut response = problem::finish(response, &origin.request_id);
    let headers = response.headers_mut();
    if let Some(rate) = rate_status::current()
        && !headers.contains_key("ratelimit")
    {
        rate_limit_headers::insert(headers, &rate);
    }
    if let Some(link) = link {
        headers.insert(header::LINK, link);
    }
    // Responses depend on user and time; cacheable ones set their own header.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Browsers ignore HSTS over plain HTTP, as on a developer's machine.
    if encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    let (what, status) = (format!("{method} {route}"), Some(response.status().as_u16()));
    invocation.end(&Outcome { request_id: &origin.request_id, what: &what, code, status, connection: None });
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn responses_over_tls_set_hsts() {
        let router =
            || into_service(Router::new().route("/good", get(async || "good")).route("/bad", get(async || Error::TooLarge)));
        for path in ["/good", "/bad", "/unknown"] {
            for (scheme, told) in [("https", Some(HSTS)), ("http", None)] {
                let request = Request::builder().uri(path).header("x-forwarded-proto", scheme).body(Body::empty()).unwrap();
                let answer = router().oneshot(request).await.unwrap();
                let header = answer.headers().get(header::STRICT_TRANSPORT_SECURITY).map(|value| value.to_str().unwrap());
                assert_eq!(header, told, "{path} {scheme}");
            }
        }
    }
}
