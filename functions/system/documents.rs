//! The OpenAPI document and Swagger UI, both from inside the binary: no file is read and no other host is asked.

use std::sync::Arc;

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use shared::edge::extract::Path;
use shared::error::Error;
use utoipa_swagger_ui::Config;

/// What `make swagger` writes; a test compares it with the routers.
pub(super) const OPENAPI: &str = include_str!("../../shared/openapi.json");
pub(super) const ASYNCAPI: &str = include_str!("../../shared/asyncapi.json");

/// The page may load what comes with it. It calls the API beside it, and a reader tries the quick starts in its console: see the pages' own.
pub(super) const POLICY: (HeaderName, &str) = (
    CONTENT_SECURITY_POLICY,
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     connect-src 'self' ws://localhost:* ws://127.0.0.1:* wss: http://localhost:* http://127.0.0.1:* https://*.amazonaws.com; \
     frame-ancestors 'none'; base-uri 'none'",
);
/// A deployment changes these files; an hour is short enough.
const CACHE: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=3600");

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "system",
    responses((status = 200, description = "The OpenAPI document.", body = serde_json::Value, content_type = "application/json"))
)]
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], OPENAPI)
}

/// The socket's document: what may be asked, and what is told.
#[utoipa::path(
    get, path = "/asyncapi.json", tag = "system",
    responses((status = 200, description = "The AsyncAPI document.", body = serde_json::Value, content_type = "application/json"))
)]
pub(super) async fn asyncapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], ASYNCAPI)
}

/// Swagger UI.
#[utoipa::path(get, path = "/swagger", tag = "system", responses((status = 308, description = "To `/swagger/index.html`.")))]
pub(super) async fn swagger() -> Redirect {
    Redirect::permanent("/swagger/index.html")
}

/// Swagger UI.
#[utoipa::path(get, path = "/swagger/", tag = "system", responses((status = 308, description = "To `/swagger/index.html`.")))]
pub(super) async fn swagger_slash() -> Redirect {
    Redirect::permanent("/swagger/index.html")
}

/// Swagger UI's files, `index.html` first.
#[utoipa::path(
    get, path = "/swagger/{file}", tag = "system", params(("file" = String, Path, example = "index.html")),
    responses((status = 200, description = "The file."), (status = 404, description = "There is no such file."))
)]
pub(super) async fn swagger_file(Path(file): Path<String>) -> Result<Response, Error> {
    // The validator's badge would send the document to another host.
    let config = Config::new(["/openapi.json"]).validator_url("none").persist_authorization(true).display_request_duration(true);
    let found = utoipa_swagger_ui::serve(&file, Arc::new(config)).map_err(|error| Error::internal(error.to_string()))?;
    let file = found.ok_or(Error::NotFound("route_not_found"))?;
    let kind = [(CONTENT_TYPE, file.content_type)];
    Ok((kind, [CACHE, POLICY], file.bytes.into_owned()).into_response())
}
