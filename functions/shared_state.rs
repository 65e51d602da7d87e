//! The state of functions that authenticate users, change the store and push the changes: `admin`, `friends`, `rooms`.

use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::error::Result;
use shared::push::Push;
use shared::store::Db;

use crate::resources;
use crate::signed_in::auth_state;

#[derive(Debug)]
pub struct SharedState {
    pub(crate) db: Db,
    pub(crate) keys: TokenKeys,
    pub(crate) push: Push,
    pub(crate) throttle: Throttle,
}

impl SharedState {
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

auth_state!(SharedState, keys);
