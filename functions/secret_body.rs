//! The extractor of bodies that show a password or another secret. What cannot be read as one is counted with the failures of its network, before
//! anything else is done with it: to send nonsense is no way round the limit.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use shared::domain::visitor::Visitor;
use shared::edge::extract::{Body, Origin};
use shared::error::Error;

use crate::signed_in::Counts;

/// A JSON body that shows a secret.
pub struct SecretBody<T>(pub T);

impl<T: DeserializeOwned + Send, S: Counts + Send + Sync> FromRequest<Arc<S>> for SecretBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &Arc<S>) -> Result<Self, Error> {
        let Origin { ip, now, .. } = Origin::of(request.extensions());
        match Body::from_request(request, state).await {
            Ok(Body(given)) => Ok(Self(given)),
            Err(refusal) => Err(state.throttle().senseless(&Visitor { ip, now }, refusal).await),
        }
    }
}
