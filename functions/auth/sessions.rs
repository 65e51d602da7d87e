//! `GET /api/auth/sessions` and `DELETE /api/auth/sessions/{session_id}`.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::sessions;
use shared::edge::extract::{Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::id::SessionId;
use shared::protocol::accounts::Session;
use shared::protocol::page::Page;

use super::State;
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct OfSession {
    session_id: SessionId,
}

/// The caller's live sessions, newest first.
#[utoipa::path(
    get, path = "/api/auth/sessions", tag = "auth", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of sessions", body = Page<Session>),
        (status = 422, description = "`invalid_input`: the cursor is none of ours"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<Listed<Page<Session>>> {
    sessions::list(&state.db, &caller, (query.cursor.as_deref(), query.limit)).await.map(Listed)
}

/// Ends one of the caller's sessions, and closes its sockets.
#[utoipa::path(
    delete, path = "/api/auth/sessions/{session_id}", tag = "auth", security(("bearer" = [])),
    params(("session_id" = u64, Path, description = "A session of one's own", example = 7)),
    responses(
        (status = 204, description = "Ended"),
        (status = 404, description = "`session_not_found`"),
        (status = 422, description = "`invalid_input`: the path holds no id"),
    )
)]
pub(super) async fn revoke(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<OfSession>,
) -> Result<StatusCode> {
    sessions::revoke(&state.db, &state.push, &caller, path.session_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
