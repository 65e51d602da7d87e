//! `PUT /api/auth/password`.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::accounts;
use shared::edge::extract::Body;
use shared::error::Result;
use shared::protocol::accounts::ChangePassword;

use super::State;
use crate::signed_in::SignedIn;

/// Replaces the password and ends all other sessions of the caller.
#[utoipa::path(
    put, path = "/api/auth/password", tag = "auth", request_body = ChangePassword, security(("bearer" = [])),
    responses(
        (status = 204, description = "Replaced"),
        (status = 403, description = "`wrong_password`"),
        (status = 429, description = "`rate_limited`: too many wrong passwords"),
    )
)]
pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Body(given): Body<ChangePassword>,
) -> Result<StatusCode> {
    accounts::change_password(&state.db, &state.push, &state.throttle, &caller, &given).await?;
    Ok(StatusCode::NO_CONTENT)
}
