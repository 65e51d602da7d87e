//! Users, and the caller's own account.

mod erase;
mod export;
mod legacy;
mod me;
mod push;
mod search;

use shared::config::Quota;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::error::Result;
use shared::push::Push;
use shared::push::web::{AllowedHosts, vapid};
use shared::store::Db;
use tokio::sync::OnceCell;

use crate::resources;
use crate::routes::routes;
use crate::signed_in::{HasKeys, HasThrottle};

#[derive(Debug)]
pub struct State {
    pub db: Db,
    pub keys: TokenKeys,
    /// Announces changes of profiles and presence.
    pub push: Push,
    /// Limits wrong passwords and profile changes.
    pub throttle: Throttle,
    /// The allowed push services.
    pub hosts: AllowedHosts,
    /// The VAPID keys, loaded on first use.
    pub vapid: OnceCell<vapid::VapidKeys>,
}

impl State {
    fn quota(&self) -> Quota {
        self.throttle.quota()
    }

    async fn vapid(&self) -> Result<&vapid::VapidKeys> {
        self.vapid.get_or_try_init(resources::vapid).await
    }
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
    me::get, me::change,
    erase::erase,
    export::export,
    search::search,
    search::get,
    push::key, push::subscribe, push::unsubscribe,
    legacy::get, legacy::change,
    legacy::get_slash, legacy::change_slash,
);
