//! `/api/user`: the legacy form of the caller's profile, with and without trailing slash.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::edge::json_body::Lenient;
use shared::error::Result;
use shared::protocol::people::{Me, Myself};
use shared::protocol::profiles::ChangeMe;

use super::{State, me};
use crate::refusals::WrongPassword;
use crate::secret_body::SecretBody;
use crate::signed_in::{RateLimited, SignedIn};

/// Retrieves the caller's own profile. Legacy form of `GET /api/users/me`.
#[utoipa::path(
    get, path = "/api/user", tag = "older clients", security(("bearer" = [])),
    responses((status = 200, description = "The caller's profile", body = Myself))
)]
pub(super) async fn get(state: Extract<Arc<State>>, caller: SignedIn) -> Result<Json<Myself>> {
    me::get(state, caller).await
}

/// Retrieves the caller's own profile. Legacy form of `GET /api/users/me`.
#[utoipa::path(
    get, path = "/api/user/", operation_id = "get_slash", tag = "older clients", security(("bearer" = [])),
    responses((status = 200, description = "The caller's profile", body = Myself))
)]
pub(super) async fn get_slash(state: Extract<Arc<State>>, caller: SignedIn) -> Result<Json<Myself>> {
    me::get(state, caller).await
}

/// Updates the caller's profile. Legacy form of `PATCH /api/users/me`: absent fields are unchanged, too.
#[utoipa::path(
    put, path = "/api/user", tag = "older clients", request_body = ChangeMe, security(("bearer" = [])),
    responses(
        (status = 200, description = "The updated profile", body = Me),
        (status = 429, description = "`rate_limited`, also for too many wrong passwords"),
        WrongPassword,
    )
)]
pub(super) async fn change(
    state: Extract<Arc<State>>,
    caller: RateLimited,
    SecretBody(Lenient(body)): SecretBody<Lenient<ChangeMe>>,
) -> Result<Json<Me>> {
    me::change(state, caller, SecretBody(body)).await
}

/// Updates the caller's profile. Legacy form of `PATCH /api/users/me`.
#[utoipa::path(
    put, path = "/api/user/", operation_id = "change_slash", tag = "older clients", request_body = ChangeMe, security(("bearer" = [])),
    responses(
        (status = 200, description = "The updated profile", body = Me),
        (status = 429, description = "`rate_limited`, also for too many wrong passwords"),
        WrongPassword,
    )
)]
pub(super) async fn change_slash(
    state: Extract<Arc<State>>,
    caller: RateLimited,
    SecretBody(Lenient(body)): SecretBody<Lenient<ChangeMe>>,
) -> Result<Json<Me>> {
    me::change(state, caller, SecretBody(body)).await
}
