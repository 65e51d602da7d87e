//! `GET /api/auth/sessions` and `DELETE /api/auth/sessions/{session_id}`.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::auth::sessions;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::id::SessionId;
use shared::protocol::accounts::Session;
use shared::protocol::page::Page;

use super::State;
use crate::page_query::PageQuery;
use crate::signed_in::SignedIn;

#[derive(Deserialize)]
pub(super) struct SessionPath {
    session_id: SessionId,
}

/// Lists the caller's active sessions, newest first.
#[utoipa::path(
    get, path = "/api/auth/sessions", tag = "auth", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of sessions", body = Page<Session>),
        (status = 422, description = "`invalid_input`: the cursor is invalid"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<Session>>> {
    sessions::list(&state.db, &caller, query.page()).await.map(PageResponse)
}

/// Ends a session of the caller and closes its sockets.
#[utoipa::path(
    delete, path = "/api/auth/sessions/{session_id}", tag = "auth", security(("bearer" = [])),
    params(("session_id" = u64, Path, description = "The session's id", example = 7)),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 404, description = "`session_not_found`"),
        (status = 422, description = "`invalid_input`: the path contains no id"),
    )
)]
pub(super) async fn revoke(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<SessionPath>,
) -> Result<StatusCode> {
    sessions::revoke(&state.db, &state.push, &caller, path.session_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
