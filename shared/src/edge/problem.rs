//! The last step of an error: a problem document over HTTP, an `error` frame on the socket. Logged once, here.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::edge::rates;
use crate::error::{Error, Rate};
use crate::protocol::problem::Problem;

/// The HTTP status of an error.
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::Malformed(..) => StatusCode::BAD_REQUEST,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound("method_not_allowed") => StatusCode::METHOD_NOT_ALLOWED,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Conflict(_) | Error::Busy(..) | Error::Full(_) => StatusCode::CONFLICT,
        Error::TooMany { .. } | Error::Repeated { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes what the operator needs to the log: defects as errors, silent dependencies as warnings, the rest not at all.
pub fn log(error: &Error, request_id: &str) {
    match error {
        Error::Internal(source) => tracing::error!(request_id, error = chain(source.as_ref()), "internal error"),
        Error::Unavailable { source, .. } => {
            tracing::warn!(request_id, error = chain(source.as_ref()), "a dependency does not answer");
        }
        _ => {}
    }
}

/// An error on its way out: the status is set, the body waits for the request's id (see [`finish`]).
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

/// Gives a response that carries an [`Error`] its problem document, and logs it.
pub fn finish(mut response: Response, request_id: &str) -> Response {
    let Some(error) = response.extensions_mut().remove::<std::sync::Arc<Error>>() else { return response };
    log(&error, request_id);
    let status = status(&error);
    let problem = Problem {
        kind: format!("urn:conchat:problem:{}", error.code()),
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: error.detail(),
        code: error.code(),
        request_id: request_id.to_owned(),
        errors: if let Error::Invalid(violations) = &*error { violations.clone() } else { Vec::new() },
        left: if let Error::Full(left) = &*error { Some(*left) } else { None },
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Error::TooMany { retry_after, policy: Some(limit) } = *error {
        rates::tell(headers, &Rate { limit, left: 0, reset: retry_after });
    }
    *response.body_mut() = serde_json::to_vec(&problem).map_or_else(|_| Body::empty(), Body::from);
    response
}

/// The whole chain of causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
