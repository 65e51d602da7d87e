//! `/api/admin/rooms`: rooms, without their content.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::admin::{self, RoomFilter};
use shared::edge::extract::{Body, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::id::RoomRef;
use shared::protocol::admin::{AdminRoom, ChangeAdminRoom};
use shared::protocol::page::Page;
use shared::protocol::rooms::RoomKind;

use super::{AdminRequest, PageQuery, State};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RoomsQuery {
    /// The beginning of the room's name, ignoring case.
    q: Option<String>,
    /// Lists only rooms of this kind.
    kind: Option<RoomKind>,
}

#[derive(Deserialize)]
pub(super) struct AdminRoomPath {
    room_id: RoomRef,
}

/// Lists rooms, oldest first, without deleted ones.
#[utoipa::path(
    get, path = "/api/admin/rooms", operation_id = "list_rooms", tag = "admin", params(RoomsQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of rooms", body = Page<AdminRoom>),
        (status = 403, description = "`not_allowed`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Query(which): Query<RoomsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<AdminRoom>>> {
    let which = RoomFilter { prefix: which.q.as_deref(), kind: which.kind };
    admin::list_rooms(&state.db, &asking, which, page.page()).await.map(PageResponse)
}

/// Retrieves a room.
#[utoipa::path(
    get, path = "/api/admin/rooms/{room_id}", operation_id = "get_room", tag = "admin", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "The room", body = AdminRoom),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminRoomPath>,
) -> Result<Json<AdminRoom>> {
    admin::find_room(&state.db, &asking, &path.room_id).await.map(Json)
}

/// Archives a room, which then refuses messages, or unarchives it. Members are notified.
#[utoipa::path(
    patch, path = "/api/admin/rooms/{room_id}", operation_id = "change_room", tag = "admin", request_body = ChangeAdminRoom,
    security(("bearer" = [])), params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "The updated room", body = AdminRoom),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminRoomPath>,
    Body(change): Body<ChangeAdminRoom>,
) -> Result<Json<AdminRoom>> {
    admin::set_archived(&state.db, &state.push, &asking, &path.room_id, change.archived).await.map(Json)
}

/// Deletes a room for everyone, permanently. Members are notified.
#[utoipa::path(
    delete, path = "/api/admin/rooms/{room_id}", operation_id = "delete_room", tag = "admin", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "7")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`room_not_found`"),
        (status = 409, description = "`default_room`"),
    )
)]
pub(super) async fn delete(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminRoomPath>,
) -> Result<StatusCode> {
    admin::delete_room(&state.db, &state.push, &asking, &path.room_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
