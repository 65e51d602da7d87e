//! Invite codes of a room.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::idempotency;
use shared::domain::rooms::invite_codes;
use shared::edge::extract::{MaybeKeyedBody, Path};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::id::RoomRef;
use shared::protocol::invite_codes::{Invite, NewInvite};
use shared::protocol::page::Page;

use super::State;
use crate::parameters::{IdempotencyHeader, RoomPath};
use crate::refusals::{ManagersOnly, RoomNotFound};
use crate::signed_in::{RateLimited, SignedIn};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct InvitePath {
    /// `7`, `room-7` or a slug
    #[param(value_type = String, example = "general")]
    room_id: RoomRef,
    /// The invite code
    #[param(format = Password, example = "Qm9zdG9uIFRlYSBQYXJ0eQ")]
    code: String,
}

/// Creates an invite code: anyone who has it may join the room. Requires permission to add members. With an `Idempotency-Key` the request is safe to
/// retry.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/invites", tag = "rooms", request_body = NewInvite, security(("bearer" = [])),
    params(RoomPath, IdempotencyHeader),
    responses(
        (status = 201, description = "The invite code", body = Invite),
        (status = 200, description = "A retry: the invite code created with this `Idempotency-Key`", body = Invite),
        (status = 404, description = "`room_not_found`; `invite_not_found`: the invite code of this `Idempotency-Key` is no longer valid"),
        (status = 409, description = "`direct_room`, `room_archived`, `too_many_invites`, `idempotency_key_reused`"),
        ManagersOnly,
    )
)]
pub(super) async fn create(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomPath>,
    MaybeKeyedBody(new, request): MaybeKeyedBody<NewInvite>,
) -> Result<(StatusCode, Json<Invite>)> {
    let (invite, existed) = match request {
        Some(request) => {
            let key = idempotency::derive_key(&request.route, &request.key, &request.body)?;
            invite_codes::create_once(&state.db, &caller, &path.room_id, &new, &key).await?
        }
        None => (invite_codes::create(&state.db, &caller, &path.room_id, &new).await?, false),
    };
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(invite)))
}

/// Lists the usable invite codes, newest first. Limit: 100 codes, returned as one page.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/invites", tag = "rooms", security(("bearer" = [])),
    params(RoomPath),
    responses(
        (status = 200, description = "All usable invite codes", body = Page<Invite>),
        ManagersOnly, RoomNotFound,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
) -> Result<PageResponse<Page<Invite>>> {
    invite_codes::list(&state.db, &caller, &path.room_id).await.map(PageResponse)
}

/// Revokes an invite code: the caller's own, or any as an admin or owner.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/invites/{code}", tag = "rooms", security(("bearer" = [])),
    params(InvitePath),
    responses(
        (status = 204, description = "Revoked"),
        (status = 404, description = "`room_not_found`, `invite_not_found`"),
        ManagersOnly,
    )
)]
pub(super) async fn revoke(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<InvitePath>,
) -> Result<StatusCode> {
    invite_codes::revoke(&state.db, &caller, &path.room_id, &path.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
