//! The inspection pages below `/_local/`: a web page and its JSON API. Reads existing state and stores nothing. The gateway admits only requests from
//! this machine.

mod dead_letters;
mod invocations;
mod mask;
mod queues;
mod secrets;
mod state;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::faults;
use crate::gateway::{GatewayView, Inspector};
use crate::lambda::Lambda;
use crate::sqs::Broker;
use crate::stack::Stack;

pub(crate) use state::{ItemCounts, StoreInfo};

/// The inspected cloud.
pub(crate) struct InspectedCloud {
    pub(crate) lambda: Lambda,
    pub(crate) view: GatewayView,
    pub(crate) stack: Arc<Stack>,
    pub(crate) stores: Vec<StoreInfo>,
    /// Item counts of the DynamoDB tables.
    pub(crate) counts: ItemCounts,
    pub(crate) broker: Broker,
    pub(crate) started: SystemTime,
}

type HttpResponse = Response<Full<Bytes>>;

/// Creates the handler of `/_local/`.
pub(crate) fn inspector(inspected: InspectedCloud) -> Inspector {
    let inspected = Arc::new(inspected);
    Arc::new(move |request| {
        let inspected = Arc::clone(&inspected);
        async move { answer(&inspected, &request).await }.boxed()
    })
}

async fn answer(inspected: &InspectedCloud, request: &Request<Bytes>) -> HttpResponse {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let parts: Vec<&str> = path.trim_start_matches("/_local").split('/').skip(1).collect();
    if *request.method() != Method::GET && is_foreign(request.headers()) {
        return problem(StatusCode::FORBIDDEN, "pages of other origins may not change the cloud");
    }
    match (request.method(), parts.as_slice()) {
        (&Method::GET, []) => redirect("/_local/"),
        (&Method::GET, [""]) => file("text/html; charset=utf-8", include_str!("page/index.html")),
        (&Method::GET, ["page.css"]) => file("text/css; charset=utf-8", include_str!("page/page.css")),
        (&Method::GET, ["page.js"]) => file("text/javascript; charset=utf-8", include_str!("page/page.js")),
        (&Method::GET, ["state"]) => document(StatusCode::OK, &state::read(inspected).await),
        (&Method::GET, ["invocations"]) => match invocations::InvocationQuery::parse(query) {
            Ok(wanted) => document(StatusCode::OK, &invocations::list(inspected, &wanted)),
            Err(reason) => problem(StatusCode::BAD_REQUEST, &reason),
        },
        (&Method::GET, ["invocations", number]) => {
            match number.parse().ok().and_then(|number| invocations::find(inspected, number)) {
                Some(invocation) => document(StatusCode::OK, &invocation),
                None => problem(StatusCode::NOT_FOUND, "the invocation does not exist, or is no longer kept"),
            }
        }
        (_, ["faults"]) => faults::answer(inspected.lambda.faults(), request),
        (&Method::GET, ["dead-letters"]) => document(StatusCode::OK, &dead_letters::list(inspected)),
        (&Method::POST, ["dead-letters", id, "send-again"]) => dead_letters::send_again(inspected, id),
        (_, ["" | "page.css" | "page.js" | "state" | "invocations" | "dead-letters", ..]) => {
            problem(StatusCode::METHOD_NOT_ALLOWED, "method not supported; see local/README.md")
        }
        _ => problem(StatusCode::NOT_FOUND, "page not found; see local/README.md"),
    }
}

/// Whether a foreign web page sent the request: browsers send `Origin` with every request except a simple GET.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(ORIGIN).is_some_and(|origin| text(HOST).is_none_or(|host| origin != format!("http://{host}")))
}

fn document(status: StatusCode, value: &Value) -> HttpResponse {
    respond(status, "application/json", value.to_string())
}

fn problem(status: StatusCode, reason: &str) -> HttpResponse {
    document(status, &json!({ "message": reason }))
}

fn file(kind: &'static str, text: &'static str) -> HttpResponse {
    let mut answer = respond(StatusCode::OK, kind, text);
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
                  form-action 'none'; frame-ancestors 'none'";
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer
}

fn redirect(to: &'static str) -> HttpResponse {
    let mut answer = respond(StatusCode::PERMANENT_REDIRECT, "text/plain", "");
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    answer
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> HttpResponse {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    answer
}
