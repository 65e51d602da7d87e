//! `POST /api/rooms`, and the legacy `POST /api/rooms/create` whose rooms are public by default.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderName, StatusCode, header};
use shared::caller::Caller;
use shared::domain::idempotency;
use shared::domain::rooms::{self, RoomRequest};
use shared::edge::extract::{IdempotentRequest, KeyedBody};
use shared::edge::json_body::Lenient;
use shared::error::Result;
use shared::protocol::privacy::LegacyNewRoom;
use shared::protocol::rooms::{NewRoom, Room, RoomKind};

use super::State;
use crate::parameters::IdempotencyHeader;
use crate::signed_in::RateLimited;

/// Creates a group or public room owned by the caller. With an `Idempotency-Key` the request is safe to retry.
#[utoipa::path(
    post, path = "/api/rooms", tag = "rooms", request_body = NewRoom, security(("bearer" = [])),
    params(IdempotencyHeader),
    responses(
        (status = 201, description = "The new room", body = Room, headers(("location" = String, description = "The room's path"))),
        (status = 200, description = "A retry: the room created with this `Idempotency-Key`", body = Room),
        (status = 409, description = "`idempotency_key_reused`"),
        (status = 422, description = "`invalid_input`; codes of `member_ids` are `user_not_found` and `not_reachable`"),
    )
)]
pub(super) async fn create(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    KeyedBody(new, request): KeyedBody<NewRoom>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Room>)> {
    let (room, existed) = create_room(&state, &caller, new.kind.unwrap_or(RoomKind::Group), &new, request).await?;
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(header::LOCATION, format!("/api/rooms/{}", room.id))], Json(room)))
}

/// Creates a public room; a group with `kind`, or where the body asks for privacy as other backends spell it (`is_private`, `type`, `visibility`, …).
/// Legacy form of `POST /api/rooms`.
#[utoipa::path(
    post, path = "/api/rooms/create", tag = "older clients", request_body = NewRoom, security(("bearer" = [])),
    params(IdempotencyHeader),
    responses(
        (status = 200, description = "The new room", body = Room),
        (status = 409, description = "`idempotency_key_reused`"),
    )
)]
pub(super) async fn create_public(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    KeyedBody(Lenient(new), request): KeyedBody<Lenient<LegacyNewRoom>>,
) -> Result<Json<Room>> {
    let (kind, new) = new.into_room()?;
    create_room(&state, &caller, kind, &new, request).await.map(|(room, _)| Json(room))
}

/// Returns the room, and whether an earlier request created it.
async fn create_room(
    state: &State,
    caller: &Caller,
    kind: RoomKind,
    new: &NewRoom,
    request: Option<IdempotentRequest>,
) -> Result<(Room, bool)> {
    match request {
        Some(request) => {
            let key = idempotency::derive_key(&request.route, &request.key, &request.body)?;
            rooms::create_once(&state.db, &state.push, caller, RoomRequest { kind, new }, &key).await
        }
        None => Ok((rooms::create(&state.db, &state.push, caller, kind, new).await?, false)),
    }
}
