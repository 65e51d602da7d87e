//! `GET /api/rooms` and `GET /api/rooms/{room_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::people::presence;
use shared::domain::rooms;
use shared::domain::rooms::invitations;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::invitations::RoomList;
use shared::protocol::rooms::{Room, Scope};

use super::State;
use crate::parameters::{PageQuery, RoomPath};
use crate::refusals::{InvalidCursor, RoomNotFound};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The rooms to list: all visible ones, the caller's own, public ones, or those with an open invitation.
    #[serde(default)]
    #[param(inline)]
    scope: RoomScope,
}

/// The scope of a list of rooms.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum RoomScope {
    /// Public rooms and the caller's own.
    #[default]
    All,
    /// The caller's own rooms.
    Joined,
    /// Public rooms.
    Public,
    /// Open invitations of the caller.
    Invited,
}

/// Lists rooms by latest activity, each with its last message and unread counts. With the scope `invited` lists invitations, newest first, without
/// room content.
#[utoipa::path(
    get, path = "/api/rooms", tag = "rooms", params(ListQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of rooms", body = RoomList),
        InvalidCursor,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<RoomList>> {
    let scope = match query.scope {
        RoomScope::All => Scope::All,
        RoomScope::Joined => Scope::Joined,
        RoomScope::Public => Scope::Public,
        RoomScope::Invited => {
            return invitations::list(&state.db, &caller, page.page()).await.map(RoomList::Invited).map(PageResponse);
        }
    };
    let mut rooms = rooms::list(&state.db, &caller, scope, page.page()).await?;
    presence::fill_rooms(&state.db, &state.push, caller.user, &mut rooms.items, caller.now).await?;
    Ok(PageResponse(RoomList::Rooms(rooms)))
}

/// Retrieves a room.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug such as `general`", example = "general")),
    responses(
        (status = 200, description = "The room as the caller sees it", body = Room),
        (status = 422, description = "`invalid_input`: the path names no room"),
        RoomNotFound,
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
) -> Result<Json<Room>> {
    let mut room = rooms::find(&state.db, &caller, &path.room_id).await?;
    presence::fill_rooms(&state.db, &state.push, caller.user, std::slice::from_mut(&mut room), caller.now).await?;
    Ok(Json(room))
}
