//! `…/messages/{seq}/pin` and `…/pins`: pinned messages.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::messages::pins;
use shared::edge::extract::Path;
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::messages::Message;
use shared::protocol::page::Page;

use super::State;
use crate::parameters::{MessagePath, RoomPath};
use crate::refusals::{MessageNotFound, RoomNotFound};
use crate::signed_in::SignedIn;

/// Pins a message. Requires an admin or owner, or a direct room. Repeating the request has no effect.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/messages/{seq}/pin", tag = "messages", security(("bearer" = [])),
    params(MessagePath),
    responses(
        (status = 200, description = "The pinned message", body = Message),
        (status = 403, description = "`not_allowed`, `not_a_member`, `blocked`"),
        (status = 409, description = "`message_unsent`, `system_message`, `too_many_pins`, `room_archived`"),
        MessageNotFound,
    )
)]
pub(super) async fn pin(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
) -> Result<Json<Message>> {
    pins::pin(&state.db, &state.push, &caller, &path.room_id, path.seq).await.map(Json)
}

/// Unpins a message. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/messages/{seq}/pin", tag = "messages", security(("bearer" = [])),
    params(MessagePath),
    responses(
        (status = 200, description = "The unpinned message", body = Message),
        (status = 403, description = "`not_allowed`, `not_a_member`, `blocked`"),
        (status = 409, description = "`room_archived`"),
        MessageNotFound,
    )
)]
pub(super) async fn unpin(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
) -> Result<Json<Message>> {
    pins::unpin(&state.db, &state.push, &caller, &path.room_id, path.seq).await.map(Json)
}

/// Lists the pinned messages of a room, last pinned first. Limit: 50 messages, returned as one page.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/pins", tag = "messages", security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "All pinned messages", body = Page<Message>),
        RoomNotFound,
    )
)]
pub(super) async fn pins(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
) -> Result<PageResponse<Page<Message>>> {
    pins::list(&state.db, &caller, &path.room_id).await.map(PageResponse)
}
