//! `/api/friends`: listing friends and ending friendships.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::people::friends;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::friends::Friendship;
use shared::protocol::page::Page;

use super::{FriendPath, PageQuery, State};
use crate::signed_in::SignedIn;

/// Lists the caller's friends by ascending id with their presence; `online` is null for friends who hide it.
#[utoipa::path(
    get, path = "/api/friends", operation_id = "list", tag = "friends", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of friends", body = Page<Friendship>),
        (status = 422, description = "`invalid_input`: the cursor is invalid"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<Friendship>>> {
    friends::list(&state.db, &state.push, &caller, query.page()).await.map(PageResponse)
}

/// Ends a friendship. Both users are notified.
#[utoipa::path(
    delete, path = "/api/friends/{user_id}", operation_id = "remove", tag = "friends", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The friend's id", example = 7)),
    responses(
        (status = 204, description = "The friendship has ended"),
        (status = 404, description = "`friend_not_found`, also on repetition"),
        (status = 422, description = "`invalid_input`: the path contains no id"),
    )
)]
pub(super) async fn remove(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<FriendPath>,
) -> Result<StatusCode> {
    friends::remove(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
