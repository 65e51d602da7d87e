//! Synchronisation over HTTP: one room since a `rev`, all rooms since a cursor.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::paging::PageRequest;
use shared::domain::sync;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::id::Rev;
use shared::protocol::sync::{RoomSync, RoomsSync};

use super::State;
use crate::parameters::RoomPath;
use crate::refusals::{InvalidCursor, RoomNotFound};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RoomSyncQuery {
    /// The last `rev` known to the client; returns everything when absent.
    #[param(value_type = Option<u64>)]
    rev: Option<Rev>,
    /// The approximate number of messages and of members, 1 to 100 (a larger one counts as 100); a single change is never split.
    #[param(minimum = 1, maximum = 100, default = 100)]
    limit: Option<u32>,
}

/// Returns all changes of a room since a `rev` of any age, in their current state. While `more` is true, repeat the request with the returned `rev`.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/sync", tag = "messages", security(("bearer" = [])),
    params(RoomPath, RoomSyncQuery),
    responses(
        (status = 200, description = "The room, and its changed messages and members", body = RoomSync),
        (status = 403, description = "`not_a_member`: past members can only read the history"),
        RoomNotFound,
    )
)]
pub(super) async fn room(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Query(query): Query<RoomSyncQuery>,
) -> Result<Json<RoomSync>> {
    sync::room(&state.db, &caller, &path.room_id, query.rev.unwrap_or_default(), query.limit).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RoomsSyncQuery {
    /// The `cursor` of an earlier response or of `welcome`; returns all rooms when absent.
    cursor: Option<String>,
    /// `false` leaves out the rooms, for clients that have them from `welcome`.
    #[param(default = true)]
    rooms: Option<bool>,
    /// Page size in rooms, 1 to 100. A larger one counts as 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// Lists what changed since a cursor: the caller's rooms, profiles of people in them, and what only the caller sees or sets. Synchronise each room
/// whose `rev` is unknown.
#[utoipa::path(
    get, path = "/api/sync", tag = "messages", params(RoomsSyncQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of changes, and the next cursor", body = RoomsSync),
        InvalidCursor,
    )
)]
pub(super) async fn rooms(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<RoomsSyncQuery>,
) -> Result<Json<RoomsSync>> {
    let paging = PageRequest { cursor: query.cursor.as_deref(), limit: query.limit };
    let with_rooms = query.rooms.unwrap_or(true);
    let changes = if with_rooms {
        sync::rooms(&state.db, &caller, paging).await
    } else {
        sync::without_rooms(&state.db, &caller, paging).await
    };
    changes.map(Json)
}
