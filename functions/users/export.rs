//! `GET /api/users/me/export`: everything that is kept of oneself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::export;
use shared::edge::extract::Query;
use shared::error::Result;
use shared::protocol::export::Export;

use super::State;
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// The `next` of the part before.
    cursor: Option<String>,
}

/// Everything that is kept of oneself, in parts of at most 4 MB. Most people have one: it is whole when `next` is null, and otherwise the lists of
/// the parts belong one behind the other.
#[utoipa::path(
    get, path = "/api/users/me/export", operation_id = "export", tag = "users", params(ExportQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A part of it", body = Export),
        (status = 422, description = "`invalid_input`: the cursor is none of ours"),
    )
)]
pub(super) async fn export(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ExportQuery>,
) -> Result<Json<Export>> {
    export::export(&state.db, &caller, query.cursor.as_deref()).await.map(Json)
}
