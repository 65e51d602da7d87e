//! `/api/rooms/direct/{user_id}`: the room of two users.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::rooms::directs;
use shared::edge::extract::Path;
use shared::error::Result;
use shared::protocol::rooms::Room;

use super::State;
use crate::parameters::UserPath;
use crate::refusals::UserNotFound;
use crate::signed_in::RateLimited;

/// Opens the direct room with a user and creates it if necessary. It appears in the caller's list at once, and in the other user's with the first
/// message. A direct room with oneself holds notes.
#[utoipa::path(
    put, path = "/api/rooms/direct/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 201, description = "The new room", body = Room),
        (status = 200, description = "The existing room", body = Room),
        (status = 403, description = "`blocked`"),
        UserNotFound,
    )
)]
pub(super) async fn open(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<UserPath>,
) -> Result<(StatusCode, Json<Room>)> {
    let (room, new) = directs::open(&state.db, &state.push, &caller, path.user_id).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(room)))
}

/// Closes the direct room with a user: removes it from the caller's list until the next message, or until the caller opens it again. Messages stay,
/// and the other user is not notified. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/rooms/direct/{user_id}", operation_id = "close_direct", tag = "rooms", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 204, description = "Closed"),
        (status = 404, description = "`room_not_found`: no direct room with this user"),
    )
)]
pub(super) async fn close(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<UserPath>,
) -> Result<StatusCode> {
    directs::close(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
