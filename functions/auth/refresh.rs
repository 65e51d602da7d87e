//! `POST /api/auth/refresh`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::sessions;
use shared::edge::extract::Origin;
use shared::error::Result;
use shared::protocol::accounts::{Refresh, Tokens};

use super::{State, visitor};
use crate::secret_body::SecretBody;

/// Renews the tokens of a session. Each refresh token works once; a used one that comes back ends its session.
///
/// Within 30 seconds the token that was just used gives the same `refresh_token` again, as long as that was not used: two tabs may refresh at once,
/// and an answer that was lost may be asked for again.
#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "auth", request_body = Refresh,
    responses(
        (status = 200, description = "New tokens; the refresh token that was sent is used up", body = Tokens),
        (status = 401, description = "`invalid_refresh_token`"),
        (status = 429, description = "`rate_limited`: too many bodies that are none"),
    )
)]
pub(super) async fn refresh(
    Extract(state): Extract<Arc<State>>,
    origin: Origin,
    SecretBody(given): SecretBody<Refresh>,
) -> Result<Json<Tokens>> {
    sessions::refresh(&state.db, &state.push, &state.issuer, &visitor(origin), &given.refresh_token).await.map(Json)
}
