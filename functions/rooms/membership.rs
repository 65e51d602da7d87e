//! Members of a room: listing, joining, leaving.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::rooms;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::protocol::page::Page;
use shared::protocol::problem::Problem;
use shared::protocol::rooms::{Member, Room};

use super::{InRoom, PageQuery, State};
use crate::signed_in::SignedIn;

/// A room's members, by ascending id.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/members", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), PageQuery),
    responses(
        (status = 200, description = "A page of members", body = Page<Member>),
        (status = 400, description = "`malformed_query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`, `token_expired`, `session_ended`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`room_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_input`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Member>>> {
    let page = (query.cursor.as_deref(), query.limit);
    rooms::list_members(&state.db, &caller, &path.room_id, page).await.map(Json)
}

/// Joins a public room. Joining twice changes nothing.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/join", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "The room, joined", body = Room),
        (status = 401, description = "`unauthenticated`, `token_expired`, `session_ended`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`banned`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`room_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`room_archived`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_input`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn join(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
) -> Result<Json<Room>> {
    rooms::join(&state.db, &state.push, &caller, &path.room_id).await.map(Json)
}

/// Leaves a room. The last owner cannot leave others behind.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/leave", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 204, description = "Left"),
        (status = 401, description = "`unauthenticated`, `token_expired`, `session_ended`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`not_a_member`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`room_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`last_owner`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_input`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn leave(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
) -> Result<StatusCode> {
    rooms::leave(&state.db, &state.push, &caller, &path.room_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
