//! `PATCH` and `DELETE …/messages/{seq}`: editing, unsending and hiding; and `GET …/edits`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::unsend;
use shared::edge::extract::{Body, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::protocol::messages::{Edit, Message, NewContent};
use shared::protocol::page::Page;

use super::State;
use crate::parameters::{MessagePath, PageQuery};
use crate::refusals::{ManagersOnly, MessageNotFound, MissingParameter};
use crate::signed_in::SignedIn;

/// Edits a message of the caller. Earlier texts are kept.
#[utoipa::path(
    patch, path = "/api/rooms/{room_id}/messages/{seq}", tag = "messages", request_body = NewContent, security(("bearer" = [])),
    params(MessagePath),
    responses(
        (status = 200, description = "The edited message", body = Message),
        (status = 403, description = "`not_allowed` (another user's message), `not_a_member`, `blocked`"),
        (status = 409, description = "`message_unsent`, `system_message`, `forwarded_message`, `room_archived`"),
        MessageNotFound,
    )
)]
pub(super) async fn edit(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
    Body(new): Body<NewContent>,
) -> Result<Json<Message>> {
    let editing = EditRequest { room: &path.room_id, seq: path.seq, new: &new };
    edits::edit(&state.db, &state.push, &state.limits, &caller, editing).await.map(Json)
}

/// The scope of a deletion.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeleteScope {
    /// All members.
    All,
    /// The caller only.
    Me,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// `all` unsends the message for everyone: one's own, or any message as an admin or owner. `me` hides it from the caller.
    #[serde(rename = "for")]
    #[param(inline, required)]
    scope: Option<DeleteScope>,
}

/// Unsends a message for everyone, or hides it from the caller. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/messages/{seq}", tag = "messages", security(("bearer" = [])),
    params(MessagePath, DeleteQuery),
    responses(
        (status = 204, description = "Unsent or hidden. An unsent message keeps its `seq` without content"),
        (status = 409, description = "`system_message`"),
        MissingParameter, ManagersOnly, MessageNotFound,
    )
)]
pub(super) async fn delete(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
    Query(query): Query<DeleteQuery>,
) -> Result<StatusCode> {
    match query.scope {
        Some(DeleteScope::All) => {
            unsend::unsend(&state.db, &state.push, &caller, &path.room_id, path.seq).await?;
        }
        Some(DeleteScope::Me) => unsend::hide(&state.db, &state.push, &caller, &path.room_id, path.seq).await?,
        None => return Err(Error::Malformed("missing_parameter", "The query parameter `for` must be `all` or `me`.".into())),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the earlier texts of an edited message, oldest first.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}/edits", tag = "messages", security(("bearer" = [])),
    params(MessagePath, PageQuery),
    responses(
        (status = 200, description = "A page of earlier texts", body = Page<Edit>),
        MessageNotFound,
    )
)]
pub(super) async fn edits(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<Edit>>> {
    edits::list(&state.db, &caller, path.address(), query.page()).await.map(PageResponse)
}
