//! Pictures and files of reported messages, for whoever looks into the report.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::domain::reports;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::id::{ReportId, UploadId};
use shared::media::Part;
use shared::protocol::uploads::Link;

use super::{Fetching, State, fetched};
use crate::signed_in::SignedIn;

#[derive(Deserialize)]
pub(super) struct Reported {
    report_id: ReportId,
    upload_id: UploadId,
}

/// Which version of a picture.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Version {
    /// As it was sent.
    #[default]
    Large,
    /// The small one.
    Small,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Versions {
    /// `large`, or `small` of a picture; `large` without it.
    #[serde(default)]
    #[param(inline)]
    size: Version,
    /// `true` answers with the URL instead of going there.
    #[serde(default)]
    #[param(default = false)]
    link: bool,
}

/// A picture or file of a reported message, kept until the report is closed: for the admins of its room, and for operators.
#[utoipa::path(
    get, path = "/api/reports/{report_id}/attachments/{upload_id}", tag = "rooms", security(("bearer" = [])),
    params(
        ("report_id" = u64, Path, description = "The report", example = 7),
        ("upload_id" = u64, Path, description = "One of its `attachments`", example = 5),
        Versions,
    ),
    responses(
        (status = 200, description = "With `link=true`: the URL", body = Link),
        (status = 302, description = "`Location` has the bytes", headers(("location" = String), ("etag" = String))),
        (status = 304, description = "The URL of this `ETag` still works"),
        (status = 404, description = "`report_not_found`, `upload_not_found`"),
    )
)]
pub(super) async fn attachment(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Reported>,
    Query(query): Query<Versions>,
    headers: HeaderMap,
) -> Result<Response> {
    let part = match query.size {
        Version::Large => Part::Whole,
        Version::Small => Part::Small,
    };
    let signed = reports::link(&state.db, &state.media, &caller, (path.report_id, path.upload_id), part).await?;
    Ok(fetched(signed, &Fetching { link: query.link }, &headers))
}
