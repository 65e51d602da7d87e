//! The OpenAPI and AsyncAPI documents and Swagger UI, embedded in the binary.

use std::sync::Arc;

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use shared::edge::extract::Path;
use shared::error::Error;
use utoipa_swagger_ui::Config;

use super::policy::Policies;

/// The output of `make swagger`; a test compares it with the routers.
pub(super) const OPENAPI: &str = include_str!("../../shared/openapi.json");
pub(super) const ASYNCAPI: &str = include_str!("../../shared/asyncapi.json");

/// Deployments change these files, so they are cached for an hour.
const CACHE: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=3600");

/// Retrieves the OpenAPI document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "system",
    responses((status = 200, description = "The OpenAPI document.", body = serde_json::Value, content_type = "application/json"))
)]
pub(super) async fn openapi(_: Policies) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], OPENAPI)
}

/// Retrieves the AsyncAPI document of the socket.
#[utoipa::path(
    get, path = "/asyncapi.json", tag = "system",
    responses((status = 200, description = "The AsyncAPI document.", body = serde_json::Value, content_type = "application/json"))
)]
pub(super) async fn asyncapi(_: Policies) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], ASYNCAPI)
}

/// Redirects to Swagger UI.
#[utoipa::path(get, path = "/swagger", tag = "system", responses((status = 308, description = "To `/swagger/index.html`.")))]
pub(super) async fn swagger(_: Policies) -> Redirect {
    Redirect::permanent("/swagger/index.html")
}

/// Redirects to Swagger UI.
#[utoipa::path(get, path = "/swagger/", tag = "system", responses((status = 308, description = "To `/swagger/index.html`.")))]
pub(super) async fn swagger_slash(_: Policies) -> Redirect {
    Redirect::permanent("/swagger/index.html")
}

/// Serves the files of Swagger UI.
#[utoipa::path(
    get, path = "/swagger/{file}", tag = "system", params(("file" = String, Path, example = "index.html")),
    responses((status = 200, description = "The file."), (status = 404, description = "The file does not exist."))
)]
pub(super) async fn swagger_file(policies: Policies, Path(file): Path<String>) -> Result<Response, Error> {
    let found = utoipa_swagger_ui::serve(&file, Arc::new(config())).map_err(|error| Error::internal(error.to_string()))?;
    let file = found.ok_or(Error::NotFound("route_not_found"))?;
    let kind = [(CONTENT_TYPE, file.content_type)];
    Ok((kind, [CACHE], [policies.swagger()], file.bytes.into_owned()).into_response())
}

/// Disables the validator badge, which would send the document to another host, and persistent authorization, so that tokens disappear with the page.
fn config() -> Config<'static> {
    Config::new(["/openapi.json"]).validator_url("none").persist_authorization(false).display_request_duration(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swagger_keeps_no_token() {
        let script = utoipa_swagger_ui::serve("swagger-initializer.js", Arc::new(config())).ok().flatten();
        let text = script.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default();
        assert!(text.contains("/openapi.json") && text.contains("\"validatorUrl\": \"none\""), "{text}");
        assert!(!text.contains("\"persistAuthorization\": true"), "{text}");
    }
}
