//! How far one has read, what is unread, and who has read a message.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::receipts::{self, Mark};
use shared::edge::extract::{Body, Path};
use shared::error::Result;
use shared::id::MessageId;
use shared::protocol::receipts::{Mark as MarkBody, Receipt, Receipts, Unread};

use super::{InMessage, InRoom, State};
use crate::signed_in::SignedIn;

/// Marks everything up to a message as read. A mark only rises; one beyond the end means the end.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/read", tag = "messages", request_body = MarkBody, security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "How far one has read now, and what is unread", body = Receipt),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn read(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Body(body): Body<MarkBody>,
) -> Result<Json<Receipt>> {
    receipts::mark(&state.db, &state.push, &caller, &path.room_id, Mark::Read(body.seq)).await.map(Json)
}

/// Marks everything up to a message as arrived on a device. What was read has arrived.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/delivered", tag = "messages", request_body = MarkBody, security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "Where the marks stand now", body = Receipt),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn delivered(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Body(body): Body<MarkBody>,
) -> Result<Json<Receipt>> {
    receipts::mark(&state.db, &state.push, &caller, &path.room_id, Mark::Delivered(body.seq)).await.map(Json)
}

/// Who has read a message, and whom it has reached. Its writer is in neither list.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}/receipts", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
    ),
    responses(
        (status = 200, description = "The present members whom it has reached", body = Receipts),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
    )
)]
pub(super) async fn of_message(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
) -> Result<Json<Receipts>> {
    receipts::of_message(&state.db, &caller, &path.room_id, path.seq).await.map(Json)
}

#[derive(Deserialize)]
pub(super) struct ById {
    #[serde(rename = "messageId")]
    message: MessageId,
}

/// Who has read a message that is named by its number alone.
#[utoipa::path(
    get, path = "/api/messages/read/{messageId}", tag = "older clients", security(("bearer" = [])),
    params(("messageId" = u64, Path, description = "The message's number across all rooms", example = 9001)),
    responses(
        (status = 200, description = "The present members whom it has reached", body = Receipts),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`message_not_found`"),
    )
)]
pub(super) async fn of_message_id(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<ById>,
) -> Result<Json<Receipts>> {
    receipts::of_message_id(&state.db, &caller, path.message).await.map(Json)
}

/// What is unread in all of one's rooms, those with the newest activity first.
#[utoipa::path(
    get, path = "/api/unread", tag = "messages", security(("bearer" = [])),
    responses(
        (status = 200, description = "The sum, and each room that has any", body = Unread),
    )
)]
pub(super) async fn unread(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Unread>> {
    receipts::unread(&state.db, &caller).await.map(Json)
}
