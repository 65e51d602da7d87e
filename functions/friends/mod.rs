//! Friends, friend requests and blocks.

mod blocks;
mod list;
mod requests;

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
    throttle: Throttle,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self {
            db: resources::database().await?,
            keys: resources::keys().await?,
            push: resources::push()?,
            throttle: resources::throttle()?,
        })
    }
}

auth_state!(State, keys);

routes!(for State:
    list::list,
    list::remove,
    requests::list, requests::ask,
    requests::accept,
    requests::reject,
    requests::cancel,
    blocks::list,
    blocks::add, blocks::remove,
);
