//! `GET /api/rooms` and one room.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::{invitations, presence, rooms};
use shared::edge::extract::{Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::protocol::invitations::RoomList;
use shared::protocol::rooms::{Room, Scope};

use super::{InRoom, State};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Which rooms: all that one may see, one's own, the public ones, or those that one is asked into.
    #[serde(default)]
    #[param(inline)]
    scope: Which,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// Which rooms are listed.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// Public rooms and one's own.
    #[default]
    All,
    /// One's own.
    Joined,
    /// Public rooms.
    Public,
    /// Invitations that wait for one's answer.
    Invited,
}

/// Rooms, newest activity first, each with its last message and what is unread. With the scope `invited` invitations, newest first, which show
/// nothing of what is inside.
#[utoipa::path(
    get, path = "/api/rooms", tag = "rooms", params(ListQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of rooms", body = RoomList),
        (status = 422, description = "`invalid_input`: the cursor is none of ours"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Listed<RoomList>> {
    let page = (query.cursor.as_deref(), query.limit);
    let scope = match query.scope {
        Which::All => Scope::All,
        Which::Joined => Scope::Joined,
        Which::Public => Scope::Public,
        Which::Invited => return invitations::list(&state.db, &caller, page).await.map(RoomList::Invited).map(Listed),
    };
    let mut page = rooms::list(&state.db, &caller, scope, page).await?;
    presence::in_rooms(&state.db, &state.push, caller.user, &mut page.items, caller.now).await?;
    Ok(Listed(RoomList::Rooms(page)))
}

/// One room.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug such as `general`", example = "general")),
    responses(
        (status = 200, description = "The room as the caller sees it", body = Room),
        (status = 404, description = "`room_not_found`"),
        (status = 422, description = "`invalid_input`: the path names no room"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
) -> Result<Json<Room>> {
    let mut room = rooms::find(&state.db, &caller, &path.room_id).await?;
    presence::in_rooms(&state.db, &state.push, caller.user, std::slice::from_mut(&mut room), caller.now).await?;
    Ok(Json(room))
}
