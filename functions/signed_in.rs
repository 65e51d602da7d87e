//! The extractors of authenticated handlers: [`SignedIn`] and [`SignedInRoom`] require an active session and charge the request according to the cost table of its
//! route.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::Deserialize;
use shared::caller::Caller;
use shared::domain::auth::sessions::{self, PresentedAccess, RoomReader};
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::domain::limits::work_costs::{self, Cost};
use shared::edge::extract::{Credential, Path, RequestInfo};
use shared::error::Error;
use shared::store::Db;
use shared::time::Timestamp;

use crate::parameters::RoomPath;

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

/// The authenticated caller. Verifies token and session with one statement, then charges the request and counts it against its rate limit.
pub struct SignedIn(pub Caller);

impl<S: AuthState> FromRequestParts<Arc<S>> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let Presented { token, price, now } = Presented::from_request_parts(parts, state).await?;
        let access = PresentedAccess { keys: state.keys(), token: &token, now };
        sessions::authenticate_charged(state.db(), state.throttle(), access, price).await.map(Self)
    }
}

/// Like [`SignedIn`] on a route below a room that reads it: the same statement also finds the caller's access to the room.
pub struct SignedInRoom(pub RoomReader);

impl<S: AuthState> FromRequestParts<Arc<S>> for SignedInRoom {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let room = match Path::<RoomPath>::from_request_parts(parts, state).await {
            Ok(Path(RoomPath { room_id })) => room_id,
            // Strangers are not told what is wrong with their requests.
            Err(refusal) => return Err(SignedIn::from_request_parts(parts, state).await.err().unwrap_or(refusal)),
        };
        let Presented { token, price, now } = Presented::from_request_parts(parts, state).await?;
        let access = PresentedAccess { keys: state.keys(), token: &token, now };
        sessions::authenticate_in_room(state.db(), state.throttle(), access, price, &room).await.map(Self)
    }
}

/// What a request presents, before anything is checked.
struct Presented {
    token: String,
    price: Cost,
    now: Timestamp,
}

impl<S: AuthState> FromRequestParts<Arc<S>> for Presented {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Error> {
        let info = RequestInfo::from_request_parts(parts, state).await?;
        let Credential(token) = Credential::from_request_parts(parts, state).await?;
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let price = work_costs::of_route(parts.method.as_str(), path, page_size(&parts.uri));
        Ok(Self { token, price, now: info.now })
    }
}

#[derive(Deserialize)]
struct PageSize {
    limit: Option<u32>,
}

/// Returns the page size of a query, if given, read as the routes read it.
fn page_size(uri: &Uri) -> Option<u32> {
    Query::<PageSize>::try_from_uri(uri).ok()?.limit
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;

    use super::page_size;

    #[test]
    fn the_page_size_is_read_from_the_query() {
        let size = |query: &str| page_size(&format!("/api/rooms{query}").parse::<Uri>().expect("a URI"));
        for query in ["?limit=7", "?before=9&limit=7&x=1", "?limi%74=7", "?limit=%37", "?before=%20&limit=7"] {
            assert_eq!(size(query), Some(7), "{query:?}");
        }
        for query in ["", "?", "?limit=many", "?unlimited=7", "?limit"] {
            assert_eq!(size(query), None, "{query:?}");
        }
    }
}
