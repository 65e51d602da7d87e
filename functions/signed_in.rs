//! The extractors of authenticated handlers: [`SignedIn`] requires an active session and charges the request according to the cost table of its
//! route.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use shared::caller::Caller;
use shared::domain::auth::sessions::{self, PresentedAccess};
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::domain::limits::work_costs;
use shared::edge::extract::{Credential, RequestInfo};
use shared::error::Error;
use shared::store::Db;

/// What authentication needs of a function's state.
pub trait AuthState: Send + Sync {
    fn db(&self) -> &Db;
    fn keys(&self) -> &TokenKeys;
    fn throttle(&self) -> &Throttle;
}

/// Implements [`AuthState`] for a state with the fields `db` and `throttle`; the second argument is the field with the keys.
macro_rules! auth_state {
    ($state:ty, $($keys:ident).+) => {
        impl $crate::signed_in::AuthState for $state {
            fn db(&self) -> &::shared::store::Db {
                &self.db
            }

            fn keys(&self) -> &::shared::domain::auth::tokens::TokenKeys {
                &self.$($keys).+
            }

            fn throttle(&self) -> &::shared::domain::limits::throttle::Throttle {
                &self.throttle
            }
        }
    };
}
pub(crate) use auth_state;

/// An alias of [`SignedIn`] for actions that the rate limit `RATE_ACT` counts, such as creating rooms.
pub struct RateLimited(pub Caller);

impl<S: AuthState> FromRequestParts<Arc<S>> for RateLimited {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        SignedIn::from_request_parts(parts, state).await.map(|SignedIn(caller)| Self(caller))
    }
}

/// The authenticated caller. Verifies token and session with one statement; meanwhile charges the request and counts it against its rate limit.
pub struct SignedIn(pub Caller);

impl<S: AuthState> FromRequestParts<Arc<S>> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let info = RequestInfo::from_request_parts(parts, state).await?;
        let Credential(token) = Credential::from_request_parts(parts, state).await?;
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let price = work_costs::of_route(parts.method.as_str(), path, page_size(parts.uri.query()));
        let access = PresentedAccess { keys: state.keys(), token: &token, now: info.now };
        sessions::authenticate_charged(state.db(), state.throttle(), access, price).await.map(Self)
    }
}

/// Returns the page size of a query, if given.
fn page_size(query: Option<&str>) -> Option<u32> {
    query?.split('&').find_map(|pair| pair.strip_prefix("limit="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::page_size;

    #[test]
    fn the_page_size_is_read_from_the_query() {
        assert_eq!(page_size(Some("limit=7")), Some(7));
        assert_eq!(page_size(Some("before=9&limit=100&x=1")), Some(100));
        for query in [None, Some(""), Some("limit=many"), Some("unlimited=7")] {
            assert_eq!(page_size(query), None, "{query:?}");
        }
    }
}
