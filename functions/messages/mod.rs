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

use shared::config::Limits;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::error::Result;
use shared::push::Push;
use shared::store::Db;

use crate::resources;
use crate::routes::routes;
use crate::signed_in::auth_state;

#[derive(Debug)]
pub struct State {
    db: Db,
    keys: TokenKeys,
    push: Push,
    limits: Limits,
    /// Limits searches, and direct rooms opened by legacy clients.
    throttle: Throttle,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self {
            db: resources::database().await?,
            keys: resources::keys().await?,
            push: resources::push()?,
            limits: resources::limits()?,
            throttle: resources::throttle()?,
        })
    }
}

auth_state!(State, keys);

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
