//! `/api/friends`: listing friends and ending friendships.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::people::friends;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::friends::Friendship;
use shared::protocol::page::Page;

use super::State;
use crate::parameters::PageQuery;
use crate::refusals::{InvalidCursor, InvalidId};
use crate::signed_in::SignedIn;

/// Lists the caller's friends by ascending id with their presence; `online` is null for friends who hide it.
#[utoipa::path(
    get, path = "/api/friends", operation_id = "list", tag = "friends", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of friends", body = Page<Friendship>),
        InvalidCursor,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<Friendship>>> {
    friends::list(&state.db, &state.push, &caller, query.page()).await.map(PageResponse)
}

/// A friend of the caller.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct FriendPath {
    /// The friend's id
    #[param(value_type = u64, example = 7)]
    user_id: UserId,
}

/// Ends a friendship. Both users are notified.
#[utoipa::path(
    delete, path = "/api/friends/{user_id}", operation_id = "remove", tag = "friends", security(("bearer" = [])),
    params(FriendPath),
    responses(
        (status = 204, description = "The friendship has ended"),
        (status = 404, description = "`friend_not_found`, also on repetition"),
        InvalidId,
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
