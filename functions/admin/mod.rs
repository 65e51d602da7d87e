//! Administration of the deployment. Everyone but operators gets 403 `not_allowed`.

mod audit;
mod reports;
mod rooms;
mod users;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shared::domain::admin::AdminCaller;
use shared::edge::extract::RequestInfo;
use shared::error::{Error, Result};

use crate::routes::routes;
pub use crate::shared_state::SharedState as State;
use crate::signed_in::SignedIn;

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
        let info = RequestInfo::from_request_parts(parts, state).await?;
        let SignedIn(caller) = SignedIn::from_request_parts(parts, state).await?;
        Ok(Self(AdminCaller { caller, ip: info.ip }))
    }
}
