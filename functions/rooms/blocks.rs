//! `/api/blocks`: whom one wants to hear nothing of. It stands beside the direct rooms that a block keeps closed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::blocks;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::page::Page;
use shared::protocol::people::User;
use shared::protocol::problem::Problem;

use super::{PageQuery, State};
use crate::signed_in::SignedIn;

/// The person that a path names.
#[derive(Deserialize)]
pub(super) struct Whom {
    user_id: UserId,
}

/// Those whom the caller blocked, by ascending id.
#[utoipa::path(
    get, path = "/api/blocks", operation_id = "list_blocks", tag = "rooms", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of people", body = Page<User>),
        (status = 400, description = "`malformed_query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`, `token_expired`, `session_ended`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_input`: the cursor is none of ours", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<User>>> {
    blocks::list(&state.db, &caller, (query.cursor.as_deref(), query.limit)).await.map(Json)
}

/// Blocks a person: neither of the two opens a direct room with the other, or writes in it. Nobody is told.
#[utoipa::path(
    put, path = "/api/blocks/{user_id}", operation_id = "block", tag = "rooms", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 204, description = "Blocked"),
        (status = 401, description = "`unauthenticated`, `token_expired`, `session_ended`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`user_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`self_block`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_input`: the path names no person", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    blocks::add(&state.db, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a block back.
#[utoipa::path(
    delete, path = "/api/blocks/{user_id}", operation_id = "unblock", tag = "rooms", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 204, description = "No longer blocked"),
        (status = 401, description = "`unauthenticated`, `token_expired`, `session_ended`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_input`: the path names no person", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    blocks::remove(&state.db, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
