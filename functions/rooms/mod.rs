//! Rooms and who is in them.

mod blocks;
mod change;
mod create;
mod direct;
mod invites;
mod list;
mod members;
mod membership;
mod older;
mod reports;

use std::sync::Arc;

use serde::Deserialize;
use shared::domain::tokens::Keys;
use shared::id::RoomRef;
use shared::push::Push;
use shared::store::Db;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::signed_in::Authenticates;

/// What these handlers touch.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The keys of access tokens.
    pub keys: Keys,
    /// The way to the sockets.
    pub push: Push,
}

impl Authenticates for State {
    fn db(&self) -> &Db {
        &self.db
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }
}

/// Every route of this function, with its documentation.
pub fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(create::create_public))
        .routes(routes!(list::get, change::update, change::delete))
        .routes(routes!(direct::open))
        .routes(routes!(membership::list, members::add))
        .routes(routes!(members::set_role, members::remove))
        .routes(routes!(members::ban, members::unban))
        .routes(routes!(change::mute))
        .routes(routes!(invites::create, invites::list))
        .routes(routes!(invites::revoke))
        .routes(routes!(blocks::list))
        .routes(routes!(blocks::add, blocks::remove))
        .routes(routes!(reports::report))
        .routes(routes!(reports::list))
        .routes(routes!(reports::close))
        .routes(routes!(older::add))
        .routes(routes!(older::list))
        .routes(routes!(membership::join))
        .routes(routes!(membership::leave))
}

/// The routes, ready to serve.
pub fn router(state: Arc<State>) -> OpenApiRouter {
    routes().with_state(state)
}

/// The room that a path names.
#[derive(Deserialize)]
struct InRoom {
    room_id: RoomRef,
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
