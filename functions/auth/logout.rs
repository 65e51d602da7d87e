//! `POST /api/auth/logout` and `POST /api/auth/logout-all`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, State as Extract};
use axum::http::StatusCode;
use axum::http::request::Parts;
use shared::domain::auth::sessions::{self, SessionOwner};
use shared::domain::limits::work_costs;
use shared::edge::extract::{Credential, RequestInfo};
use shared::error::{Error, Result};

use super::State;
use crate::signed_in::{HasKeys, HasThrottle};

/// The owner of an unexpired access token, even if its session has ended. Only logging out accepts this.
pub(super) struct LogoutCaller(SessionOwner);

impl<S: HasKeys + HasThrottle + Send + Sync> FromRequestParts<Arc<S>> for LogoutCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> std::result::Result<Self, Error> {
        let origin = RequestInfo::from_request_parts(parts, state).await?;
        let Credential(token) = Credential::from_request_parts(parts, state).await?;
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let price = work_costs::of_route(parts.method.as_str(), path, None);
        sessions::authenticate_logout(state.db(), state.throttle(), state.keys(), &token, (price, origin.now)).await.map(Self)
    }
}

/// Ends the session of the access token and closes its sockets.
///
/// Safe to retry with the same token.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 204, description = "Logged out"),
    )
)]
pub(super) async fn logout(Extract(state): Extract<Arc<State>>, LogoutCaller(leaver): LogoutCaller) -> Result<StatusCode> {
    sessions::logout(&state.db, &state.push, &leaver).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of the caller, including this one, and closes their sockets.
///
/// Safe to retry with the same token.
#[utoipa::path(
    post, path = "/api/auth/logout-all", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 204, description = "Logged out everywhere"),
    )
)]
pub(super) async fn logout_all(Extract(state): Extract<Arc<State>>, LogoutCaller(leaver): LogoutCaller) -> Result<StatusCode> {
    sessions::logout_all(&state.db, &state.push, &leaver).await?;
    Ok(StatusCode::NO_CONTENT)
}
