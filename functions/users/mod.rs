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
use crate::signed_in::auth_state;

#[derive(Debug)]
pub struct State {
    db: Db,
    keys: TokenKeys,
    /// Announces changes of profiles and presence.
    push: Push,
    /// Limits wrong passwords and profile changes.
    throttle: Throttle,
    /// The allowed push services.
    hosts: AllowedHosts,
    /// The VAPID keys, loaded on first use.
    vapid: OnceCell<vapid::VapidKeys>,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self {
            db: resources::database().await?,
            keys: resources::keys().await?,
            push: resources::push()?,
            throttle: resources::throttle()?,
            hosts: resources::push_hosts()?,
            vapid: OnceCell::new(),
        })
    }

    fn quota(&self) -> Quota {
        self.throttle.quota()
    }

    async fn vapid(&self) -> Result<&vapid::VapidKeys> {
        self.vapid.get_or_try_init(resources::vapid).await
    }
}

auth_state!(State, keys);

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
