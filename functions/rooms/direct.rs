//! `/api/rooms/direct/{user_id}`: the one room of two people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::directs;
use shared::edge::extract::Path;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::rooms::Room;

use super::State;
use crate::signed_in::Acting;

#[derive(Deserialize)]
pub(super) struct With {
    user_id: UserId,
}

/// Gives the direct room with a person, and makes it where there is none; it is in the caller's list from then on, and in the other one's from its
/// first message on. With oneself it holds notes.
#[utoipa::path(
    put, path = "/api/rooms/direct/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 201, description = "The new room", body = Room),
        (status = 200, description = "The room, as it was", body = Room),
        (status = 403, description = "`blocked`"),
        (status = 404, description = "`user_not_found`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn open(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<With>,
) -> Result<(StatusCode, Json<Room>)> {
    let (room, new) = directs::open(&state.db, &state.push, &caller, path.user_id).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(room)))
}

/// Closes the direct room with a person: it leaves the caller's list until there is a newer message, or until they open it again. What was said
/// stays, and nobody else is told. Closing it again changes nothing.
#[utoipa::path(
    delete, path = "/api/rooms/direct/{user_id}", operation_id = "close_direct", tag = "rooms", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 204, description = "Closed"),
        (status = 404, description = "`room_not_found`: there is none with this person"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn close(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<With>,
) -> Result<StatusCode> {
    directs::close(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
