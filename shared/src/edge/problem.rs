//! Turns errors into responses: a problem document over HTTP, an `error` frame on the socket. Errors are logged once, here.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::edge::rate_limit_headers;
use crate::error::{Error, RateStatus};
use crate::protocol::problem::Problem;

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

/// Logs defects as errors and unavailable dependencies as warnings; other errors are not logged.
pub fn log(error: &Error, request_id: &str) {
    match error {
        Error::Internal(_) => tracing::error!(request_id, error = error.causes(), "internal error"),
        Error::Unavailable { .. } => tracing::warn!(request_id, error = error.causes(), "a dependency does not answer"),
        _ => {}
    }
}

/// Sets the status and stores the error; [`finish`] writes the body, which needs the request id.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

/// Writes and logs the problem document of a response that carries an [`Error`].
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
        rate_limit_headers::insert(headers, &RateStatus { limit, left: 0, reset: retry_after });
    }
    *response.body_mut() = serde_json::to_vec(&problem).map_or_else(|_| Body::empty(), Body::from);
    response
}
