//! The HTTP API: route, event, function, response. An invalid function result becomes a 500.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use tokio::time::timeout;

use crate::stack::{Cors, HttpApi};

use super::backend::IntegrationError;
use super::body::RequestBody;
use super::http_event::{self, EventContext};
use super::http_response::{Reply, from_result, message};
use super::http_routes::{Route, Routes};
use super::peer::Peer;
use super::shared::Shared;
use super::{cors, ids, static_files};

/// One HTTP API with its routes.
pub(super) struct HttpEndpoint {
    id: String,
    routes: Routes,
    cors: Option<Cors>,
}

impl HttpEndpoint {
    pub(super) fn new(api: &HttpApi) -> Self {
        Self { id: api.id.clone(), routes: Routes::new(&api.routes), cors: api.cors.clone() }
    }
}

/// Handles one request.
pub(super) async fn serve(shared: &Shared, peer: Peer, request: Request<RequestBody>) -> Reply {
    let (head, body) = request.into_parts();
    let endpoint = &shared.http;
    if let Some(answer) = endpoint.cors.as_ref().and_then(|cors| cors::preflight(cors, &head)) {
        return answer;
    }
    let (request_id, limits) = (ids::request_id(), shared.limits());
    let mut response = match endpoint.routes.find(&head.method, head.uri.path()) {
        Some((route, parameters)) => match collect(body, limits.http_body, limits.arrival).await {
            Ok(body) => {
                let (api_id, route_key) = (&shared.http.id, &route.key);
                let context = EventContext { api_id, route_key, parameters, peer, request_id: &request_id };
                match http_event::build(&head, &body, context) {
                    Ok(event) => call(shared, route, event).await,
                    Err(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
                }
            }
            Err(refusal) => refusal,
        },
        None => match &shared.static_dir {
            Some(folder) => static_files::serve(folder, &head.method, head.uri.path()).await.unwrap_or_else(not_found),
            None => not_found(),
        },
    };
    if let Some(cors) = &endpoint.cors {
        cors::apply(cors, &head.headers, response.headers_mut());
    }
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

/// Reads the whole body, or returns the response to one that is too large, too slow or broken.
pub(super) async fn collect(body: RequestBody, limit: usize, patience: Duration) -> Result<Bytes, Reply> {
    let too_large = || message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match timeout(patience, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(message(StatusCode::BAD_REQUEST, "Bad Request")),
        Err(_) => Err(message(StatusCode::REQUEST_TIMEOUT, "Request Timeout")),
    }
}

async fn call(shared: &Shared, route: &Route, event: Vec<u8>) -> Reply {
    let limits = shared.limits();
    if event.len() > limits.payload {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    match shared.backend.call(&route.function, event.into(), limits.http_timeout).await {
        Ok(result) => from_result(&result).unwrap_or_else(|| {
            tracing::warn!(function = route.function, route = route.key, "the function's result is not a valid HTTP response");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }),
        Err(failure) => {
            failure.log(&route.function, &route.key);
            match failure {
                IntegrationError::Throttled | IntegrationError::TimedOut => {
                    message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                }
                IntegrationError::TooLarge => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
                IntegrationError::Function(_) | IntegrationError::Missing => {
                    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
                }
            }
        }
    }
}

fn not_found() -> Reply {
    message(StatusCode::NOT_FOUND, "Not Found")
}
