//! Friends, friend requests and blocks.

mod blocks;
mod list;
mod requests;

use crate::routes::routes;
pub use crate::shared_state::SharedState as State;

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
