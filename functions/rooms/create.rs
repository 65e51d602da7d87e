//! `POST /api/rooms`, and the older `POST /api/rooms/create` whose rooms are public unless they say otherwise.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderName, StatusCode, header};
use shared::caller::Caller;
use shared::domain::{idempotency, rooms};
use shared::edge::extract::{Asked, KeyedBody};
use shared::error::Result;
use shared::protocol::rooms::{NewRoom, Room, RoomKind};

use super::State;
use crate::signed_in::Acting;

/// Makes a group (or a public room); the caller owns it. With an `Idempotency-Key` it may be sent again after any failure: there is only ever one.
#[utoipa::path(
    post, path = "/api/rooms", tag = "rooms", request_body = NewRoom, security(("bearer" = [])),
    params(("idempotency-key" = Option<String>, Header, description = "The client's own name of this request, kept for a day", min_length = 1, max_length = 255)),
    responses(
        (status = 201, description = "The new room", body = Room, headers(("location" = String, description = "Its path"))),
        (status = 200, description = "It was made before, under the same `Idempotency-Key`", body = Room),
        (status = 409, description = "`idempotency_key_reused`"),
        (status = 422, description = "`invalid_input`; of `member_ids` its codes are `user_not_found` and `not_reachable`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn create(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    KeyedBody(new, asked): KeyedBody<NewRoom>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Room>)> {
    let (room, was_there) = made(&state, &caller, new.kind.unwrap_or(RoomKind::Group), (&new, asked)).await?;
    let status = if was_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(header::LOCATION, format!("/api/rooms/{}", room.id))], Json(room)))
}

/// Makes a public room (or a group); the older form of `POST /api/rooms`.
#[utoipa::path(
    post, path = "/api/rooms/create", tag = "older clients", request_body = NewRoom, security(("bearer" = [])),
    params(("idempotency-key" = Option<String>, Header, description = "The client's own name of this request, kept for a day", min_length = 1, max_length = 255)),
    responses(
        (status = 200, description = "The new room", body = Room),
        (status = 409, description = "`idempotency_key_reused`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn create_public(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    KeyedBody(new, asked): KeyedBody<NewRoom>,
) -> Result<Json<Room>> {
    made(&state, &caller, new.kind.unwrap_or(RoomKind::Public), (&new, asked)).await.map(|(room, _)| Json(room))
}

/// The room, and whether this request made it before.
async fn made(state: &State, caller: &Caller, kind: RoomKind, (new, asked): (&NewRoom, Option<Asked>)) -> Result<(Room, bool)> {
    match asked {
        Some(asked) => {
            let key = idempotency::key(&asked.route, &asked.called, &asked.body)?;
            rooms::create_once(&state.db, &state.push, caller, (kind, new), &key).await
        }
        None => Ok((rooms::create(&state.db, &state.push, caller, kind, new).await?, false)),
    }
}
