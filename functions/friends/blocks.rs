//! `/api/blocks`: blocked users.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::people::blocks;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::page::Page;
use shared::protocol::people::User;

use super::State;
use crate::parameters::{PageQuery, UserPath};
use crate::refusals::{InvalidCursor, InvalidId, UserNotFound};
use crate::signed_in::SignedIn;

/// Lists the users blocked by the caller, by ascending id.
#[utoipa::path(
    get, path = "/api/blocks", operation_id = "list_blocks", tag = "friends", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of users", body = Page<User>),
        InvalidCursor,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<User>>> {
    blocks::list(&state.db, &caller, query.page()).await.map(PageResponse)
}

/// Blocks a user.
///
/// Neither of the two can open or use a direct room, add the other to rooms, or send friend requests; presence and read markers are hidden, and
/// mentions have no effect. A friendship, friend request or invitation between them ends as if withdrawn. The blocked user is not notified.
#[utoipa::path(
    put, path = "/api/blocks/{user_id}", operation_id = "block", tag = "friends", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 204, description = "Blocked"),
        (status = 409, description = "`self_block`"),
        UserNotFound, InvalidId,
    )
)]
pub(super) async fn add(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UserPath>,
) -> Result<StatusCode> {
    blocks::add(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unblocks a user.
#[utoipa::path(
    delete, path = "/api/blocks/{user_id}", operation_id = "unblock", tag = "friends", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 204, description = "Unblocked"),
        InvalidId,
    )
)]
pub(super) async fn remove(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UserPath>,
) -> Result<StatusCode> {
    blocks::remove(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
