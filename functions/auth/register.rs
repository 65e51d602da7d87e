//! `POST /api/auth/register`, and the older routes that mean the same and answer 200 with `token`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::accounts;
use shared::edge::extract::Origin;
use shared::error::Result;
use shared::protocol::accounts::{Authenticated, Register};

use super::{State, visitor, with_token};
use crate::secret_body::SecretBody;

/// Makes an account and logs in. Sent again within a minute because its answer was lost (same name, same password), it is answered as the first
/// time. An e-mail address is claimed until it is confirmed: that somebody else claims it, too, changes nothing.
#[utoipa::path(
    post, path = "/api/auth/register", tag = "auth", request_body = Register,
    responses(
        (status = 201, description = "The account, and tokens of its first session", body = Authenticated),
        (status = 409, description = "`username_taken`"),
        (status = 422, description = "`invalid_input`: all wrong fields at once"),
        (status = 429, description = "`rate_limited`: too many accounts from one address"),
    )
)]
pub(super) async fn register(
    Extract(state): Extract<Arc<State>>,
    origin: Origin,
    SecretBody(given): SecretBody<Register>,
) -> Result<(StatusCode, Json<Authenticated>)> {
    let made = accounts::register(&state.db, &state.issuer, &state.throttle, &visitor(origin), &given).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Makes an account and logs in; the older form of `POST /api/auth/register`.
#[utoipa::path(
    post, path = "/api/register", tag = "older clients", request_body = Register,
    responses(
        (status = 200, description = "The account, and tokens of its first session; `token` is the access token", body = Authenticated),
        (status = 409, description = "`username_taken`"),
        (status = 422, description = "`invalid_input`: all wrong fields at once"),
        (status = 429, description = "`rate_limited`: too many accounts from one address"),
    )
)]
pub(super) async fn older(
    state: Extract<Arc<State>>,
    origin: Origin,
    given: SecretBody<Register>,
) -> Result<Json<Authenticated>> {
    let (_, Json(made)) = register(state, origin, given).await?;
    Ok(Json(with_token(made)))
}

/// Makes an account and logs in; another older form of `POST /api/auth/register`.
#[utoipa::path(
    post, path = "/api/users/register", tag = "older clients", request_body = Register,
    responses(
        (status = 200, description = "The account, and tokens of its first session; `token` is the access token", body = Authenticated),
        (status = 409, description = "`username_taken`"),
        (status = 422, description = "`invalid_input`: all wrong fields at once"),
        (status = 429, description = "`rate_limited`: too many accounts from one address"),
    )
)]
pub(super) async fn older_users(
    state: Extract<Arc<State>>,
    origin: Origin,
    given: SecretBody<Register>,
) -> Result<Json<Authenticated>> {
    older(state, origin, given).await
}
