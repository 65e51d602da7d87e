//! People, and what each does with their own account.

mod erase;
mod export;
mod me;
mod older;
mod push;
mod search;

use shared::config::Quota;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::error::Result;
use shared::push::Push;
use shared::push::web::{Hosts, vapid};
use shared::store::Db;
use tokio::sync::OnceCell;

use crate::resources;
use crate::routes::routes;
use crate::signed_in::{Authenticates, Counts};

/// What these handlers touch.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The keys of access tokens.
    pub keys: Keys,
    /// The way to the sockets: who may see presence is told of changes, and an erased account's rooms are.
    pub push: Push,
    /// Counts wrong passwords, and changes of profiles.
    pub throttle: Throttle,
    /// Which push services there are.
    pub hosts: Hosts,
    /// The keys that browsers subscribe with; their secret is fetched by the first who asks for them.
    pub vapid: OnceCell<vapid::Keys>,
}

impl State {
    /// What a person may keep.
    fn quota(&self) -> Quota {
        self.throttle.quota()
    }

    async fn vapid(&self) -> Result<&vapid::Keys> {
        self.vapid.get_or_try_init(resources::vapid).await
    }
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
    me::get, me::change,
    erase::erase,
    export::export,
    search::search,
    search::get,
    push::key, push::subscribe, push::unsubscribe,
    older::get, older::change,
    older::get_slash, older::change_slash,
);
