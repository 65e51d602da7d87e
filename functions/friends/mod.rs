//! Friends, friend requests and blocks.

mod blocks;
mod list;
mod requests;

use serde::Deserialize;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::id::UserId;
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
    list::list,
    list::remove,
    requests::list, requests::ask,
    requests::accept,
    requests::reject,
    requests::cancel,
    blocks::list,
    blocks::add, blocks::remove,
);

#[derive(Deserialize)]
struct FriendPath {
    user_id: UserId,
}
