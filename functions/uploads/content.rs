//! `GET …/content` and `GET …/thumbnail`: downloads.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use shared::domain::uploads;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::media::Rendition;
use shared::protocol::uploads::Link;

use super::{DownloadQuery, DownloadResponses, State, download_response};
use crate::parameters::UploadPath;
use crate::refusals::UploadNotFound;
use crate::signed_in::SignedIn;

/// Downloads an upload: redirects to a URL that is valid for minutes. Images display inline; other files download under their name.
#[utoipa::path(
    get, path = "/api/uploads/{upload_id}/content", tag = "uploads", security(("bearer" = [])),
    params(UploadPath, DownloadQuery),
    responses(
        (status = 200, description = "The URL, with `link=true`", body = Link),
        DownloadResponses,
        (status = 409, description = "`upload_not_ready`"),
        UploadNotFound,
    )
)]
pub(super) async fn content(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UploadPath>,
    Query(query): Query<DownloadQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = uploads::link(&state.db, &state.media, &caller, path.upload_id, Rendition::Original).await?;
    Ok(download_response(signed, &query, &headers))
}

/// Downloads the thumbnail of an image: redirects to a URL that is valid for minutes.
#[utoipa::path(
    get, path = "/api/uploads/{upload_id}/thumbnail", tag = "uploads", security(("bearer" = [])),
    params(UploadPath, DownloadQuery),
    responses(
        (status = 200, description = "The URL, with `link=true`", body = Link),
        DownloadResponses,
        (status = 404, description = "`upload_not_found`, also for a file that is not an image"),
        (status = 409, description = "`upload_not_ready`"),
    )
)]
pub(super) async fn thumbnail(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UploadPath>,
    Query(query): Query<DownloadQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = uploads::link(&state.db, &state.media, &caller, path.upload_id, Rendition::Thumbnail).await?;
    Ok(download_response(signed, &query, &headers))
}
