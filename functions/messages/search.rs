//! `GET /api/search`: full-text search.

use std::sync::Arc;

use axum::extract::State as Extract;
use shared::domain::search;
use shared::edge::extract::Query;
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::page::Page;
use shared::protocol::search::{Found, Search};

use super::State;
use crate::signed_in::SignedIn;

/// Searches the messages that the caller may read, newest first.
///
/// The work of one request is bounded: a page can have fewer items than `limit`, even none, while `next` continues the search.
#[utoipa::path(
    get, path = "/api/search", tag = "messages", params(Search), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of messages with their matches", body = Page<Found>),
        (status = 404, description = "`room_not_found`: the given room"),
        (status = 422, description = "`invalid_input`: an empty search, punctuation alone (`nothing_to_search`), an invalid filter value, time zone or cursor, or an unknown sender (`user_not_found`)"),
    )
)]
pub(super) async fn search(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<Search>,
) -> Result<PageResponse<Page<Found>>> {
    search::search(&state.db, &state.throttle, &caller, &query).await.map(PageResponse)
}
