//! `PATCH` and `DELETE` of a room, and muting.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::rooms;
use shared::domain::rooms::settings;
use shared::edge::extract::{Body, Path};
use shared::error::Result;
use shared::protocol::rooms::{ChangeRoom, Mute, Room};

use super::State;
use crate::parameters::RoomPath;
use crate::refusals::{ManagersOnly, MembersOnly, NotForDirectRooms, RoomNotFound};
use crate::signed_in::{RateLimited, SignedIn};

/// Updates a room: name, topic, avatar, settings, or archiving. Requires an admin or owner.
#[utoipa::path(
    patch, path = "/api/rooms/{room_id}", tag = "rooms", request_body = ChangeRoom, security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "The room as the caller sees it", body = Room),
        (status = 409, description = "`direct_room`, `room_archived`"),
        ManagersOnly, RoomNotFound,
    )
)]
pub(super) async fn update(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomPath>,
    Body(change): Body<ChangeRoom>,
) -> Result<Json<Room>> {
    settings::update(&state.db, &state.push, &caller, &path.room_id, &change).await.map(Json)
}

/// Deletes a room for everyone, permanently. Requires an owner.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}", tag = "rooms", security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 204, description = "Deleted; files that were not forwarded are removed within minutes"),
        ManagersOnly, RoomNotFound, NotForDirectRooms,
    )
)]
pub(super) async fn delete(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomPath>,
) -> Result<StatusCode> {
    settings::delete(&state.db, &state.push, &caller, &path.room_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mutes a room for the caller until a time. Null or a time in the past unmutes it.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/mute", tag = "rooms", request_body = Mute, security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "The room as the caller sees it", body = Room),
        MembersOnly, RoomNotFound,
    )
)]
pub(super) async fn mute(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Body(mute): Body<Mute>,
) -> Result<Json<Room>> {
    rooms::mute(&state.db, &state.push, &caller, &path.room_id, mute.until).await.map(Json)
}
