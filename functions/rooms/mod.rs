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

use serde::Deserialize;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::id::RoomRef;
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

#[derive(Deserialize)]
struct RoomPath {
    room_id: RoomRef,
}
