//! `POST /api/auth/refresh`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::auth::accounts::SignIn;
use shared::domain::auth::sessions;
use shared::edge::extract::RequestInfo;
use shared::error::Result;
use shared::protocol::accounts::{Refresh, Tokens};

use super::{State, anonymous_caller};
use crate::secret_body::SecretBody;

/// Renews the tokens of a session. Each refresh token is valid once; presenting a used one ends its session.
///
/// For 30 seconds after its use, a refresh token returns the same new `refresh_token` again unless that one has been used. This allows parallel
/// refreshes and retries.
#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "auth", request_body = Refresh,
    responses(
        (status = 200, description = "The new tokens; the old refresh token is used up", body = Tokens),
        (status = 401, description = "`invalid_refresh_token`"),
        (status = 429, description = "`rate_limited`: too many unreadable bodies, or refreshes of this session"),
    )
)]
pub(super) async fn refresh(
    Extract(state): Extract<Arc<State>>,
    info: RequestInfo,
    SecretBody(body): SecretBody<Refresh>,
) -> Result<Json<Tokens>> {
    let State { push, issuer, throttle, .. } = &*state;
    let with = SignIn { push, issuer, throttle, client: &anonymous_caller(info) };
    sessions::refresh(&state.db, with, &body.refresh_token).await.map(Json)
}
