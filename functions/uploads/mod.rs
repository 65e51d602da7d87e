//! Pictures and files: announced, completed, fetched; and the faces of people and rooms. The bytes themselves go past this function, but for
//! pictures that it looks at.

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
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::edge::http::Patient;
use shared::id::UploadId;
use shared::media::{Media, Signed};
use shared::protocol::uploads::Link;
use shared::push::Push;
use shared::store::Db;

use crate::routes::routes;
use crate::signed_in::{Authenticates, Counts};

/// Completing an upload may copy gigabytes inside S3. A little less than the function's timeout, which is a little less than API Gateway's own.
pub const COMPLETING: Patient = Patient { route: "/api/uploads/{upload_id}/complete", deadline: Duration::from_secs(27) };

/// What these handlers touch.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The keys of access tokens.
    pub keys: Keys,
    /// The way to the sockets of whoever uploads.
    pub push: Push,
    /// The way to the bytes.
    pub media: Media,
    /// Counts uploads.
    pub throttle: Throttle,
}

impl Authenticates for State {
    fn db(&self) -> &Db {
        &self.db
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }
}

impl Counts for State {
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

/// The upload that a path names.
#[derive(Deserialize)]
struct Which {
    upload_id: UploadId,
}

/// How a reader wants to get to the bytes.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Fetching {
    /// `true` answers with the URL instead of going there: for `<img>`, which can send no credential, and for pages of another origin.
    #[serde(default)]
    #[param(default = false)]
    link: bool,
}

/// The way to the bytes. A reader who holds the same URL still is told to go on with it; nobody keeps the answer without asking again, so whoever
/// may no longer read learns it with the next request.
fn fetched(signed: Signed, fetching: &Fetching, headers: &HeaderMap) -> Response {
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
