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
use shared::id::UploadId;
use shared::media::{Media, PresignedUrl};
use shared::protocol::uploads::Link;
use shared::push::Push;
use shared::store::Db;

use crate::routes::routes;
use crate::signed_in::{HasKeys, HasThrottle};

/// Completing an upload may copy gigabytes inside S3. Slightly below the function's timeout, which is slightly below API Gateway's.
pub const COMPLETING: SlowRoute = SlowRoute { route: "/api/uploads/{upload_id}/complete", deadline: Duration::from_secs(27) };

#[derive(Debug)]
pub struct State {
    pub db: Db,
    pub keys: TokenKeys,
    /// Notifies the uploader's sockets.
    pub push: Push,
    pub media: Media,
    /// Limits uploads.
    pub throttle: Throttle,
}

impl HasKeys for State {
    fn db(&self) -> &Db {
        &self.db
    }

    fn keys(&self) -> &TokenKeys {
        &self.keys
    }
}

impl HasThrottle for State {
    fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

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

#[derive(Deserialize)]
struct UploadPath {
    upload_id: UploadId,
}

/// How to return the download URL.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DownloadQuery {
    /// `true` returns the URL instead of a redirect: for `<img>`, which cannot send credentials, and for pages of other origins.
    #[serde(default)]
    #[param(default = false)]
    link: bool,
}

/// The response for a download URL. Clients revalidate it with every use, so that a reader who loses access gets no further URL; an unchanged URL is
/// answered with 304.
fn download_response(signed: PresignedUrl, fetching: &DownloadQuery, headers: &HeaderMap) -> Response {
    if fetching.link {
        return Json(Link { url: signed.url, expires_at: signed.expires_at }).into_response();
    }
    let held = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let same = held.map(|etag| etag.trim().trim_start_matches("W/")).any(|etag| etag == signed.etag);
    let caching = [(CACHE_CONTROL, "private, no-cache".to_owned()), (ETAG, signed.etag)];
    if same {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (StatusCode::FOUND, caching, [(LOCATION, signed.url)]).into_response()
}
