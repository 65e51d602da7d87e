//! Fault injection over HTTP: `GET`, `PUT` and `DELETE /_local/faults`. The gateway admits only this machine.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::Faults;

/// Handles a request to `/_local/faults`.
pub fn answer(faults: &Faults, request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let wrong = match *request.method() {
        Method::GET => None,
        Method::PUT => Faults::parse(request.body()).and_then(|config| faults.set(config)).err(),
        Method::DELETE => {
            faults.clear();
            None
        }
        _ => {
            let mut refusal = reply(StatusCode::METHOD_NOT_ALLOWED, &json!({ "message": "GET, PUT or DELETE" }));
            refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, PUT, DELETE"));
            return refusal;
        }
    };
    match wrong {
        Some(wrong) => reply(StatusCode::BAD_REQUEST, &json!({ "message": wrong.to_string(), "field": wrong.field })),
        None => reply(StatusCode::OK, &json!({ "faults": faults.config(), "happened": faults.counts() })),
    }
}

fn reply(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
