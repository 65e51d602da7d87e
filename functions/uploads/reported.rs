//! Attachments of reported messages.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::domain::reports;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::id::{ReportId, UploadId};
use shared::media::Rendition;
use shared::protocol::uploads::Link;

use super::{DownloadQuery, State, download_response};
use crate::signed_in::SignedIn;

#[derive(Deserialize)]
pub(super) struct ReportedAttachmentPath {
    report_id: ReportId,
    upload_id: UploadId,
}

/// The rendition of an image.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Version {
    /// The original size.
    #[default]
    Large,
    /// The thumbnail.
    Small,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportedAttachmentQuery {
    /// `large` (the default), or `small` for an image.
    #[serde(default)]
    #[param(inline)]
    size: Version,
    /// `true` returns the URL instead of a redirect.
    #[serde(default)]
    #[param(default = false)]
    link: bool,
}

/// Downloads an attachment of a reported message, which is preserved until the report is closed. Requires an admin of the room or an operator.
#[utoipa::path(
    get, path = "/api/reports/{report_id}/attachments/{upload_id}", tag = "rooms", security(("bearer" = [])),
    params(
        ("report_id" = u64, Path, description = "The report's id", example = 7),
        ("upload_id" = u64, Path, description = "The id of one of its `attachments`", example = 5),
        ReportedAttachmentQuery,
    ),
    responses(
        (status = 200, description = "The URL, with `link=true`", body = Link),
        (status = 302, description = "`Location` is the URL of the bytes", headers(("location" = String), ("etag" = String))),
        (status = 304, description = "The URL with this `ETag` is still valid"),
        (status = 404, description = "`report_not_found`, `upload_not_found`"),
    )
)]
pub(super) async fn attachment(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<ReportedAttachmentPath>,
    Query(query): Query<ReportedAttachmentQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let part = match query.size {
        Version::Large => Rendition::Original,
        Version::Small => Rendition::Thumbnail,
    };
    let signed = reports::link(&state.db, &state.media, &caller, (path.report_id, path.upload_id), part).await?;
    Ok(download_response(signed, &DownloadQuery { link: query.link }, &headers))
}
