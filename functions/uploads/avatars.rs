//! `PUT` and `DELETE /api/users/me/avatar`, and the faces of people and rooms. A room's is set by `PATCH /api/rooms/{room_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::domain::avatars;
use shared::edge::extract::{Body, Path, Query};
use shared::error::Result;
use shared::id::{RoomRef, UserId};
use shared::media::Part;
use shared::protocol::people::Me;
use shared::protocol::uploads::{Link, NewAvatar};

use super::{Fetching, State, fetched};
use crate::signed_in::SignedIn;

/// Gives oneself a face: an upload that is ready, made for this and not used yet. The one before is removed.
#[utoipa::path(
    put, path = "/api/users/me/avatar", tag = "users", request_body = NewAvatar, security(("bearer" = [])),
    responses(
        (status = 200, description = "Oneself", body = Me),
        (status = 404, description = "`upload_not_found`"),
        (status = 409, description = "`upload_not_ready`, `upload_rejected`, `upload_in_use`"),
    )
)]
pub(super) async fn set(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Body(new): Body<NewAvatar>,
) -> Result<Json<Me>> {
    avatars::set(&state.db, &caller, Some(new.upload_id)).await.map(Json)
}

/// Takes one's face away. Without one nothing changes.
#[utoipa::path(
    delete, path = "/api/users/me/avatar", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "Oneself", body = Me))
)]
pub(super) async fn remove(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Me>> {
    avatars::set(&state.db, &caller, None).await.map(Json)
}

/// Which size of a face.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Size {
    /// 512 pixels a side.
    #[default]
    Large,
    /// 128 pixels a side.
    Small,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Sized {
    /// `large` (512 pixels a side) or `small` (128); `large` without it.
    #[serde(default)]
    #[param(inline)]
    size: Size,
    /// `true` answers with the URL instead of going there.
    #[serde(default)]
    #[param(default = false)]
    link: bool,
}

impl Sized {
    fn part(&self) -> Part {
        match self.size {
            Size::Large => Part::Whole,
            Size::Small => Part::Small,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Whose {
    user_id: UserId,
}

/// A person's face, square: a redirect to a URL that works for minutes.
#[utoipa::path(
    get, path = "/api/users/{user_id}/avatar", tag = "users", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7), Sized),
    responses(
        (status = 200, description = "With `link=true`: the URL", body = Link),
        (status = 302, description = "`Location` has the bytes", headers(("location" = String), ("etag" = String))),
        (status = 304, description = "The URL of this `ETag` still works"),
        (status = 404, description = "`avatar_not_found`"),
    )
)]
pub(super) async fn of_user(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whose>,
    Query(query): Query<Sized>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = avatars::link_of_user(&state.db, &state.media, &caller, path.user_id, query.part()).await?;
    Ok(fetched(signed, &Fetching { link: query.link }, &headers))
}

#[derive(Deserialize)]
pub(super) struct OfRoom {
    room_id: RoomRef,
}

/// A room's face, for those who may see the room; likewise.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/avatar", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), Sized),
    responses(
        (status = 200, description = "With `link=true`: the URL", body = Link),
        (status = 302, description = "`Location` has the bytes", headers(("location" = String), ("etag" = String))),
        (status = 304, description = "The URL of this `ETag` still works"),
        (status = 404, description = "`room_not_found`, `avatar_not_found`"),
    )
)]
pub(super) async fn of_room(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<OfRoom>,
    Query(query): Query<Sized>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = avatars::link_of_room(&state.db, &state.media, &caller, &path.room_id, query.part()).await?;
    Ok(fetched(signed, &Fetching { link: query.link }, &headers))
}
