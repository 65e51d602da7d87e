//! `POST /api/uploads`, `POST …/complete`, `GET …/{upload_id}`: an upload from its announcement until it can be used.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderName, StatusCode, header};
use shared::domain::idempotency;
use shared::domain::uploads::{self, Completing};
use shared::edge::extract::{KeyedBody, Path};
use shared::error::Result;
use shared::protocol::uploads::{NewUpload, Upload, UploadTicket};

use super::{State, Which};
use crate::signed_in::SignedIn;

/// Announces an upload. The answer says where to send the bytes: one PUT of exactly this type and length, within ten minutes. It counts as kept from
/// now on, until it is used or a day is over (see `storage` of `GET /api/users/me`). With an `Idempotency-Key` it may be sent again after any failure:
/// there is only ever one, and its URL is good for ten minutes from then.
#[utoipa::path(
    post, path = "/api/uploads", tag = "uploads", request_body = NewUpload, security(("bearer" = [])),
    params(("idempotency-key" = Option<String>, Header, description = "The client's own name of this request, kept for a day", min_length = 1, max_length = 255)),
    responses(
        (status = 201, description = "Where to send the bytes", body = UploadTicket, headers(("location" = String, description = "Its path"))),
        (status = 200, description = "It was announced before, under the same `Idempotency-Key`", body = UploadTicket),
        (status = 409, description = "`too_many_uploads`, `idempotency_key_reused`, `quota_exceeded` (`left` says how much still fits)"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn create(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    KeyedBody(new, asked): KeyedBody<NewUpload>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<UploadTicket>)> {
    let State { db, throttle, media, .. } = &*state;
    let (ticket, was_there) = match asked {
        Some(asked) => {
            let key = idempotency::key(&asked.route, &asked.called, &asked.body)?;
            uploads::create_once(db, throttle, media, &caller, (&new, &key)).await?
        }
        None => (uploads::create(db, throttle, media, &caller, &new).await?, false),
    };
    let status = if was_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(header::LOCATION, format!("/api/uploads/{}", ticket.upload_id))], Json(ticket)))
}

/// Has the bytes looked at once they are sent. Pictures are turned upright and written anew without anything but their pixels, and gain a small
/// version. What is not what was announced is rejected and gone. Asking again gives the same answer; while somebody looks, all others wait for that
/// one look, for some seconds. A file of gigabytes takes up to half a minute.
#[utoipa::path(
    post, path = "/api/uploads/{upload_id}/complete", tag = "uploads", security(("bearer" = [])),
    params(("upload_id" = u64, Path, description = "The upload", example = 5)),
    responses(
        (status = 200, description = "It can be used", body = Upload),
        (status = 404, description = "`upload_not_found`"),
        (status = 409, description = "`upload_missing` (nothing was sent yet), `upload_changed` (other bytes arrived meanwhile), `upload_busy` (somebody looks at them; ask again after `Retry-After`), `quota_exceeded` (a picture that was written anew is larger than was announced, and does not fit)"),
        (status = 429, description = "`rate_limited`"),
        (status = 422, description = "`invalid_input`: rejected. `errors` says why: `size_mismatch`, `type_mismatch`, `not_a_picture`, `too_many_pixels`, `too_complex`"),
    )
)]
pub(super) async fn complete(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Which>,
) -> Result<Json<Upload>> {
    let with = Completing { throttle: &state.throttle, media: &state.media, push: &state.push };
    uploads::complete(&state.db, with, &caller, path.upload_id).await.map(Json)
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

/// Gives up an upload that nothing shows yet, so that it counts no longer. The bytes are removed within minutes.
#[utoipa::path(
    delete, path = "/api/uploads/{upload_id}", operation_id = "discard", tag = "uploads", security(("bearer" = [])),
    params(("upload_id" = u64, Path, description = "The upload", example = 5)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`upload_not_found`, also when it was given up before"),
        (status = 409, description = "`upload_in_use`: a message or a face shows it; unsend or replace that"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn discard(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Which>,
) -> Result<StatusCode> {
    uploads::discard(&state.db, &state.throttle, &caller, path.upload_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
