//! Messages over HTTP: sending, reading and changing, including the legacy routes.

mod change;
mod history;
mod legacy;
mod pins;
mod reactions;
mod receipts;
mod search;
mod send;
mod sync;

use serde::Deserialize;
use shared::config::Limits;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::id::RoomRef;
use shared::push::Push;
use shared::store::Db;

use crate::page_query::PageQuery;
use crate::routes::routes;
use crate::signed_in::{HasKeys, HasThrottle};

#[derive(Debug)]
pub struct State {
    pub db: Db,
    pub keys: TokenKeys,
    pub push: Push,
    pub limits: Limits,
    /// Limits searches, and direct rooms opened by legacy clients.
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
    legacy::list_by_query,
    legacy::send,
    legacy::list_by_path,
    legacy::unsend,
);

#[derive(Deserialize)]
struct MessagesPath {
    room_id: RoomRef,
}

#[derive(Deserialize)]
struct MessagePath {
    room_id: RoomRef,
    seq: u64,
}
