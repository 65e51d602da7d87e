//! `/api/user/`: the older spelling of one's own profile, with and without the slash.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::error::Result;
use shared::protocol::people::{Me, Myself};
use shared::protocol::profiles::ChangeMe;

use super::{State, me};
use crate::secret_body::SecretBody;
use crate::signed_in::{Acting, SignedIn};

/// Oneself; the older form of `GET /api/users/me`.
#[utoipa::path(
    get, path = "/api/user", tag = "older clients", security(("bearer" = [])),
    responses((status = 200, description = "Oneself", body = Myself))
)]
pub(super) async fn get(state: Extract<Arc<State>>, caller: SignedIn) -> Result<Json<Myself>> {
    me::get(state, caller).await
}

/// Oneself; the form of `GET /api/user` that was printed.
#[utoipa::path(
    get, path = "/api/user/", operation_id = "get_slash", tag = "older clients", security(("bearer" = [])),
    responses((status = 200, description = "Oneself", body = Myself))
)]
pub(super) async fn get_slash(state: Extract<Arc<State>>, caller: SignedIn) -> Result<Json<Myself>> {
    me::get(state, caller).await
}

/// Changes one's profile; the older form of `PATCH /api/users/me`, and like it it leaves alone what is absent.
#[utoipa::path(
    put, path = "/api/user", tag = "older clients", request_body = ChangeMe, security(("bearer" = [])),
    responses(
        (status = 200, description = "Oneself, as from now on", body = Me),
        (status = 403, description = "`wrong_password`"),
        (status = 429, description = "`rate_limited`, also for too many wrong passwords"),
    )
)]
pub(super) async fn change(state: Extract<Arc<State>>, caller: Acting, body: SecretBody<ChangeMe>) -> Result<Json<Me>> {
    me::change(state, caller, body).await
}

/// Changes one's profile; the form of `PUT /api/user` that was printed.
#[utoipa::path(
    put, path = "/api/user/", operation_id = "change_slash", tag = "older clients", request_body = ChangeMe, security(("bearer" = [])),
    responses(
        (status = 200, description = "Oneself, as from now on", body = Me),
        (status = 403, description = "`wrong_password`"),
        (status = 429, description = "`rate_limited`, also for too many wrong passwords"),
    )
)]
pub(super) async fn change_slash(state: Extract<Arc<State>>, caller: Acting, body: SecretBody<ChangeMe>) -> Result<Json<Me>> {
    me::change(state, caller, body).await
}
