//! `POST /api/uploads`, `POST …/complete`, `GET …/{upload_id}`: the life of an upload until it is used.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderName, StatusCode, header};
use shared::domain::idempotency;
use shared::domain::uploads::{self, KeyedUpload, UploadCompletion};
use shared::edge::extract::{KeyedBody, Path};
use shared::error::Result;
use shared::protocol::uploads::{NewUpload, Upload, UploadTicket};

use super::State;
use crate::parameters::{IdempotencyHeader, UploadPath};
use crate::refusals::UploadNotFound;
use crate::signed_in::SignedIn;

/// Announces an upload. The response describes how to send the bytes: one `PUT` with exactly the returned headers and this size, within ten minutes.
///
/// The upload counts against the storage quota until it is used or a day has passed (see `storage` in `GET /api/users/me`). With an `Idempotency-Key`
/// the request is safe to retry; a retry returns a new URL for the same upload.
#[utoipa::path(
    post, path = "/api/uploads", tag = "uploads", request_body = NewUpload, security(("bearer" = [])),
    params(IdempotencyHeader),
    responses(
        (status = 201, description = "How to send the bytes", body = UploadTicket, headers(("location" = String, description = "The upload's path"))),
        (status = 200, description = "A retry: the upload announced with this `Idempotency-Key`", body = UploadTicket),
        (status = 409, description = "`too_many_uploads`, `idempotency_key_reused`, `quota_exceeded` (`left` is the remaining quota)"),
        UploadNotFound,
    )
)]
pub(super) async fn create(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    KeyedBody(new, request): KeyedBody<NewUpload>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<UploadTicket>)> {
    let State { db, throttle, media, .. } = &*state;
    let (ticket, existed) = match request {
        Some(request) => {
            let key = idempotency::derive_key(&request.route, &request.key, &request.body)?;
            uploads::create_once(db, throttle, media, &caller, KeyedUpload { new: &new, key: &key }).await?
        }
        None => (uploads::create(db, throttle, media, &caller, &new).await?, false),
    };
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(header::LOCATION, format!("/api/uploads/{}", ticket.upload_id))], Json(ticket)))
}

/// Verifies the uploaded bytes.
///
/// Images are rotated upright, lose everything but their picture, and get a thumbnail; a JPEG that stands upright keeps its compressed data, all others
/// are re-encoded. Files may be of any type that this server does not refuse; of audio and video, `duration`, `width` and `height` are read from their
/// headers. Bytes that differ from the announcement are rejected and deleted. Repeating the request returns the same result; concurrent requests wait for one verification for a few seconds. A file of several
/// gigabytes takes up to half a minute.
#[utoipa::path(
    post, path = "/api/uploads/{upload_id}/complete", tag = "uploads", security(("bearer" = [])),
    params(UploadPath),
    responses(
        (status = 200, description = "The verified upload", body = Upload),
        (status = 409, description = "`upload_missing` (no bytes were sent yet), `upload_changed` (other bytes arrived during verification), `upload_busy` (verification is running; retry after `Retry-After`), `quota_exceeded` (a re-encoded image is larger than announced and does not fit)"),
        (status = 422, description = "`invalid_input`: rejected. `errors` has the reason: `size_mismatch`, `type_mismatch`, `type_refused`, `not_a_picture`, `too_many_pixels`, `too_complex`"),
        UploadNotFound,
    )
)]
pub(super) async fn complete(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UploadPath>,
) -> Result<Json<Upload>> {
    let with = UploadCompletion { throttle: &state.throttle, media: &state.media, push: &state.push };
    uploads::complete(&state.db, with, &caller, path.upload_id).await.map(Json)
}

/// Retrieves an upload. Available to its owner, and once attached to everyone who may read its message.
#[utoipa::path(
    get, path = "/api/uploads/{upload_id}", tag = "uploads", security(("bearer" = [])),
    params(UploadPath),
    responses(
        (status = 200, description = "The upload", body = Upload),
        UploadNotFound,
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UploadPath>,
) -> Result<Json<Upload>> {
    uploads::find(&state.db, &caller, path.upload_id).await.map(Json)
}

/// Deletes an unused upload and releases its quota. The bytes are deleted within minutes.
///
/// An upload that was not completed takes its quota until its URL has expired, ten minutes later at most, because its bytes may still arrive.
#[utoipa::path(
    delete, path = "/api/uploads/{upload_id}", operation_id = "discard", tag = "uploads", security(("bearer" = [])),
    params(UploadPath),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "`upload_not_found`, also on repetition"),
        (status = 409, description = "`upload_in_use`: a message or avatar uses it; unsend or replace that first"),
    )
)]
pub(super) async fn discard(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UploadPath>,
) -> Result<StatusCode> {
    uploads::discard(&state.db, &state.throttle, &caller, path.upload_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
