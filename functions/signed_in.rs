//! The extractor of authenticated handlers: a handler that takes [`SignedIn`] cannot be reached without a live session.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shared::caller::Caller;
use shared::domain::sessions;
use shared::domain::tokens::Keys;
use shared::edge::extract::{Credential, Origin};
use shared::error::Error;
use shared::store::Db;

/// What authenticating takes from a function's state.
pub trait Authenticates {
    /// The store.
    fn db(&self) -> &Db;
    /// The keys of access tokens.
    fn keys(&self) -> &Keys;
}

/// Who asks: token and session are checked, with one statement.
pub struct SignedIn(pub Caller);

impl<S: Authenticates + Send + Sync> FromRequestParts<Arc<S>> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let origin = Origin::from_request_parts(parts, state).await?;
        let Credential(token) = Credential::from_request_parts(parts, state).await?;
        sessions::authenticate(state.db(), state.keys(), &token, origin.now).await.map(Self)
    }
}
