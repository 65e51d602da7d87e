//! Member management by admins and owners: adding, roles, removing, banning.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::rooms::members;
use shared::edge::extract::{Body, Path};
use shared::error::Result;
use shared::protocol::rooms::{Additions, ChangeMember, Member, NewMembers};

use super::State;
use crate::parameters::{MemberPath, RoomPath};
use crate::refusals::{ManagersOnly, NotForDirectRooms, RoomNotFound};
use crate::signed_in::RateLimited;

/// Adds up to 100 users. Users who left the room, or who do not let the caller add them, receive an invitation and are listed in `invited`; `refused`
/// lists users who could not be added, with the reason.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/members", tag = "rooms", request_body = NewMembers, security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "The result for each user", body = Additions),
        (status = 409, description = "`direct_room`, `room_archived`"),
        ManagersOnly, RoomNotFound,
    )
)]
pub(super) async fn add(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomPath>,
    Body(new): Body<NewMembers>,
) -> Result<Json<Additions>> {
    members::add(&state.db, &state.push, &caller, &path.room_id, &new).await.map(Json)
}

/// Changes a member's role. Owners may set any role; members may lower their own.
#[utoipa::path(
    patch, path = "/api/rooms/{room_id}/members/{user_id}", tag = "rooms", request_body = ChangeMember, security(("bearer" = [])),
    params(MemberPath),
    responses(
        (status = 200, description = "The member with the new role", body = Member),
        (status = 404, description = "`room_not_found`, `member_not_found`"),
        (status = 409, description = "`last_owner`, `direct_room`"),
        ManagersOnly,
    )
)]
pub(super) async fn set_role(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<MemberPath>,
    Body(change): Body<ChangeMember>,
) -> Result<Json<Member>> {
    members::set_role(&state.db, &state.push, &caller, path.member(), change.role).await.map(Json)
}

/// Removes a member of a lower role. The user can return by being added again, or by joining if the room is public; invite codes do not work.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/members/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(MemberPath),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "`room_not_found`, `member_not_found`"),
        ManagersOnly, NotForDirectRooms,
    )
)]
pub(super) async fn remove(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<MemberPath>,
) -> Result<StatusCode> {
    members::remove(&state.db, &state.push, &caller, &path.room_id, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bans a user from a room: a member of a lower role, or a user who is not a member.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/bans/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(MemberPath),
    responses(
        (status = 204, description = "Banned"),
        (status = 404, description = "`room_not_found`, `user_not_found`"),
        ManagersOnly, NotForDirectRooms,
    )
)]
pub(super) async fn ban(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<MemberPath>,
) -> Result<StatusCode> {
    members::ban(&state.db, &state.push, &caller, &path.room_id, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a ban. The user does not become a member.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/bans/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(MemberPath),
    responses(
        (status = 204, description = "Unbanned"),
        (status = 404, description = "`room_not_found`, `ban_not_found`"),
        ManagersOnly, NotForDirectRooms,
    )
)]
pub(super) async fn unban(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<MemberPath>,
) -> Result<StatusCode> {
    members::unban(&state.db, &caller, &path.room_id, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
