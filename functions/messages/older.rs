//! The older clients' requests: the same rules behind other spellings.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use serde_json::Value;
use shared::caller::Caller;
use shared::domain::messages::{self, Part};
use shared::domain::{directs, unsending};
use shared::edge::extract::{Body, Called, Path, Query};
use shared::edge::list::Listed;
use shared::error::{Error, Result};
use shared::id::{MessageId, RoomId, RoomRef, UserId};
use shared::protocol::incoming;
use shared::protocol::messages::{History, Message};

use super::State;
use crate::signed_in::SignedIn;

/// The page of `GET /api/messages/{conversationId}` when it names no limit.
const WHOLE_CONVERSATION: u32 = 1000;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByQuery {
    /// The room: `7`, `room-7` or a slug. `room_id`, `conversationId` and `conversation_id` are read, too.
    #[serde(rename = "roomId", alias = "room_id", alias = "conversationId", alias = "conversation_id")]
    #[param(value_type = String, example = "1")]
    room: Option<RoomRef>,
    /// How many of the newest messages, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The newest ones before this seq.
    before: Option<u64>,
}

/// The newest messages of a room, ascending.
#[utoipa::path(
    get, path = "/api/messages", tag = "older clients", params(ByQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "Messages, oldest first", body = History),
        (status = 400, description = "`missing_parameter`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list_by_query(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ByQuery>,
) -> Result<Listed<History>> {
    let room = query.room.ok_or_else(|| Error::Malformed("missing_parameter", "The query must name a room as roomId.".into()))?;
    let part = query.before.map_or(Part::Newest, Part::Before);
    messages::history(&state.db, &caller, &room, part, query.limit).await.map(Listed)
}

#[derive(Deserialize)]
pub(super) struct InConversation {
    #[serde(rename = "conversationId")]
    room: RoomRef,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByPath {
    /// How many of the newest messages, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
    /// The newest ones before this seq; the `next` of the page before.
    before: Option<u64>,
}

/// A conversation: without `limit` the newest thousand messages, ascending, and `next` where there are more.
#[utoipa::path(
    get, path = "/api/messages/{conversationId}", tag = "older clients", security(("bearer" = [])),
    params(("conversationId" = String, Path, description = "`7`, `room-7` or a slug", example = "1"), ByPath),
    responses(
        (status = 200, description = "Messages, oldest first", body = History),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list_by_path(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InConversation>,
    Query(query): Query<ByPath>,
) -> Result<Listed<History>> {
    let part = query.before.map_or(Part::Newest, Part::Before);
    let limit = query.limit.unwrap_or(WHOLE_CONVERSATION).clamp(1, WHOLE_CONVERSATION);
    messages::history_up_to(&state.db, &caller, &path.room, part, limit).await.map(Listed)
}

/// What older clients post.
#[derive(Deserialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body; `protocol::incoming` reads it, the same as a frame")]
pub(super) struct OlderMessage {
    /// The room, in any form; `room_id`, `roomId`, `conversationId` are read, too. General when absent, and nobody is named.
    conversation_id: Option<RoomRef>,
    /// Or a person, whose direct room it goes to.
    receiver_id: Option<UserId>,
    /// The text; `message` is read, too.
    #[schema(example = "Hello, world!")]
    content: Option<String>,
    /// The sender's own key.
    client_id: Option<String>,
    /// The seq of a message that this one answers.
    reply_to: Option<u64>,
}

/// Sends a message; the older form of `POST /api/rooms/{room_id}/messages`.
#[utoipa::path(
    post, path = "/api/messages/send", tag = "older clients", request_body = OlderMessage, security(("bearer" = [])),
    params(("idempotency-key" = Option<String>, Header, description = "Another place for `client_id`", min_length = 1, max_length = 64)),
    responses(
        (status = 200, description = "Stored and pushed", body = Message),
        (status = 403, description = "`blocked`, `not_allowed`"),
        (status = 404, description = "`room_not_found`, `user_not_found`, `message_not_found` (of `reply_to`)"),
        (status = 409, description = "`client_id_reused`, `room_archived`"),
        (status = 429, description = "`rate_limited`, `duplicate_message`"),
    )
)]
pub(super) async fn send(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Called(key): Called,
    Body(body): Body<Value>,
) -> Result<Json<Message>> {
    let receiver = body.get("receiver_id").filter(|id| !id.is_null()).map(UserId::deserialize).transpose();
    let receiver = receiver.map_err(|error| Error::invalid("receiver_id", "invalid", error.to_string()))?;
    let (room, mut message) = incoming::read_message(body)?;
    message.client_id = message.client_id.or(key);
    let room = match (room, receiver) {
        (Some(room), _) => room,
        (None, Some(receiver)) => directly_to(&state, &caller, receiver).await?.into(),
        (None, None) => RoomRef::general(),
    };
    messages::send(&state.db, &state.push, &state.limits, &caller, (&room, &message)).await.map(|sent| Json(sent.message))
}

/// The direct room with somebody. Opening one counts as it does by its own route; going on in one does not.
async fn directly_to(state: &State, caller: &Caller, receiver: UserId) -> Result<RoomId> {
    if let Some(room) = directs::known(&state.db, caller, receiver).await? {
        return Ok(room);
    }
    state.throttle.act(caller).await?;
    Ok(directs::open(&state.db, &state.push, caller, receiver).await?.0.id)
}

#[derive(Deserialize)]
pub(super) struct ById {
    #[serde(rename = "messageId")]
    message: MessageId,
}

/// Unsends a message for everyone; the older form of `DELETE …/messages/{seq}?for=all`.
#[utoipa::path(
    put, path = "/api/messages/unsent/{messageId}", tag = "older clients", security(("bearer" = [])),
    params(("messageId" = u64, Path, description = "The message's number across all rooms", example = 9001)),
    responses(
        (status = 200, description = "What is left of it", body = Message),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`message_not_found`"),
        (status = 409, description = "`system_message`"),
    )
)]
pub(super) async fn unsend(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<ById>,
) -> Result<Json<Message>> {
    unsending::unsend_by_id(&state.db, &state.push, &caller, path.message).await.map(Json)
}
