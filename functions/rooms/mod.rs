//! Rooms and who is in them.

mod change;
mod create;
mod direct;
mod invitations;
mod invites;
mod list;
mod members;
mod membership;
mod older;
mod reports;

use serde::Deserialize;
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::id::RoomRef;
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
    /// Counts what people do.
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
    older::add,
    older::list,
    membership::join,
    membership::leave,
);

/// The room that a path names.
#[derive(Deserialize)]
struct InRoom {
    room_id: RoomRef,
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
