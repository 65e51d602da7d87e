//! Invitations of a room.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::{idempotency, invites};
use shared::edge::extract::{MaybeKeyedBody, Path};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::id::RoomRef;
use shared::protocol::invites::{Invite, NewInvite};
use shared::protocol::page::Page;

use super::{InRoom, State};
use crate::signed_in::{Acting, SignedIn};

/// The invitation that a path names.
#[derive(Deserialize)]
pub(super) struct InInvite {
    room_id: RoomRef,
    code: String,
}

/// Makes an invitation: whoever has its code may join. For those who may add people. With an `Idempotency-Key` it may be sent again after any
/// failure: there is only ever one.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/invites", tag = "rooms", request_body = NewInvite, security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("idempotency-key" = Option<String>, Header, description = "The client's own name of this request, kept for a day", min_length = 1, max_length = 255),
    ),
    responses(
        (status = 201, description = "The invitation", body = Invite),
        (status = 200, description = "It was made before, under the same `Idempotency-Key`", body = Invite),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`; `invite_not_found`: what was made under this `Idempotency-Key` opens nothing any more"),
        (status = 409, description = "`direct_room`, `room_archived`, `too_many_invites`, `idempotency_key_reused`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn create(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InRoom>,
    MaybeKeyedBody(new, asked): MaybeKeyedBody<NewInvite>,
) -> Result<(StatusCode, Json<Invite>)> {
    let (invite, was_there) = match asked {
        Some(asked) => {
            let key = idempotency::key(&asked.route, &asked.called, &asked.body)?;
            invites::create_once(&state.db, &caller, &path.room_id, &new, &key).await?
        }
        None => (invites::create(&state.db, &caller, &path.room_id, &new).await?, false),
    };
    let status = if was_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(invite)))
}

/// The invitations that can still be used, newest first: at most 100, in one page.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/invites", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 200, description = "All open invitations", body = Page<Invite>),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
) -> Result<Listed<Page<Invite>>> {
    invites::list(&state.db, &caller, &path.room_id).await.map(Listed)
}

/// Takes an invitation back: one's own, or any as an admin or owner.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/invites/{code}", tag = "rooms", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("code" = String, Path, description = "The invitation's code", format = Password, example = "Qm9zdG9uIFRlYSBQYXJ0eQ"),
    ),
    responses(
        (status = 204, description = "It opens nothing any more"),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `invite_not_found`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn revoke(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InInvite>,
) -> Result<StatusCode> {
    invites::revoke(&state.db, &caller, &path.room_id, &path.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
