//! Catching up over HTTP: one room since a `rev`, all rooms since a cursor.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::sync;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::protocol::sync::{RoomSync, RoomsSync};

use super::{InRoom, State};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// The room's count of changes up to which the client knows it; everything without.
    rev: Option<u64>,
    /// About how many messages, and how many members, 1 to 100: one change is never split.
    #[param(minimum = 1, maximum = 100, default = 100)]
    limit: Option<u32>,
}

/// All that changed in a room since a `rev`, however long ago, as it is now. Ask again from the answer's `rev` while there is `more`.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/sync", tag = "messages", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), Since),
    responses(
        (status = 200, description = "Changed messages and members, and the room", body = RoomSync),
        (status = 403, description = "`not_a_member`: only history is left to a past member"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn room(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Query(query): Query<Since>,
) -> Result<Json<RoomSync>> {
    sync::room(&state.db, &caller, &path.room_id, query.rev.unwrap_or_default(), query.limit).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Place {
    /// The `cursor` of an earlier answer; all rooms without.
    cursor: Option<String>,
    /// Rooms of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// One's rooms that moved since a cursor: those whose `rev` a client does not know are caught up one by one.
#[utoipa::path(
    get, path = "/api/sync", tag = "messages", params(Place), security(("bearer" = [])),
    responses(
        (status = 200, description = "Rooms, and where to go on", body = RoomsSync),
        (status = 422, description = "`invalid_input`: the cursor is none of ours"),
    )
)]
pub(super) async fn rooms(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<Place>,
) -> Result<Json<RoomsSync>> {
    sync::rooms(&state.db, &caller, query.cursor.as_deref(), query.limit).await.map(Json)
}
