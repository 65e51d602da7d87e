//! Legacy routes for members: other paths and parameters, the same rules.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::paging::PageRequest;
use shared::domain::rooms::members;
use shared::edge::extract::{Body, Path, Query};
use shared::edge::json_body::Lenient;
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::id::RoomRef;
use shared::protocol::page::Page;
use shared::protocol::rooms::{Additions, Member, NewMembers};

use super::State;
use crate::parameters::{LegacyRoomPath, PageQuery};
use crate::refusals::{ManagersOnly, MembersOnly, MissingParameter, RoomNotFound};
use crate::signed_in::{RateLimited, SignedIn};

/// Adds users to a room. Legacy form of `POST /api/rooms/{room_id}/members`.
#[utoipa::path(
    post, path = "/api/participant/{conversationId}", tag = "older clients", request_body = NewMembers, security(("bearer" = [])),
    params(LegacyRoomPath),
    responses(
        (status = 200, description = "The result for each user", body = Additions),
        (status = 409, description = "`direct_room`, `room_archived`"),
        ManagersOnly, RoomNotFound,
    )
)]
pub(super) async fn add(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<LegacyRoomPath>,
    Body(Lenient(new)): Body<Lenient<NewMembers>>,
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
}

/// Lists the members of a room. Legacy form of `GET /api/rooms/{room_id}/members`.
#[utoipa::path(
    get, path = "/api/messages/member", tag = "older clients", security(("bearer" = [])),
    params(LegacyMembersQuery, PageQuery),
    responses(
        (status = 200, description = "A page of members", body = Page<Member>),
        MissingParameter, MembersOnly, RoomNotFound,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<LegacyMembersQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<Member>>> {
    let missing = || Error::Malformed("missing_parameter", "The query parameter `conversationId` is required.".into());
    let room = query.room.ok_or_else(missing)?;
    // Go serialises an unset number as 0.
    let page = PageRequest { limit: page.limit.filter(|limit| *limit > 0), ..page.page() };
    members::list(&state.db, &caller, &room, page).await.map(PageResponse)
}
