//! Friends, requests for friendship, and blocks.

mod blocks;
mod list;
mod requests;

use serde::Deserialize;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::id::UserId;
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
    /// Counts requests.
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
    list::list,
    list::remove,
    requests::list, requests::ask,
    requests::accept,
    requests::reject,
    requests::cancel,
    blocks::list,
    blocks::add, blocks::remove,
);

/// The person that a path names.
#[derive(Deserialize)]
struct Whom {
    user_id: UserId,
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
