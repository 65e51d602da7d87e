//! `/api/users/me`: one's own profile.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::profiles;
use shared::edge::extract::Body;
use shared::error::Result;
use shared::protocol::people::Me;
use shared::protocol::profiles::ChangeMe;

use super::State;
use crate::signed_in::{Acting, SignedIn};

/// Oneself, and what nobody else sees.
#[utoipa::path(
    get, path = "/api/users/me", operation_id = "me", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "Oneself", body = Me))
)]
pub(super) async fn get(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Me>> {
    profiles::me(&state.db, &caller).await.map(Json)
}

/// Changes what is given of one's profile; null removes the e-mail address. All at once or nothing.
#[utoipa::path(
    patch, path = "/api/users/me", operation_id = "change_me", tag = "users", request_body = ChangeMe, security(("bearer" = [])),
    responses(
        (status = 200, description = "Oneself, as from now on", body = Me),
        (status = 409, description = "`email_taken`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Body(change): Body<ChangeMe>,
) -> Result<Json<Me>> {
    profiles::change(&state.db, &state.push, &caller, &change).await.map(Json)
}
