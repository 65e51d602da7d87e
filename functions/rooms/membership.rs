//! Members of a room: listing, joining, leaving.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::{invites, members, rooms};
use shared::edge::extract::{MaybeBody, Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::protocol::invites::Join;
use shared::protocol::page::Page;
use shared::protocol::rooms::{Leave, Member, Room};

use super::{InRoom, PageQuery, State};
use crate::signed_in::{Acting, SignedIn};

/// A room's members, by ascending id.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/members", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), PageQuery),
    responses(
        (status = 200, description = "A page of members", body = Page<Member>),
        (status = 403, description = "`not_a_member`: not any longer"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Query(query): Query<PageQuery>,
) -> Result<Listed<Page<Member>>> {
    let page = (query.cursor.as_deref(), query.limit);
    members::list(&state.db, &caller, &path.room_id, page).await.map(Listed)
}

/// Joins a public room, a room that asks one in, or any room with the code of an invitation to it. Joining twice changes nothing. Who was removed
/// from a room that is not public comes back only by being added.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/join", tag = "rooms", request_body = Option<Join>, security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "The room, joined", body = Room),
        (status = 403, description = "`banned`, `removed`, `invite_needed`"),
        (status = 404, description = "`room_not_found`, `invite_not_found`"),
        (status = 409, description = "`room_archived`, `invite_expired`, `invite_used_up`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn join(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InRoom>,
    MaybeBody(join): MaybeBody<Join>,
) -> Result<Json<Room>> {
    invites::join(&state.db, &state.push, &caller, &path.room_id, join.invite.as_deref()).await.map(Json)
}

/// Leaves a room. The last owner cannot leave others behind without naming one of them `owner`.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/leave", tag = "rooms", request_body = Option<Leave>, security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 204, description = "Left"),
        (status = 403, description = "`not_a_member`, `not_allowed` (of `owner`)"),
        (status = 404, description = "`room_not_found`, `member_not_found` (of `owner`)"),
        (status = 409, description = "`last_owner`, `direct_room`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn leave(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InRoom>,
    MaybeBody(leave): MaybeBody<Leave>,
) -> Result<StatusCode> {
    rooms::leave(&state.db, &state.push, &caller, &path.room_id, leave.owner).await?;
    Ok(StatusCode::NO_CONTENT)
}
