//! Legacy routes for messages: other paths and parameters, the same rules.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use serde_json::Value;
use shared::caller::Caller;
use shared::domain::messages::unsend;
use shared::domain::messages::{self, HistoryRange, SendRequest};
use shared::domain::rooms::directs;
use shared::edge::extract::{Body, IdempotencyKey, Path, Query};
use shared::edge::json_body::Lenient;
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::id::{RoomId, RoomRef, Seq, UserId};
use shared::protocol::actions::SendMessage;
use shared::protocol::incoming;
use shared::protocol::messages::{History, Message, NewMessage};

use super::State;
use crate::parameters::{ClientIdHeader, LegacyMessagePath, LegacyRoomPath};
use crate::refusals::{ManagersOnly, MissingParameter, RoomNotFound};
use crate::signed_in::SignedIn;

/// The default page size of `GET /api/messages/{conversationId}`.
const WHOLE_CONVERSATION: u32 = 1000;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LegacyMessagesQuery {
    /// The room: `7`, `room-7` or a slug. Also accepted as `room_id`, `conversationId` and `conversation_id`.
    #[serde(rename = "roomId", alias = "room_id", alias = "conversationId", alias = "conversation_id")]
    #[param(value_type = String, example = "1")]
    room: Option<RoomRef>,
    /// The number of messages, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Returns the latest messages before this `seq`.
    #[param(value_type = Option<u64>)]
    before: Option<Seq>,
}

/// Lists the latest messages of a room in ascending order. Legacy form of `GET /api/rooms/{room_id}/messages`.
#[utoipa::path(
    get, path = "/api/messages", tag = "older clients", params(LegacyMessagesQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of messages, oldest first", body = History),
        MissingParameter, RoomNotFound,
    )
)]
pub(super) async fn list_by_query(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<LegacyMessagesQuery>,
) -> Result<PageResponse<History>> {
    let room =
        query.room.ok_or_else(|| Error::Malformed("missing_parameter", "The query parameter `roomId` is required.".into()))?;
    let part = query.before.map_or(HistoryRange::Newest, HistoryRange::Before);
    // Go serialises an unset number as 0.
    let limit = query.limit.filter(|limit| *limit > 0);
    messages::history(&state.db, &caller, &room, part, limit).await.map(PageResponse)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LegacyPageQuery {
    /// The number of messages, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
    /// Returns the latest messages before this `seq`: the `next` value of the previous page.
    #[param(value_type = Option<u64>)]
    before: Option<Seq>,
}

/// Lists the latest messages of a room in ascending order, by default 1000. Legacy form of `GET /api/rooms/{room_id}/messages`.
#[utoipa::path(
    get, path = "/api/messages/{conversationId}", tag = "older clients", security(("bearer" = [])),
    params(LegacyRoomPath, LegacyPageQuery),
    responses(
        (status = 200, description = "A page of messages, oldest first", body = History),
        RoomNotFound,
    )
)]
pub(super) async fn list_by_path(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<LegacyRoomPath>,
    Query(query): Query<LegacyPageQuery>,
) -> Result<PageResponse<History>> {
    let part = query.before.map_or(HistoryRange::Newest, HistoryRange::Before);
    let limit = query.limit.filter(|limit| *limit > 0).map_or(WHOLE_CONVERSATION, |limit| limit.min(WHOLE_CONVERSATION));
    messages::history_up_to(&state.db, &caller, &path.room, part, limit).await.map(PageResponse)
}

/// The body of a legacy message.
#[derive(Deserialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body; `protocol::incoming` reads it, the same as a frame")]
pub(super) struct OlderMessage {
    /// The room in any form; also accepted as `room_id`, `roomId` and `conversationId`. General when neither a room nor a user is given.
    conversation_id: Option<RoomRef>,
    /// The user to whom the message goes in a direct room.
    receiver_id: Option<UserId>,
    /// The text; also accepted as `message`.
    #[schema(example = "Hello, world!")]
    content: Option<String>,
    /// The sender's `client_id`.
    client_id: Option<String>,
    /// The `seq` of the message that this one replies to.
    reply_to: Option<u64>,
}

/// Sends a message. Legacy form of `POST /api/rooms/{room_id}/messages`.
#[utoipa::path(
    post, path = "/api/messages/send", tag = "older clients", request_body = OlderMessage, security(("bearer" = [])),
    params(ClientIdHeader),
    responses(
        (status = 200, description = "The message, stored and pushed", body = Message),
        (status = 403, description = "`blocked`, `not_allowed`"),
        (status = 404, description = "`room_not_found`, `user_not_found`, `message_not_found` (of `reply_to`)"),
        (status = 409, description = "`client_id_reused`, `room_archived`"),
        (status = 429, description = "`rate_limited`, `duplicate_message`"),
    )
)]
pub(super) async fn send(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    IdempotencyKey(key): IdempotencyKey,
    Body(Lenient(body)): Body<Lenient<Value>>,
) -> Result<Json<Message>> {
    let receiver = body.get("receiver_id").filter(|id| !id.is_null()).map(UserId::deserialize).transpose();
    let receiver = receiver.map_err(|error| Error::invalid("receiver_id", "invalid", error.to_string()))?;
    let SendMessage { room_id, mut message } = incoming::read_message(body)?;
    message.client_id = message.client_id.or(key);
    let room = match (room_id, receiver) {
        (Some(room), _) => room,
        (None, Some(receiver)) => directly_to(&state, &caller, receiver, &message).await?.into(),
        (None, None) => RoomRef::general(),
    };
    messages::send(&state.db, &state.push, &state.limits, &caller, SendRequest { room: &room, new: &message })
        .await
        .map(|sent| Json(sent.message))
}

/// Returns the direct room with a user. Opens one only for a valid message; this counts as it does by its own route.
async fn directly_to(state: &State, caller: &Caller, receiver: UserId, message: &NewMessage) -> Result<RoomId> {
    if let Some(room) = directs::find(&state.db, caller, receiver).await? {
        return Ok(room);
    }
    messages::check_first(message, &state.limits)?;
    state.throttle.act(caller).await?;
    Ok(directs::open(&state.db, &state.push, caller, receiver).await?.0.id)
}

/// Unsends a message for everyone. Legacy form of `DELETE …/messages/{seq}?for=all`.
#[utoipa::path(
    put, path = "/api/messages/unsent/{messageId}", tag = "older clients", security(("bearer" = [])),
    params(LegacyMessagePath),
    responses(
        (status = 200, description = "The message without its content", body = Message),
        (status = 404, description = "`message_not_found`"),
        (status = 409, description = "`system_message`"),
        ManagersOnly,
    )
)]
pub(super) async fn unsend(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<LegacyMessagePath>,
) -> Result<Json<Message>> {
    unsend::unsend_by_id(&state.db, &state.push, &caller, path.message).await.map(Json)
}
