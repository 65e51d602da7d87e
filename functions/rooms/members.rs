//! Members as admins and owners rule them: adding, roles, removing, banning.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::members;
use shared::edge::extract::{Body, Path};
use shared::error::Result;
use shared::id::{RoomRef, UserId};
use shared::protocol::rooms::{Additions, ChangeMember, Member, NewMembers};

use super::{InRoom, State};
use crate::signed_in::Acting;

/// The person in a room that a path names.
#[derive(Deserialize)]
pub(super) struct InMembership {
    room_id: RoomRef,
    user_id: UserId,
}

/// Adds people, at most 100 at once. Who left by themselves, or does not let the caller add them, is asked and stands in `invited`; `refused` names
/// those who could not be added, and why.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/members", tag = "rooms", request_body = NewMembers, security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "What became of each", body = Additions),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`"),
        (status = 409, description = "`direct_room`, `room_archived`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn add(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InRoom>,
    Body(new): Body<NewMembers>,
) -> Result<Json<Additions>> {
    members::add(&state.db, &state.push, &caller, &path.room_id, &new).await.map(Json)
}

/// Gives a member another role: owners to everyone, everyone a lower one to themselves.
#[utoipa::path(
    patch, path = "/api/rooms/{room_id}/members/{user_id}", tag = "rooms", request_body = ChangeMember, security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("user_id" = u64, Path, description = "The person", example = 7),
    ),
    responses(
        (status = 200, description = "The member from now on", body = Member),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `member_not_found`"),
        (status = 409, description = "`last_owner`, `direct_room`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn set_role(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InMembership>,
    Body(change): Body<ChangeMember>,
) -> Result<Json<Member>> {
    let whom = (&path.room_id, path.user_id);
    members::set_role(&state.db, &state.push, &caller, whom, change.role).await.map(Json)
}

/// Removes a member of a lower role. No invitation lets them back in; adding them does, and a public room is open to them.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/members/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("user_id" = u64, Path, description = "The person", example = 7),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `member_not_found`"),
        (status = 409, description = "`direct_room`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn remove(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InMembership>,
) -> Result<StatusCode> {
    members::remove(&state.db, &state.push, &caller, &path.room_id, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps somebody out for good: a member of a lower role, or someone who is none.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/bans/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("user_id" = u64, Path, description = "The person", example = 7),
    ),
    responses(
        (status = 204, description = "Banned"),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `user_not_found`"),
        (status = 409, description = "`direct_room`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn ban(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InMembership>,
) -> Result<StatusCode> {
    members::ban(&state.db, &state.push, &caller, &path.room_id, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets somebody come back; it does not make them a member.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/bans/{user_id}", tag = "rooms", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("user_id" = u64, Path, description = "The person", example = 7),
    ),
    responses(
        (status = 204, description = "No longer banned"),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `ban_not_found`"),
        (status = 409, description = "`direct_room`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn unban(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InMembership>,
) -> Result<StatusCode> {
    members::unban(&state.db, &caller, &path.room_id, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
