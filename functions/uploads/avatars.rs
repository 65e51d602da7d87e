//! `PUT` and `DELETE /api/users/me/avatar`, and the avatars of users and rooms. `PATCH /api/rooms/{room_id}` sets a room's avatar.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::domain::uploads::avatars;
use shared::edge::extract::{Body, Path, Query};
use shared::error::Result;
use shared::media::Rendition;
use shared::protocol::people::Me;
use shared::protocol::uploads::{Link, NewAvatar};

use super::{DownloadQuery, DownloadResponses, State, download_response};
use crate::parameters::{RoomPath, UserPath};
use crate::refusals::UploadNotFound;
use crate::signed_in::SignedIn;

/// Sets the caller's avatar to an upload with the purpose `avatar` that is ready and unused. The previous avatar is deleted.
#[utoipa::path(
    put, path = "/api/users/me/avatar", tag = "users", request_body = NewAvatar, security(("bearer" = [])),
    responses(
        (status = 200, description = "The caller's profile", body = Me),
        (status = 409, description = "`upload_not_ready`, `upload_rejected`, `upload_in_use`"),
        UploadNotFound,
    )
)]
pub(super) async fn set(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Body(new): Body<NewAvatar>,
) -> Result<Json<Me>> {
    avatars::set(&state.db, &state.push, &caller, Some(new.upload_id)).await.map(Json)
}

/// Removes the caller's avatar. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/users/me/avatar", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The caller's profile", body = Me))
)]
pub(super) async fn remove(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Me>> {
    avatars::set(&state.db, &state.push, &caller, None).await.map(Json)
}

/// The size of an avatar.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Size {
    /// 512 by 512 pixels.
    #[default]
    Large,
    /// 128 by 128 pixels.
    Small,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AvatarQuery {
    /// `large` (512 by 512 pixels, the default) or `small` (128 by 128).
    #[serde(default)]
    #[param(inline)]
    size: Size,
    /// `true` returns the URL instead of a redirect.
    #[serde(default)]
    #[param(default = false)]
    link: bool,
}

impl AvatarQuery {
    fn part(&self) -> Rendition {
        match self.size {
            Size::Large => Rendition::Original,
            Size::Small => Rendition::Thumbnail,
        }
    }
}

/// Retrieves the square avatar of a user: redirects to a URL that is valid for minutes.
#[utoipa::path(
    get, path = "/api/users/{user_id}/avatar", tag = "users", security(("bearer" = [])),
    params(UserPath, AvatarQuery),
    responses(
        (status = 200, description = "The URL, with `link=true`", body = Link),
        DownloadResponses,
        (status = 404, description = "`avatar_not_found`"),
    )
)]
pub(super) async fn of_user(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UserPath>,
    Query(query): Query<AvatarQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = avatars::user_link(&state.db, &state.media, &caller, path.user_id, query.part()).await?;
    Ok(download_response(signed, &DownloadQuery { link: query.link }, &headers))
}

/// Retrieves the avatar of a visible room: redirects to a URL that is valid for minutes.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/avatar", tag = "rooms", security(("bearer" = [])),
    params(RoomPath, AvatarQuery),
    responses(
        (status = 200, description = "The URL, with `link=true`", body = Link),
        DownloadResponses,
        (status = 404, description = "`room_not_found`, `avatar_not_found`"),
    )
)]
pub(super) async fn of_room(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Query(query): Query<AvatarQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = avatars::room_link(&state.db, &state.media, &caller, &path.room_id, query.part()).await?;
    Ok(download_response(signed, &DownloadQuery { link: query.link }, &headers))
}
