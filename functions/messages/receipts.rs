//! Read markers, unread counts and receipts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::edge::extract::{Body, Path};
use shared::error::Result;
use shared::protocol::receipts::{Mark as MarkBody, Receipt, Receipts, Unread};

use super::State;
use crate::parameters::{LegacyMessagePath, MessagePath, RoomPath};
use crate::refusals::{MembersOnly, MessageNotFound, RoomNotFound};
use crate::signed_in::SignedIn;

/// Marks all messages up to a `seq` as read. Markers only rise; values beyond the last message are lowered to it.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/read", tag = "messages", request_body = MarkBody, security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "The caller's markers and unread count", body = Receipt),
        MembersOnly, RoomNotFound,
    )
)]
pub(super) async fn read(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Body(body): Body<MarkBody>,
) -> Result<Json<Receipt>> {
    receipts::raise_marker(&state.db, &state.push, &caller, &path.room_id, ReadMarker::Read(body.seq)).await.map(Json)
}

/// Marks all messages up to a `seq` as delivered to a device. Reading a message implies its delivery.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/delivered", tag = "messages", request_body = MarkBody, security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "The caller's markers", body = Receipt),
        MembersOnly, RoomNotFound,
    )
)]
pub(super) async fn delivered(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Body(body): Body<MarkBody>,
) -> Result<Json<Receipt>> {
    receipts::raise_marker(&state.db, &state.push, &caller, &path.room_id, ReadMarker::Delivered(body.seq)).await.map(Json)
}

/// Lists who has read a message and to whom it was delivered, without its sender.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}/receipts", tag = "messages", security(("bearer" = [])),
    params(MessagePath),
    responses(
        (status = 200, description = "Current members with a receipt", body = Receipts),
        MembersOnly, MessageNotFound,
    )
)]
pub(super) async fn of_message(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
) -> Result<Json<Receipts>> {
    receipts::of_message(&state.db, &caller, &path.room_id, path.seq).await.map(Json)
}

/// Lists who has read a message. Legacy form of `GET …/messages/{seq}/receipts`.
#[utoipa::path(
    get, path = "/api/messages/read/{messageId}", tag = "older clients", security(("bearer" = [])),
    params(LegacyMessagePath),
    responses(
        (status = 200, description = "Current members with a receipt", body = Receipts),
        (status = 404, description = "`message_not_found`"),
        MembersOnly,
    )
)]
pub(super) async fn of_message_id(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<LegacyMessagePath>,
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
