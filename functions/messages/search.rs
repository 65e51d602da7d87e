//! `GET /api/search`: finding messages by what they say.

use std::sync::Arc;

use axum::extract::State as Extract;
use shared::domain::search;
use shared::edge::extract::Query;
use shared::edge::list::Listed;
use shared::error::Result;
use shared::protocol::page::Page;
use shared::protocol::search::{Found, Search};

use super::State;
use crate::signed_in::SignedIn;

/// Messages that match, newest first, among those that the caller may read.
///
/// The work of one request is bounded: a page may have fewer items than asked for, even none, while `next` says that there is more to look through.
#[utoipa::path(
    get, path = "/api/search", tag = "messages", params(Search), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of messages with what matched", body = Page<Found>),
        (status = 404, description = "`room_not_found`: of the room that is named"),
        (status = 422, description = "`invalid_input`: nothing to look for, an operator's value that makes no sense, a sender that does not exist"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn search(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(wanted): Query<Search>,
) -> Result<Listed<Page<Found>>> {
    search::search(&state.db, &state.throttle, &caller, &wanted).await.map(Listed)
}
