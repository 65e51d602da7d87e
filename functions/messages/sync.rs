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
    /// The `cursor` of an earlier response; returns all rooms when absent.
    cursor: Option<String>,
    /// Page size in rooms, 1 to 100. A larger one counts as 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// Lists the caller's rooms that changed since a cursor. Synchronise each room whose `rev` is unknown.
#[utoipa::path(
    get, path = "/api/sync", tag = "messages", params(RoomsSyncQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of rooms, and the next cursor", body = RoomsSync),
        InvalidCursor,
    )
)]
pub(super) async fn rooms(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<RoomsSyncQuery>,
) -> Result<Json<RoomsSync>> {
    sync::rooms(&state.db, &caller, PageRequest { cursor: query.cursor.as_deref(), limit: query.limit }).await.map(Json)
}
