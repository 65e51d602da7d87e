//! Legacy routes for members: other paths and parameters, the same rules.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::rooms::members;
use shared::edge::extract::{Body, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::id::RoomRef;
use shared::protocol::page::Page;
use shared::protocol::rooms::{Additions, Member, NewMembers};

use super::State;
use crate::signed_in::{RateLimited, SignedIn};

#[derive(Deserialize)]
pub(super) struct LegacyRoomPath {
    #[serde(rename = "conversationId")]
    room: RoomRef,
}

/// Adds users to a room. Legacy form of `POST /api/rooms/{room_id}/members`.
#[utoipa::path(
    post, path = "/api/participant/{conversationId}", tag = "older clients", request_body = NewMembers, security(("bearer" = [])),
    params(("conversationId" = String, Path, description = "`7`, `room-7` or a slug", example = "1")),
    responses(
        (status = 200, description = "The result for each user", body = Additions),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`"),
        (status = 409, description = "`direct_room`, `room_archived`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn add(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<LegacyRoomPath>,
    Body(new): Body<NewMembers>,
) -> Result<Json<Additions>> {
    members::add(&state.db, &state.push, &caller, &path.room, &new).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LegacyMembersQuery {
    /// The room: `7`, `room-7` or a slug. Also accepted as `conversation_id`, `roomId` and `room_id`.
    #[serde(rename = "conversationId", alias = "conversation_id", alias = "roomId", alias = "room_id")]
    #[param(value_type = String, example = "1")]
    room: Option<RoomRef>,
    /// The `next` value of the previous page.
    cursor: Option<String>,
    /// Page size, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// Lists the members of a room. Legacy form of `GET /api/rooms/{room_id}/members`.
#[utoipa::path(
    get, path = "/api/messages/member", tag = "older clients", security(("bearer" = [])),
    params(LegacyMembersQuery),
    responses(
        (status = 200, description = "A page of members", body = Page<Member>),
        (status = 400, description = "`missing_parameter`"),
        (status = 403, description = "`not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<LegacyMembersQuery>,
) -> Result<PageResponse<Page<Member>>> {
    let missing = || Error::Malformed("missing_parameter", "The query parameter `conversationId` is required.".into());
    let room = query.room.ok_or_else(missing)?;
    members::list(&state.db, &caller, &room, (query.cursor.as_deref(), query.limit)).await.map(PageResponse)
}
