//! Rooms and their members.

mod change;
mod create;
mod direct;
mod invitations;
mod invites;
mod legacy;
mod list;
mod members;
mod membership;
mod reports;

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
    list::list, create::create,
    create::create_public,
    list::get, change::update, change::delete,
    direct::open, direct::close,
    membership::list, members::add,
    members::set_role, members::remove,
    members::ban, members::unban,
    change::mute,
    invites::create, invites::list,
    invites::revoke,
    invitations::list,
    invitations::withdraw,
    invitations::decline,
    reports::report,
    reports::list,
    reports::close,
    reports::get,
    legacy::add,
    legacy::list,
    membership::join,
    membership::leave,
);
