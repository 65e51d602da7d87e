//! `POST /api/auth/logout` and `POST /api/auth/logout-all`.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::sessions;
use shared::error::Result;

use super::State;
use crate::signed_in::SignedIn;

/// Ends the session of the token that asks, and closes its sockets.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 204, description = "Ended"),
    )
)]
pub(super) async fn logout(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<StatusCode> {
    sessions::logout(&state.db, &state.push, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of the caller, this one too, and closes their sockets.
#[utoipa::path(
    post, path = "/api/auth/logout-all", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 204, description = "Ended"),
    )
)]
pub(super) async fn logout_all(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<StatusCode> {
    sessions::logout_all(&state.db, &state.push, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
