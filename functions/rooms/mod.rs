//! Rooms and their members.

mod change;
mod create;
mod direct;
mod invitations;
mod invite_codes;
mod legacy;
mod list;
mod manage_members;
mod membership;
mod reports;

use crate::routes::routes;
pub use crate::shared_state::SharedState as State;

routes!(for State:
    list::list, create::create,
    create::create_public,
    list::get, change::update, change::delete,
    direct::open, direct::close,
    membership::list, manage_members::add,
    manage_members::set_role, manage_members::remove,
    manage_members::ban, manage_members::unban,
    change::mute,
    invite_codes::create, invite_codes::list,
    invite_codes::revoke,
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
