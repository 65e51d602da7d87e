//! `GET /api/users/me/export`: exports the caller's data.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::export;
use shared::edge::extract::Query;
use shared::error::Result;
use shared::protocol::export::Export;

use super::State;
use crate::refusals::InvalidCursor;
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// The `next` value of the previous part.
    cursor: Option<String>,
}

/// Exports all data of the caller in parts of at most 4 MB. While `next` is not null, request the next part and concatenate the lists.
#[utoipa::path(
    get, path = "/api/users/me/export", operation_id = "export", tag = "users", params(ExportQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A part of the export", body = Export),
        InvalidCursor,
    )
)]
pub(super) async fn export(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ExportQuery>,
) -> Result<Json<Export>> {
    export::export(&state.db, &caller, query.cursor.as_deref()).await.map(Json)
}
