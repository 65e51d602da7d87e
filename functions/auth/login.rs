//! `POST /api/auth/login`, and the older routes that mean the same and answer with `token`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::accounts;
use shared::edge::extract::Origin;
use shared::error::Result;
use shared::protocol::accounts::{Authenticated, Login};

use super::{State, visitor, with_token};
use crate::secret_body::SecretBody;

/// Logs in by username or e-mail address.
///
/// An unknown name and a wrong password get the same answer, after the same time.
#[utoipa::path(
    post, path = "/api/auth/login", tag = "auth", request_body = Login,
    responses(
        (status = 200, description = "Oneself, and tokens of a new session", body = Authenticated),
        (status = 401, description = "`invalid_credentials`"),
        (status = 429, description = "`rate_limited`: too many failed attempts"),
    )
)]
pub(super) async fn login(
    Extract(state): Extract<Arc<State>>,
    origin: Origin,
    SecretBody(given): SecretBody<Login>,
) -> Result<Json<Authenticated>> {
    accounts::login(&state.db, &state.issuer, &state.throttle, &visitor(origin), &given).await.map(Json)
}

/// Logs in; the older form of `POST /api/auth/login`.
#[utoipa::path(
    post, path = "/api/login", tag = "older clients", request_body = Login,
    responses(
        (status = 200, description = "Oneself, and tokens of a new session; `token` is the access token", body = Authenticated),
        (status = 401, description = "`invalid_credentials`"),
        (status = 429, description = "`rate_limited`: too many failed attempts"),
    )
)]
pub(super) async fn older(state: Extract<Arc<State>>, origin: Origin, given: SecretBody<Login>) -> Result<Json<Authenticated>> {
    let Json(authenticated) = login(state, origin, given).await?;
    Ok(Json(with_token(authenticated)))
}

/// Logs in; another older form of `POST /api/auth/login`.
#[utoipa::path(
    post, path = "/api/users/login", tag = "older clients", request_body = Login,
    responses(
        (status = 200, description = "Oneself, and tokens of a new session; `token` is the access token", body = Authenticated),
        (status = 401, description = "`invalid_credentials`"),
        (status = 429, description = "`rate_limited`: too many failed attempts"),
    )
)]
pub(super) async fn older_users(
    state: Extract<Arc<State>>,
    origin: Origin,
    given: SecretBody<Login>,
) -> Result<Json<Authenticated>> {
    older(state, origin, given).await
}
