//! `…/messages/{seq}/pin` and `…/pins`: what a room keeps in sight.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::pins;
use shared::edge::extract::Path;
use shared::edge::list::Listed;
use shared::error::Result;
use shared::protocol::messages::Message;
use shared::protocol::page::Page;

use super::{InMessage, InRoom, State};
use crate::signed_in::SignedIn;

/// Pins a message, as an admin or owner, or in a direct room. Doing it twice changes nothing.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/messages/{seq}/pin", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
    ),
    responses(
        (status = 200, description = "The message, pinned", body = Message),
        (status = 403, description = "`not_allowed`, `not_a_member`, `blocked`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
        (status = 409, description = "`message_unsent`, `system_message`, `too_many_pins`, `room_archived`"),
    )
)]
pub(super) async fn pin(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
) -> Result<Json<Message>> {
    pins::pin(&state.db, &state.push, &caller, &path.room_id, path.seq).await.map(Json)
}

/// Unpins a message. Doing it twice changes nothing.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/messages/{seq}/pin", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
    ),
    responses(
        (status = 200, description = "The message, pinned no longer", body = Message),
        (status = 403, description = "`not_allowed`, `not_a_member`, `blocked`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
        (status = 409, description = "`room_archived`"),
    )
)]
pub(super) async fn unpin(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
) -> Result<Json<Message>> {
    pins::unpin(&state.db, &state.push, &caller, &path.room_id, path.seq).await.map(Json)
}

/// The pinned messages of a room, last pinned first: at most 50, in one page.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/pins", tag = "messages", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "All pinned messages", body = Page<Message>),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn pins(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
) -> Result<Listed<Page<Message>>> {
    pins::list(&state.db, &caller, &path.room_id).await.map(Listed)
}
