//! `/api/friends`: who they are, whether they are there, and the end of a friendship.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::friends;
use shared::edge::extract::{Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::protocol::friends::Friendship;
use shared::protocol::page::Page;

use super::{PageQuery, State, Whom};
use crate::signed_in::SignedIn;

/// The caller's friends by ascending id, each with their presence; `online` is null for those who let nobody know.
#[utoipa::path(
    get, path = "/api/friends", operation_id = "list", tag = "friends", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of friends", body = Page<Friendship>),
        (status = 422, description = "`invalid_input`: the cursor is none of ours"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<Listed<Page<Friendship>>> {
    friends::list(&state.db, &state.push, &caller, (query.cursor.as_deref(), query.limit)).await.map(Listed)
}

/// Ends a friendship; both are told.
#[utoipa::path(
    delete, path = "/api/friends/{user_id}", operation_id = "remove", tag = "friends", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The friend", example = 7)),
    responses(
        (status = 204, description = "No longer friends"),
        (status = 404, description = "`friend_not_found`: so it is when done again, too"),
        (status = 422, description = "`invalid_input`: the path names no person"),
    )
)]
pub(super) async fn remove(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    friends::remove(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
