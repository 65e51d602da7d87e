//! The extractor of authenticated handlers: a handler that takes [`SignedIn`] cannot be reached without a live session, nor without being charged and
//! counted as the table of prices says of its route.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use shared::caller::Caller;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::domain::{prices, sessions};
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

/// What counting takes from a function's state.
pub trait Counts {
    /// The counter.
    fn throttle(&self) -> &Throttle;
}

/// The same under another name, for what a person does besides writing, such as making rooms and inviting.
pub struct Acting(pub Caller);

impl<S: Authenticates + Counts + Send + Sync> FromRequestParts<Arc<S>> for Acting {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        SignedIn::from_request_parts(parts, state).await.map(|SignedIn(caller)| Self(caller))
    }
}

/// Who asks: token and session are checked, with one statement; meanwhile the request is charged, and counted if it changes something.
pub struct SignedIn(pub Caller);

impl<S: Authenticates + Counts + Send + Sync> FromRequestParts<Arc<S>> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let origin = Origin::from_request_parts(parts, state).await?;
        let Credential(token) = Credential::from_request_parts(parts, state).await?;
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let price = prices::route(parts.method.as_str(), path, items(parts.uri.query()));
        sessions::admit(state.db(), state.throttle(), state.keys(), &token, (price, origin.now)).await.map(Self)
    }
}

/// How many items a query asks for, if it says.
fn items(query: Option<&str>) -> Option<u32> {
    query?.split('&').find_map(|pair| pair.strip_prefix("limit="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::items;

    #[test]
    fn a_query_says_how_many_items_it_asks_for() {
        assert_eq!(items(Some("limit=7")), Some(7));
        assert_eq!(items(Some("before=9&limit=100&x=1")), Some(100));
        for query in [None, Some(""), Some("limit=many"), Some("unlimited=7")] {
            assert_eq!(items(query), None, "{query:?}");
        }
    }
}
