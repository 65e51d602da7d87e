//! Messages over HTTP: sending, reading and what becomes of them later, and the older clients' forms of that.

mod change;
mod history;
mod older;
mod pins;
mod reactions;
mod receipts;
mod send;
mod sync;

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
        .routes(routes!(history::get, change::edit, change::delete))
        .routes(routes!(change::edits))
        .routes(routes!(reactions::reactors, reactions::react, reactions::unreact))
        .routes(routes!(pins::pin, pins::unpin))
        .routes(routes!(pins::pins))
        .routes(routes!(receipts::read))
        .routes(routes!(receipts::delivered))
        .routes(routes!(receipts::of_message))
        .routes(routes!(receipts::unread))
        .routes(routes!(sync::room))
        .routes(routes!(sync::rooms))
        .routes(routes!(receipts::of_message_id))
        .routes(routes!(older::list_by_query))
        .routes(routes!(older::send))
        .routes(routes!(older::list_by_path))
        .routes(routes!(older::unsend))
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

/// The message that a path names.
#[derive(Deserialize)]
struct InMessage {
    room_id: RoomRef,
    seq: u64,
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
