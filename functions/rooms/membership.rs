//! Membership: listing members, joining, leaving.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::rooms;
use shared::domain::rooms::invite_codes;
use shared::domain::rooms::members;
use shared::edge::extract::{MaybeBody, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::invite_codes::Join;
use shared::protocol::page::Page;
use shared::protocol::rooms::{Leave, Member, Room};

use super::State;
use crate::parameters::{PageQuery, RoomPath};
use crate::refusals::RoomNotFound;
use crate::signed_in::{RateLimited, SignedIn};

/// Lists the members of a room by ascending user id.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/members", tag = "rooms", security(("bearer" = [])),
    params(RoomPath, PageQuery),
    responses(
        (status = 200, description = "A page of members", body = Page<Member>),
        (status = 403, description = "`not_a_member`: the caller left or was removed"),
        RoomNotFound,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<Member>>> {
    members::list(&state.db, &caller, &path.room_id, query.page()).await.map(PageResponse)
}

/// Joins a public room, a room with an open invitation, or any room with an invite code. Repeating the request has no effect. Users who were removed
/// from a room that is not public can only be added back.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/join", tag = "rooms", request_body = Option<Join>, security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "The joined room", body = Room),
        (status = 403, description = "`banned`, `removed`, `invite_needed`"),
        (status = 404, description = "`room_not_found`, `invite_not_found`"),
        (status = 409, description = "`room_archived`, `invite_expired`, `invite_used_up`"),
    )
)]
pub(super) async fn join(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomPath>,
    MaybeBody(join): MaybeBody<Join>,
) -> Result<Json<Room>> {
    invite_codes::join(&state.db, &state.push, &caller, &path.room_id, join.invite.as_deref()).await.map(Json)
}

/// Leaves a room. The last owner must name another member as `owner`.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/leave", tag = "rooms", request_body = Option<Leave>, security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 204, description = "Left"),
        (status = 403, description = "`not_a_member`, `not_allowed` (of `owner`)"),
        (status = 404, description = "`room_not_found`, `member_not_found` (of `owner`)"),
        (status = 409, description = "`last_owner`, `direct_room`"),
    )
)]
pub(super) async fn leave(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomPath>,
    MaybeBody(leave): MaybeBody<Leave>,
) -> Result<StatusCode> {
    rooms::leave(&state.db, &state.push, &caller, &path.room_id, leave.owner).await?;
    Ok(StatusCode::NO_CONTENT)
}
