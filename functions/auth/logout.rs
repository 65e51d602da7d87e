//! `POST /api/auth/logout` and `POST /api/auth/logout-all`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, State as Extract};
use axum::http::StatusCode;
use axum::http::request::Parts;
use shared::domain::prices;
use shared::domain::sessions::{self, Leaver};
use shared::edge::extract::{Credential, Origin};
use shared::error::{Error, Result};

use super::State;
use crate::signed_in::{Authenticates, Counts};

/// Whoever shows an access token of ours that has not expired, also when its session has ended. Nothing but logging out takes that.
pub(super) struct Leaving(Leaver);

impl<S: Authenticates + Counts + Send + Sync> FromRequestParts<Arc<S>> for Leaving {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> std::result::Result<Self, Error> {
        let origin = Origin::from_request_parts(parts, state).await?;
        let Credential(token) = Credential::from_request_parts(parts, state).await?;
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let price = prices::route(parts.method.as_str(), path, None);
        sessions::leaver(state.db(), state.throttle(), state.keys(), &token, (price, origin.now)).await.map(Self)
    }
}

/// Ends the session of the token that asks, and closes its sockets.
///
/// Whoever is not sure that it worked can ask again, with the same token.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 204, description = "Ended"),
    )
)]
pub(super) async fn logout(Extract(state): Extract<Arc<State>>, Leaving(leaver): Leaving) -> Result<StatusCode> {
    sessions::logout(&state.db, &state.push, &leaver).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of the caller, this one too, and closes their sockets.
///
/// Whoever is not sure that it worked can ask again, with the same token.
#[utoipa::path(
    post, path = "/api/auth/logout-all", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 204, description = "Ended"),
    )
)]
pub(super) async fn logout_all(Extract(state): Extract<Arc<State>>, Leaving(leaver): Leaving) -> Result<StatusCode> {
    sessions::logout_all(&state.db, &state.push, &leaver).await?;
    Ok(StatusCode::NO_CONTENT)
}
