//! What operators of the deployment see and do. Everyone else is refused alike: 403 `not_allowed`.

mod audit;
mod reports;
mod rooms;
mod users;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use shared::domain::admin::Asking;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::edge::extract::Origin;
use shared::error::Error;
use shared::push::Push;
use shared::store::Db;

use crate::routes::routes;
use crate::signed_in::{Authenticates, Counts, SignedIn};

/// What these handlers touch.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The keys of access tokens.
    pub keys: Keys,
    /// The way to the sockets: those of disabled accounts are closed, the members of rooms are told.
    pub push: Push,
    /// Counts what operators do, as what anyone does.
    pub throttle: Throttle,
}

impl Authenticates for State {
    fn db(&self) -> &Db {
        &self.db
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }
}

impl Counts for State {
    fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

routes!(for State:
    users::list,
    users::get, users::erase,
    users::disable,
    users::enable,
    users::end_sessions,
    users::set_role,
    reports::list,
    reports::close,
    rooms::list,
    rooms::get, rooms::change, rooms::delete,
    audit::list,
);

/// Who asks, and from where. Whether they operate the deployment is found out with what they ask for.
struct Asks(Asking);

impl FromRequestParts<Arc<State>> for Asks {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Error> {
        let origin = Origin::from_request_parts(parts, state).await?;
        let SignedIn(caller) = SignedIn::from_request_parts(parts, state).await?;
        Ok(Self(Asking { caller, ip: origin.ip }))
    }
}

/// A page of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl PageQuery {
    fn page(&self) -> (Option<&str>, Option<u32>) {
        (self.cursor.as_deref(), self.limit)
    }
}
