//! `/api/users/me`: one's own profile.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::{profiles, storage};
use shared::error::Result;
use shared::protocol::people::{Me, Myself};
use shared::protocol::profiles::ChangeMe;

use super::State;
use crate::secret_body::SecretBody;
use crate::signed_in::{Acting, SignedIn};

/// Oneself, and what nobody else sees.
#[utoipa::path(
    get, path = "/api/users/me", operation_id = "me", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "Oneself", body = Myself))
)]
pub(super) async fn get(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Myself>> {
    let me = profiles::me(&state.db, &caller).await?;
    let storage = storage::told(&state.db, state.quota(), &caller).await?;
    Ok(Json(Myself { me, storage }))
}

/// Changes what is given of one's profile; null removes the e-mail address. All at once or nothing.
///
/// Another e-mail address takes the present `password`, and is claimed until it is confirmed: the answer does not tell whether others claim it.
#[utoipa::path(
    patch, path = "/api/users/me", operation_id = "change_me", tag = "users", request_body = ChangeMe, security(("bearer" = [])),
    responses(
        (status = 200, description = "Oneself, as from now on", body = Me),
        (status = 403, description = "`wrong_password`"),
        (status = 422, description = "`invalid_input`; `password` is `required` with another e-mail address"),
        (status = 429, description = "`rate_limited`, also for too many wrong passwords"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    SecretBody(change): SecretBody<ChangeMe>,
) -> Result<Json<Me>> {
    profiles::change(&state.db, &state.push, &state.throttle, &caller, &change).await.map(Json)
}
