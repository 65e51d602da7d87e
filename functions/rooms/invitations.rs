//! Invitations of single users to a room: listing, withdrawing, declining. Joining the room accepts one.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::rooms::invitations;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::invitations::Invited;
use shared::protocol::page::Page;

use super::State;
use crate::parameters::{MemberPath, PageQuery, RoomPath};
use crate::refusals::{ManagersOnly, NotForDirectRooms, RoomNotFound};
use crate::signed_in::{RateLimited, SignedIn};

/// Lists the open invitations of a room by ascending user id. Requires permission to add members.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/invitations", operation_id = "invited", tag = "rooms", security(("bearer" = [])),
    params(RoomPath, PageQuery),
    responses(
        (status = 200, description = "A page of invitations", body = Page<Invited>),
        ManagersOnly, RoomNotFound,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<Invited>>> {
    invitations::of_room(&state.db, &caller, &path.room_id, query.page()).await.map(PageResponse)
}

/// Withdraws an invitation: the caller's own, or any as an admin or owner.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/invitations/{user_id}", operation_id = "uninvite", tag = "rooms", security(("bearer" = [])),
    params(MemberPath),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, description = "`room_not_found`, `invitation_not_found`"),
        ManagersOnly, NotForDirectRooms,
    )
)]
pub(super) async fn withdraw(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<MemberPath>,
) -> Result<StatusCode> {
    invitations::withdraw(&state.db, &state.push, &caller, path.member()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Declines an invitation of the caller. The room cannot invite the caller again for a day. Joining the room accepts the invitation.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/invitation", operation_id = "decline", tag = "rooms", security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 204, description = "Declined"),
        (status = 404, description = "`invitation_not_found`, also on repetition"),
    )
)]
pub(super) async fn decline(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomPath>,
) -> Result<StatusCode> {
    invitations::decline(&state.db, &state.push, &caller, &path.room_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
