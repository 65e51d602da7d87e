//! What the cloud shows of itself below `/_local/`: a page for people, and the JSON behind it. It reads what is kept anyway and keeps nothing
//! itself but a page that asked; who asks comes from this machine, which the gateway has made sure of.

mod dead_letters;
mod invocations;
mod mask;
mod queues;
mod secrets;
mod state;

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, ORIGIN, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{
    faults,
    gateway::{Inspector, View},
    lambda::Lambda,
    sqs::Broker,
    stack::Stack,
};

pub(crate) use state::{Counts, Store};

/// What is shown.
pub(crate) struct Inspected {
    pub(crate) lambda: Lambda,
    pub(crate) view: View,
    pub(crate) stack: Arc<Stack>,
    /// Name, address and process of each store.
    pub(crate) stores: Vec<Store>,
    /// Where DynamoDB is, for the number of items in its tables.
    pub(crate) counts: Counts,
    pub(crate) broker: Broker,
    pub(crate) started: SystemTime,
}

type Answer = Response<Full<Bytes>>;

/// Answers below `/_local/`.
pub(crate) fn inspector(inspected: Inspected) -> Inspector {
    let inspected = Arc::new(inspected);
    Arc::new(move |request| {
        let inspected = Arc::clone(&inspected);
        async move { answer(&inspected, &request).await }.boxed()
    })
}

async fn answer(inspected: &Inspected, request: &Request<Bytes>) -> Answer {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let parts: Vec<&str> = path.trim_start_matches("/_local").split('/').skip(1).collect();
    if *request.method() != Method::GET && is_foreign(request.headers()) {
        return problem(StatusCode::FORBIDDEN, "a page of another origin may change nothing here");
    }
    match (request.method(), parts.as_slice()) {
        (&Method::GET, []) => redirect("/_local/"),
        (&Method::GET, [""]) => file("text/html; charset=utf-8", include_str!("page/index.html")),
        (&Method::GET, ["page.css"]) => file("text/css; charset=utf-8", include_str!("page/page.css")),
        (&Method::GET, ["page.js"]) => file("text/javascript; charset=utf-8", include_str!("page/page.js")),
        (&Method::GET, ["state"]) => document(StatusCode::OK, &state::read(inspected).await),
        (&Method::GET, ["invocations"]) => match invocations::Wanted::parse(query) {
            Ok(wanted) => document(StatusCode::OK, &invocations::list(inspected, &wanted)),
            Err(reason) => problem(StatusCode::BAD_REQUEST, &reason),
        },
        (&Method::GET, ["invocations", number]) => {
            match number.parse().ok().and_then(|number| invocations::one(inspected, number)) {
                Some(invocation) => document(StatusCode::OK, &invocation),
                None => problem(StatusCode::NOT_FOUND, "no such invocation, or it is among the last ones no more"),
            }
        }
        (_, ["faults"]) => faults::answer(inspected.lambda.faults(), request),
        (&Method::GET, ["dead-letters"]) => document(StatusCode::OK, &dead_letters::list(inspected)),
        (&Method::POST, ["dead-letters", id, "send-again"]) => dead_letters::send_again(inspected, id),
        (_, ["" | "page.css" | "page.js" | "state" | "invocations" | "dead-letters", ..]) => {
            problem(StatusCode::METHOD_NOT_ALLOWED, "it cannot be asked in this way; local/README.md has the list")
        }
        _ => problem(StatusCode::NOT_FOUND, "nothing is shown here; local/README.md has the list"),
    }
}

/// Whether a page that is not ours asks: a browser names the page's origin with everything that is no plain GET.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(ORIGIN).is_some_and(|origin| text(HOST).is_none_or(|host| origin != format!("http://{host}")))
}

fn document(status: StatusCode, value: &Value) -> Answer {
    respond(status, "application/json", value.to_string())
}

fn problem(status: StatusCode, reason: &str) -> Answer {
    document(status, &json!({ "message": reason }))
}

fn file(kind: &'static str, text: &'static str) -> Answer {
    let mut answer = respond(StatusCode::OK, kind, text);
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
                  form-action 'none'; frame-ancestors 'none'";
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer
}

fn redirect(to: &'static str) -> Answer {
    let mut answer = respond(StatusCode::PERMANENT_REDIRECT, "text/plain", "");
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    answer
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    answer
}
