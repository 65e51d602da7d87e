//! The extractor of authenticated handlers: a handler that takes [`SignedIn`] cannot be reached without a live session.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shared::caller::Caller;
use shared::domain::sessions;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::edge::extract::{Credential, Origin};
use shared::edge::rates::Standing;
use shared::error::Error;
use shared::store::Db;

/// What authenticating takes from a function's state.
pub trait Authenticates {
    /// The store.
    fn db(&self) -> &Db;
    /// The keys of access tokens.
    fn keys(&self) -> &Keys;
}

/// What counting acts takes from a function's state.
pub trait Counts {
    /// The counter.
    fn throttle(&self) -> &Throttle;
}

/// The same, counted: for what a person does besides writing, such as making rooms and inviting. The answer tells how they stand.
pub struct Acting(pub Caller);

impl<S: Authenticates + Counts + Send + Sync> FromRequestParts<Arc<S>> for Acting {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let SignedIn(caller) = SignedIn::from_request_parts(parts, state).await?;
        let rate = state.throttle().act(&caller).await?;
        if let (Some(rate), Some(standing)) = (rate, parts.extensions.get::<Standing>()) {
            standing.is(rate);
        }
        Ok(Self(caller))
    }
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
