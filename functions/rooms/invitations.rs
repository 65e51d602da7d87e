//! Invitations of one person to one room: what a room asks, taking it back, saying no. Saying yes is joining.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::invitations;
use shared::edge::extract::{Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::id::{RoomRef, UserId};
use shared::protocol::invitations::Invited;
use shared::protocol::page::Page;

use super::{InRoom, PageQuery, State};
use crate::signed_in::{Acting, SignedIn};

/// The person whom a room asks, as a path names them.
#[derive(Deserialize)]
pub(super) struct Whom {
    room_id: RoomRef,
    user_id: UserId,
}

/// People whom the room asks and who did not answer yet, by ascending id: for those who may add people.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/invitations", operation_id = "invited", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), PageQuery),
    responses(
        (status = 200, description = "A page of invitations", body = Page<Invited>),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Query(query): Query<PageQuery>,
) -> Result<Listed<Page<Invited>>> {
    let page = (query.cursor.as_deref(), query.limit);
    invitations::of_room(&state.db, &caller, &path.room_id, page).await.map(Listed)
}

/// Takes back what the room asks a person: what one asked oneself, or anything as an admin or owner.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/invitations/{user_id}", operation_id = "uninvite", tag = "rooms", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("user_id" = u64, Path, description = "The person", example = 7),
    ),
    responses(
        (status = 204, description = "Asked no more"),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `invitation_not_found`"),
        (status = 409, description = "`direct_room`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn withdraw(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    invitations::withdraw(&state.db, &state.push, &caller, (&path.room_id, path.user_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Declines an invitation of one's own; the room does not ask again for a day. Joining the room accepts it.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/invitation", operation_id = "decline", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general")),
    responses(
        (status = 204, description = "Declined"),
        (status = 404, description = "`invitation_not_found`: so it is when done again, too"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn decline(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InRoom>,
) -> Result<StatusCode> {
    invitations::decline(&state.db, &state.push, &caller, &path.room_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
