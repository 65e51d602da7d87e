//! `/api/users/me`: the caller's own profile.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::people::profiles;
use shared::domain::uploads::storage_quota;
use shared::error::Result;
use shared::protocol::people::{Me, Myself};
use shared::protocol::profiles::ChangeMe;

use super::State;
use crate::refusals::WrongPassword;
use crate::secret_body::SecretBody;
use crate::signed_in::{RateLimited, SignedIn};

/// Retrieves the caller's own profile with private fields and storage usage.
#[utoipa::path(
    get, path = "/api/users/me", operation_id = "me", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The caller's profile", body = Myself))
)]
pub(super) async fn get(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Myself>> {
    let me = profiles::me(&state.db, &caller).await?;
    let storage = storage_quota::usage(&state.db, state.quota(), &caller).await?;
    Ok(Json(Myself { me, storage }))
}

/// Updates the given fields of the caller's profile, all or none; null removes the e-mail address.
///
/// A new e-mail address requires the current `password`. It is not confirmed yet, and the response does not reveal whether other accounts name it.
#[utoipa::path(
    patch, path = "/api/users/me", operation_id = "change_me", tag = "users", request_body = ChangeMe, security(("bearer" = [])),
    responses(
        (status = 200, description = "The updated profile", body = Me),
        (status = 422, description = "`invalid_input`; `password` is `required` for a new e-mail address"),
        (status = 429, description = "`rate_limited`, also for too many wrong passwords"),
        WrongPassword,
    )
)]
pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    SecretBody(change): SecretBody<ChangeMe>,
) -> Result<Json<Me>> {
    profiles::change(&state.db, &state.push, &state.throttle, &caller, &change).await.map(Json)
}
