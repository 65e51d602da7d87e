//! Messages over HTTP: sending, reading and what becomes of them later, and the older clients' forms of that.

mod change;
mod history;
mod older;
mod pins;
mod reactions;
mod receipts;
mod search;
mod send;
mod sync;

use serde::Deserialize;
use shared::config::Limits;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::id::RoomRef;
use shared::push::Push;
use shared::store::Db;

use crate::routes::routes;
use crate::signed_in::{Authenticates, Counts};

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
    /// Counts searches, and direct rooms that older clients open.
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
    history::list, send::send,
    history::get, change::edit, change::delete,
    change::edits,
    reactions::reactors, reactions::react, reactions::unreact,
    pins::pin, pins::unpin,
    pins::pins,
    receipts::read,
    receipts::delivered,
    receipts::of_message,
    receipts::unread,
    sync::room,
    sync::rooms,
    search::search,
    receipts::of_message_id,
    older::list_by_query,
    older::send,
    older::list_by_path,
    older::unsend,
);

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
