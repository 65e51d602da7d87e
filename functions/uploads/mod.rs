//! Uploads and downloads of images and files, and avatars. The function reads bytes only to verify images; clients transfer them directly.

mod avatars;
mod content;
mod reported;
mod send;

use std::time::Duration;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::edge::http::SlowRoute;
use shared::error::Result;
use shared::media::{Media, PresignedUrl};
use shared::protocol::uploads::Link;
use shared::push::Push;
use shared::store::Db;

use crate::resources;
use crate::routes::routes;
use crate::signed_in::auth_state;

/// Completing an upload may copy gigabytes inside S3. Slightly below the function's timeout, which is slightly below API Gateway's.
pub const COMPLETING: SlowRoute = SlowRoute { route: "/api/uploads/{upload_id}/complete", deadline: Duration::from_secs(27) };

#[derive(Debug)]
pub struct State {
    db: Db,
    keys: TokenKeys,
    /// Notifies the uploader's sockets.
    push: Push,
    media: Media,
    /// Limits uploads.
    throttle: Throttle,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self {
            db: resources::database().await?,
            keys: resources::keys().await?,
            push: resources::push()?,
            media: resources::media()?,
            throttle: resources::throttle()?,
        })
    }
}

auth_state!(State, keys);

routes!(for State:
    send::create,
    send::complete,
    send::get, send::discard,
    content::content,
    content::thumbnail,
    avatars::set, avatars::remove,
    avatars::of_user,
    avatars::of_room,
    reported::attachment,
);

/// How to return the download URL.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DownloadQuery {
    /// `true` returns the URL instead of a redirect: for `<img>`, which cannot send credentials, and for pages of other origins.
    #[serde(default)]
    #[param(default = false)]
    link: bool,
}

/// Documents the responses of downloads besides 200.
#[derive(utoipa::IntoResponses)]
pub enum DownloadResponses {
    #[response(status = 302, description = "`Location` is the URL of the bytes", headers(("location" = String), ("etag" = String)))]
    Redirect,
    #[response(status = 304, description = "The URL with this `ETag` is still valid")]
    NotModified,
}

/// The response for a download URL. Clients revalidate it with every use, so that a reader who loses access gets no further URL; an unchanged URL is
/// answered with 304.
fn download_response(signed: PresignedUrl, query: &DownloadQuery, headers: &HeaderMap) -> Response {
    if query.link {
        return Json(Link { url: signed.url, expires_at: signed.expires_at }).into_response();
    }
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let same = known.map(|etag| etag.trim().trim_start_matches("W/")).any(|etag| etag == signed.etag);
    let caching = [(CACHE_CONTROL, "private, no-cache".to_owned()), (ETAG, signed.etag)];
    if same {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (StatusCode::FOUND, caching, [(LOCATION, signed.url)]).into_response()
}
