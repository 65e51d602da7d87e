//! `GET …/content` and `GET …/thumbnail`: the way to the bytes, for those who may see them.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use shared::domain::uploads;
use shared::edge::extract::{Path, Query};
use shared::error::Result;
use shared::media::Part;
use shared::protocol::uploads::Link;

use super::{Fetching, State, Which, fetched};
use crate::signed_in::SignedIn;

/// The bytes of an upload: a redirect to a URL that works for minutes. Only pictures are shown; everything else is downloaded under its name.
#[utoipa::path(
    get, path = "/api/uploads/{upload_id}/content", tag = "uploads", security(("bearer" = [])),
    params(("upload_id" = u64, Path, description = "The upload", example = 5), Fetching),
    responses(
        (status = 200, description = "With `link=true`: the URL", body = Link),
        (status = 302, description = "`Location` has the bytes", headers(("location" = String), ("etag" = String))),
        (status = 304, description = "The URL of this `ETag` still works"),
        (status = 404, description = "`upload_not_found`"),
        (status = 409, description = "`upload_not_ready`"),
    )
)]
pub(super) async fn content(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Which>,
    Query(fetching): Query<Fetching>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = uploads::link(&state.db, &state.media, &caller, path.upload_id, Part::Whole).await?;
    Ok(fetched(signed, &fetching, &headers))
}

/// A picture's small version, likewise.
#[utoipa::path(
    get, path = "/api/uploads/{upload_id}/thumbnail", tag = "uploads", security(("bearer" = [])),
    params(("upload_id" = u64, Path, description = "The upload", example = 5), Fetching),
    responses(
        (status = 200, description = "With `link=true`: the URL", body = Link),
        (status = 302, description = "`Location` has the bytes", headers(("location" = String), ("etag" = String))),
        (status = 304, description = "The URL of this `ETag` still works"),
        (status = 404, description = "`upload_not_found`, also of a file that is no picture"),
        (status = 409, description = "`upload_not_ready`"),
    )
)]
pub(super) async fn thumbnail(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Which>,
    Query(fetching): Query<Fetching>,
    headers: HeaderMap,
) -> Result<Response> {
    let signed = uploads::link(&state.db, &state.media, &caller, path.upload_id, Part::Small).await?;
    Ok(fetched(signed, &fetching, &headers))
}
