//! Administration of the deployment. Everyone but operators gets 403 `not_allowed`.

mod audit;
mod reports;
mod rooms;
mod users;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shared::domain::admin::AdminCaller;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::edge::extract::RequestInfo;
use shared::error::Error;
use shared::push::Push;
use shared::store::Db;

use crate::page_query::PageQuery;
use crate::routes::routes;
use crate::signed_in::{HasKeys, HasThrottle, SignedIn};

#[derive(Debug)]
pub struct State {
    pub db: Db,
    pub keys: TokenKeys,
    /// Closes sockets of disabled accounts and notifies room members.
    pub push: Push,
    /// Limits the actions of operators like those of users.
    pub throttle: Throttle,
}

impl HasKeys for State {
    fn db(&self) -> &Db {
        &self.db
    }

    fn keys(&self) -> &TokenKeys {
        &self.keys
    }
}

impl HasThrottle for State {
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

/// The caller and the address of a request. The domain checks whether the caller is an operator.
struct AdminRequest(AdminCaller);

impl FromRequestParts<Arc<State>> for AdminRequest {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Error> {
        let origin = RequestInfo::from_request_parts(parts, state).await?;
        let SignedIn(caller) = SignedIn::from_request_parts(parts, state).await?;
        Ok(Self(AdminCaller { caller, ip: origin.ip }))
    }
}
