//! `PUT /api/rooms/direct/{user_id}`: the one room of two people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::directs;
use shared::edge::extract::Path;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::problem::Problem;
use shared::protocol::rooms::Room;

use super::State;
use crate::signed_in::SignedIn;

#[derive(Deserialize)]
pub(super) struct With {
    user_id: UserId,
}

/// Gives the direct room with a person, and makes it where there is none. With oneself it holds notes.
#[utoipa::path(
    put, path = "/api/rooms/direct/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 201, description = "The new room", body = Room),
        (status = 200, description = "The room, as it was", body = Room),
        (status = 401, description = "`unauthenticated`, `token_expired`, `session_ended`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`blocked`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`user_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_input`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn open(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<With>,
) -> Result<(StatusCode, Json<Room>)> {
    let (room, new) = directs::open(&state.db, &state.push, &caller, path.user_id).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(room)))
}
