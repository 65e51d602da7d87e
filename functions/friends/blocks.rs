//! `/api/blocks`: whom one wants to hear nothing of.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::blocks;
use shared::edge::extract::{Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::protocol::page::Page;
use shared::protocol::people::User;

use super::{PageQuery, State, Whom};
use crate::signed_in::SignedIn;

/// Those whom the caller blocked, by ascending id.
#[utoipa::path(
    get, path = "/api/blocks", operation_id = "list_blocks", tag = "friends", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of people", body = Page<User>),
        (status = 422, description = "`invalid_input`: the cursor is none of ours"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<Listed<Page<User>>> {
    blocks::list(&state.db, &caller, (query.cursor.as_deref(), query.limit)).await.map(Listed)
}

/// Blocks a person: neither of the two reaches the other. They open no direct room and write in none, add each other to no room, ask for no
/// friendship, see neither presence nor how far the other has read; mentions do not count. A friendship, a request or an invitation ends as if it
/// had been taken back; of the block nobody is told.
#[utoipa::path(
    put, path = "/api/blocks/{user_id}", operation_id = "block", tag = "friends", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 204, description = "Blocked"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`self_block`"),
        (status = 422, description = "`invalid_input`: the path names no person"),
    )
)]
pub(super) async fn add(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    blocks::add(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a block back.
#[utoipa::path(
    delete, path = "/api/blocks/{user_id}", operation_id = "unblock", tag = "friends", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 204, description = "No longer blocked"),
        (status = 422, description = "`invalid_input`: the path names no person"),
    )
)]
pub(super) async fn remove(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    blocks::remove(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
