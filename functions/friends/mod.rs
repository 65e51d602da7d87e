//! Friends, friend requests and blocks.

mod blocks;
mod list;
mod requests;

use serde::Deserialize;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::TokenKeys;
use shared::id::UserId;
use shared::push::Push;
use shared::store::Db;

use crate::routes::routes;
use crate::signed_in::{HasKeys, HasThrottle};

//~DEL
#[derive(Debug)]
pub struct State {
    //~DEL
    pub db: Db,
    //~DEL
    pub keys: TokenKeys,
    //~DEL
    pub push: Push,
    //~DEL
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

//~DEL
#[derive(Deserialize)]
struct FriendPath {
    user_id: UserId,
}

//~DEL
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// The `next` value of the previous page.
    cursor: Option<String>,
    /// Page size, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}
