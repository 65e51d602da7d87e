//! `POST …/messages`: 201 for a new message, 200 for a retry.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderName, StatusCode, header};
use shared::domain::messages::{self, SendRequest};
use shared::edge::extract::{Body, IdempotencyKey, Path};
use shared::edge::rate_limit_headers::RateLimitHeaders;
use shared::error::Result;
use shared::protocol::messages::{Message, NewMessage};

use super::State;
use crate::parameters::{ClientIdHeader, RoomPath};
use crate::signed_in::SignedIn;

/// Sends a message. With a `client_id` the request is safe to retry: the message is stored once.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/messages", tag = "messages", request_body = NewMessage, security(("bearer" = [])),
    params(RoomPath, ClientIdHeader),
    responses(
        (status = 201, description = "The message, stored and pushed", body = Message, headers(("location" = String, description = "The message's path"))),
        (status = 200, description = "A retry: the message stored under this `client_id`", body = Message),
        (status = 404, description = "`room_not_found`, `message_not_found` (of `reply_to`; both of `forward`)"),
        (status = 409, description = "`client_id_reused`, `room_archived`; `message_unsent`, `system_message` (of `forward`)"),
        (status = 429, description = "`rate_limited`, `duplicate_message`"),
    )
)]
pub(super) async fn send(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    IdempotencyKey(key): IdempotencyKey,
    Body(mut new): Body<NewMessage>,
) -> Result<(StatusCode, RateLimitHeaders, [(HeaderName, String); 1], Json<Message>)> {
    new.client_id = new.client_id.or(key);
    let sent =
        messages::send(&state.db, &state.push, &state.limits, &caller, SendRequest { room: &path.room_id, new: &new }).await?;
    let status = if sent.replayed { StatusCode::OK } else { StatusCode::CREATED };
    let place = format!("/api/rooms/{}/messages/{}", sent.message.room_id, sent.message.seq);
    Ok((status, RateLimitHeaders(sent.rate), [(header::LOCATION, place)], Json(sent.message)))
}
