//! `PUT /api/auth/password`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::accounts::{self, Changing};
use shared::edge::extract::Origin;
use shared::error::Result;
use shared::protocol::accounts::{ChangePassword, Tokens};

use super::{State, visitor};
use crate::secret_body::SecretBody;
use crate::signed_in::SignedIn;

/// Replaces the password and ends all sessions of the caller: no copy of a token is good any longer. Goes on in a new session.
///
/// Sockets of the present session hear `bye` with `session_replaced`, and may come back with the new tokens; all others are closed for good.
#[utoipa::path(
    put, path = "/api/auth/password", tag = "auth", request_body = ChangePassword, security(("bearer" = [])),
    responses(
        (status = 200, description = "Replaced; tokens of the new session, on the same device", body = Tokens),
        (status = 403, description = "`wrong_password`"),
        (status = 429, description = "`rate_limited`: too many wrong passwords"),
    )
)]
pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    origin: Origin,
    SecretBody(given): SecretBody<ChangePassword>,
) -> Result<Json<Tokens>> {
    let State { db, push, issuer, throttle, .. } = &*state;
    let with = Changing { push, issuer, throttle, visitor: &visitor(origin) };
    accounts::change_password(db, with, &caller, &given).await.map(Json)
}
