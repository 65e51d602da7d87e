//! The extractor of bodies with a password or another secret. An unreadable body counts as a failed attempt of its network before anything else, so
//! that invalid bodies cannot bypass the limit.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use shared::domain::auth::anonymous::AnonymousCaller;
use shared::edge::extract::{Body, RequestInfo};
use shared::edge::json_body::JsonBody;
use shared::error::Error;

use crate::signed_in::AuthState;

/// A JSON body that contains a secret.
pub struct SecretBody<T>(pub T);

impl<T: JsonBody + Send, S: AuthState> FromRequest<Arc<S>> for SecretBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &Arc<S>) -> Result<Self, Error> {
        let RequestInfo { ip, now, .. } = RequestInfo::of(request.extensions());
        match Body::from_request(request, state).await {
            Ok(Body(given)) => Ok(Self(given)),
            Err(refusal) => Err(state.throttle().count_invalid(&AnonymousCaller { ip, now }, refusal).await),
        }
    }
}
