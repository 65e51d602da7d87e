//! The extractors of authenticated handlers: [`SignedIn`] requires an active session and charges the request according to the cost table of its
//! route.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use shared::caller::Caller;
use shared::domain::auth::sessions;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::domain::limits::work_costs;
use shared::edge::extract::{Credential, RequestInfo};
use shared::error::Error;
use shared::store::Db;

/// Provides what authentication needs from a function's state.
pub trait HasKeys {
    fn db(&self) -> &Db;
    fn keys(&self) -> &TokenKeys;
}

/// Provides the rate limiter of a function's state.
pub trait HasThrottle {
    fn throttle(&self) -> &Throttle;
}

/// An alias of [`SignedIn`] for actions that the rate limit `RATE_ACT` counts, such as creating rooms.
pub struct RateLimited(pub Caller);

impl<S: HasKeys + HasThrottle + Send + Sync> FromRequestParts<Arc<S>> for RateLimited {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        SignedIn::from_request_parts(parts, state).await.map(|SignedIn(caller)| Self(caller))
    }
}

/// The authenticated caller. Verifies token and session with one statement; meanwhile charges the request and counts it against its rate limit.
pub struct SignedIn(pub Caller);

impl<S: HasKeys + HasThrottle + Send + Sync> FromRequestParts<Arc<S>> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let origin = RequestInfo::from_request_parts(parts, state).await?;
        let Credential(token) = Credential::from_request_parts(parts, state).await?;
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let price = work_costs::of_route(parts.method.as_str(), path, items(parts.uri.query()));
        sessions::authenticate_charged(state.db(), state.throttle(), state.keys(), &token, (price, origin.now)).await.map(Self)
    }
}

/// Returns the page size of a query, if given.
fn items(query: Option<&str>) -> Option<u32> {
    query?.split('&').find_map(|pair| pair.strip_prefix("limit="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::items;

    #[test]
    fn the_page_size_is_read_from_the_query() {
        assert_eq!(items(Some("limit=7")), Some(7));
        assert_eq!(items(Some("before=9&limit=100&x=1")), Some(100));
        for query in [None, Some(""), Some("limit=many"), Some("unlimited=7")] {
            assert_eq!(items(query), None, "{query:?}");
        }
    }
}
