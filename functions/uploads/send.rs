//! `POST /api/uploads`, `POST …/complete`, `GET …/{upload_id}`: an upload from its announcement until it can be used.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderName, StatusCode, header};
use shared::domain::uploads;
use shared::edge::extract::{Body, Path};
use shared::error::Result;
use shared::protocol::uploads::{NewUpload, Upload, UploadTicket};

use super::{State, Which};
use crate::signed_in::SignedIn;

/// Announces an upload. The answer says where to send the bytes: one PUT of exactly this type and length, within ten minutes.
#[utoipa::path(
    post, path = "/api/uploads", tag = "uploads", request_body = NewUpload, security(("bearer" = [])),
    responses(
        (status = 201, description = "Where to send the bytes", body = UploadTicket, headers(("location" = String, description = "Its path"))),
        (status = 409, description = "`too_many_uploads`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn create(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Body(new): Body<NewUpload>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<UploadTicket>)> {
    let ticket = uploads::create(&state.db, &state.throttle, &state.media, &caller, &new).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/api/uploads/{}", ticket.upload_id))], Json(ticket)))
}

/// Has the bytes looked at once they are sent. Pictures are turned upright and written anew without anything but their pixels, and gain a small
/// version. What is not what was announced is rejected and gone. Asking again gives the same answer.
#[utoipa::path(
    post, path = "/api/uploads/{upload_id}/complete", tag = "uploads", security(("bearer" = [])),
    params(("upload_id" = u64, Path, description = "The upload", example = 5)),
    responses(
        (status = 200, description = "It can be used", body = Upload),
        (status = 404, description = "`upload_not_found`"),
        (status = 409, description = "`upload_missing` (nothing was sent yet), `upload_changed` (other bytes arrived meanwhile)"),
        (status = 422, description = "`invalid_input`: rejected. `errors` says why: `size_mismatch`, `type_mismatch`, `not_a_picture`, `too_many_pixels`, `too_complex`"),
    )
)]
pub(super) async fn complete(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Which>,
) -> Result<Json<Upload>> {
    uploads::complete(&state.db, &state.push, &state.media, &caller, path.upload_id).await.map(Json)
}

/// What an upload is: for its owner until it is attached, and then for those who may read its message.
#[utoipa::path(
    get, path = "/api/uploads/{upload_id}", tag = "uploads", security(("bearer" = [])),
    params(("upload_id" = u64, Path, description = "The upload", example = 5)),
    responses(
        (status = 200, description = "The upload", body = Upload),
        (status = 404, description = "`upload_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Which>,
) -> Result<Json<Upload>> {
    uploads::find(&state.db, &caller, path.upload_id).await.map(Json)
}
