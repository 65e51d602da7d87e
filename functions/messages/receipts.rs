//! Read markers, unread counts and receipts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::edge::extract::{Body, Path};
use shared::error::Result;
use shared::id::MessageId;
use shared::protocol::receipts::{Mark as MarkBody, Receipt, Receipts, Unread};

use super::{MessagePath, MessagesPath, State};
use crate::signed_in::SignedIn;

/// Marks all messages up to a `seq` as read. Markers only rise; values beyond the last message are lowered to it.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/read", tag = "messages", request_body = MarkBody, security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "The caller's markers and unread count", body = Receipt),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn read(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagesPath>,
    Body(body): Body<MarkBody>,
) -> Result<Json<Receipt>> {
    receipts::raise_marker(&state.db, &state.push, &caller, &path.room_id, ReadMarker::Read(body.seq)).await.map(Json)
}

/// Marks all messages up to a `seq` as delivered to a device. Reading a message implies its delivery.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/delivered", tag = "messages", request_body = MarkBody, security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "The caller's markers", body = Receipt),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn delivered(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagesPath>,
    Body(body): Body<MarkBody>,
) -> Result<Json<Receipt>> {
    receipts::raise_marker(&state.db, &state.push, &caller, &path.room_id, ReadMarker::Delivered(body.seq)).await.map(Json)
}

/// Lists who has read a message and to whom it was delivered, without its sender.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}/receipts", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's `seq`", example = 42),
    ),
    responses(
        (status = 200, description = "Current members with a receipt", body = Receipts),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
    )
)]
pub(super) async fn of_message(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
) -> Result<Json<Receipts>> {
    receipts::of_message(&state.db, &caller, &path.room_id, path.seq).await.map(Json)
}

#[derive(Deserialize)]
pub(super) struct LegacyReceiptsPath {
    #[serde(rename = "messageId")]
    message: MessageId,
}

/// Lists who has read a message. Legacy form of `GET …/messages/{seq}/receipts`.
#[utoipa::path(
    get, path = "/api/messages/read/{messageId}", tag = "older clients", security(("bearer" = [])),
    params(("messageId" = u64, Path, description = "The message's `id`", example = 9001)),
    responses(
        (status = 200, description = "Current members with a receipt", body = Receipts),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`message_not_found`"),
    )
)]
pub(super) async fn of_message_id(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<LegacyReceiptsPath>,
) -> Result<Json<Receipts>> {
    receipts::of_message_id(&state.db, &caller, path.message).await.map(Json)
}

/// Counts the caller's unread messages in all rooms, rooms with the latest activity first.
#[utoipa::path(
    get, path = "/api/unread", tag = "messages", security(("bearer" = [])),
    responses(
        (status = 200, description = "The total, and each room with unread messages", body = Unread),
    )
)]
pub(super) async fn unread(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Unread>> {
    receipts::unread(&state.db, &caller).await.map(Json)
}
