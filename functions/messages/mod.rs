//! Messages over HTTP: sending and reading, and the older clients' forms of both.

mod history;
mod older;
mod send;

use std::sync::Arc;

use serde::Deserialize;
use shared::config::Limits;
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
    /// Sizes and rates.
    pub limits: Limits,
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
        .routes(routes!(history::list, send::send))
        .routes(routes!(history::get))
        .routes(routes!(older::list_by_query))
        .routes(routes!(older::send))
        .routes(routes!(older::list_by_path))
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
