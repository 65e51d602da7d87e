//! Serving an HTTP function: one log line a request, errors become problem documents, unknown routes included.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::edge::extract::Origin;
use crate::edge::{list, problem, rates};
use crate::error::Error;
use crate::telemetry::invocation::{self, End, Invocation};
use crate::telemetry::standing;

/// A request that takes longer is answered with 503, before the function's own timeout would leave it unanswered.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// Browsers that were here once ask over TLS alone, for a year. What else is served below the same name is its owner's business.
const ONLY_TLS: &str = "max-age=31536000";

/// A route that may take longer than others, for as long as the timeout of its function allows.
#[derive(Clone, Copy, Debug)]
pub struct Patient {
    /// Its pattern.
    pub route: &'static str,
    /// How long.
    pub deadline: Duration,
}

/// Serves invocations of an HTTP function until its instance ends.
pub async fn serve(router: Router) -> Result<(), lambda_runtime::Error> {
    lambda_http::run(finished(router)).await
}

/// The same for a function one of whose routes may take longer.
pub async fn serve_patiently(router: Router, patient: Patient) -> Result<(), lambda_runtime::Error> {
    lambda_http::run(finished_with(router, Some(patient))).await
}

/// The router with its outermost layer, as it is served.
pub fn finished(router: Router) -> Router {
    finished_with(router, None)
}

fn finished_with(router: Router, patient: Option<Patient>) -> Router {
    router
        .fallback(async || Error::NotFound("route_not_found"))
        .method_not_allowed_fallback(async || Error::NotFound("method_not_allowed"))
        .layer(middleware::from_fn(move |request, next| outermost(patient, request, next)))
}

async fn outermost(patient: Option<Patient>, request: Request, next: Next) -> Response {
    let invocation = Invocation::begin();
    let origin = Origin::of(request.extensions());
    let method = request.method().clone();
    // Its pattern: a path may hold an invite's code.
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let deadline = patient.filter(|patient| patient.route == route).map_or(DEADLINE, |patient| patient.deadline);
    let asked = request.uri().clone();
    let encrypted = request.headers().get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let response = match invocation::within(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(late) => Error::unavailable(late).into_response(),
    };
    let link = list::link(&asked, &response);
    let code = response.extensions().get::<Arc<Error>>().map_or("ok", |error| error.code());
    let mut response = problem::finish(response, &origin.request_id);
    let headers = response.headers_mut();
    if let Some(rate) = standing::told()
        && !headers.contains_key("ratelimit")
    {
        rates::tell(headers, &rate);
    }
    if let Some(link) = link {
        headers.insert(header::LINK, link);
    }
    // Answers are about one person and this moment; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Over plain HTTP, so on a developer's machine, it would be ignored.
    if encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    let (what, status) = (format!("{method} {route}"), Some(response.status().as_u16()));
    invocation.end(&End { request_id: &origin.request_id, what: &what, code, status, connection: None });
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn whatever_is_answered_over_tls_is_asked_over_tls_from_then_on() {
        let router = || finished(Router::new().route("/good", get(async || "good")).route("/bad", get(async || Error::TooLarge)));
        for path in ["/good", "/bad", "/unknown"] {
            for (scheme, told) in [("https", Some(ONLY_TLS)), ("http", None)] {
                let request = Request::builder().uri(path).header("x-forwarded-proto", scheme).body(Body::empty()).unwrap();
                let answer = router().oneshot(request).await.unwrap();
                let header = answer.headers().get(header::STRICT_TRANSPORT_SECURITY).map(|value| value.to_str().unwrap());
                assert_eq!(header, told, "{path} {scheme}");
            }
        }
    }
}
