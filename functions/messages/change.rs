//! `PATCH` and `DELETE …/messages/{seq}`: editing, unsending for all, hiding for oneself; and `GET …/edits`, the earlier texts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::edits::{self, Editing};
use shared::domain::unsending;
use shared::edge::extract::{Body, Path, Query};
use shared::edge::list::Listed;
use shared::error::{Error, Result};
use shared::protocol::messages::{Edit, Message, NewContent};
use shared::protocol::page::Page;

use super::{InMessage, PageQuery, State};
use crate::signed_in::SignedIn;

/// Gives one's own message another text. The earlier one is kept.
#[utoipa::path(
    patch, path = "/api/rooms/{room_id}/messages/{seq}", tag = "messages", request_body = NewContent, security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
    ),
    responses(
        (status = 200, description = "The message as it is now", body = Message),
        (status = 403, description = "`not_allowed` (it is somebody else's), `not_a_member`, `blocked`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
        (status = 409, description = "`message_unsent`, `system_message`, `forwarded_message`, `room_archived`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn edit(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
    Body(new): Body<NewContent>,
) -> Result<Json<Message>> {
    let editing = Editing { room: &path.room_id, seq: path.seq, new: &new };
    edits::edit(&state.db, &state.push, &state.limits, &caller, editing).await.map(Json)
}

/// For whom a message is deleted.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Whom {
    /// Everyone.
    All,
    /// The caller.
    Me,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// `all` unsends it: one's own, or any as an admin or owner. `me` hides it from oneself alone.
    #[serde(rename = "for")]
    #[param(inline, required)]
    whom: Option<Whom>,
}

/// Unsends a message for everyone, or hides it from oneself. Doing it twice changes nothing.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/messages/{seq}", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
        DeleteQuery,
    ),
    responses(
        (status = 204, description = "Gone. Unsent for all, its place stays as a message without content"),
        (status = 400, description = "`missing_parameter`"),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
        (status = 409, description = "`system_message`"),
    )
)]
pub(super) async fn delete(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
    Query(query): Query<DeleteQuery>,
) -> Result<StatusCode> {
    match query.whom {
        Some(Whom::All) => {
            unsending::unsend(&state.db, &state.push, &caller, &path.room_id, path.seq).await?;
        }
        Some(Whom::Me) => unsending::hide(&state.db, &state.push, &caller, &path.room_id, path.seq).await?,
        None => return Err(Error::Malformed("missing_parameter", "The query must say for=all or for=me.".into())),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What an edited message said before, oldest first.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}/edits", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of earlier texts", body = Page<Edit>),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
    )
)]
pub(super) async fn edits(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
    Query(query): Query<PageQuery>,
) -> Result<Listed<Page<Edit>>> {
    let page = (query.cursor.as_deref(), query.limit);
    edits::list(&state.db, &caller, (&path.room_id, path.seq), page).await.map(Listed)
}
