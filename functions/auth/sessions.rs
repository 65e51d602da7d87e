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
use crate::parameters::PageQuery;
use crate::refusals::{InvalidCursor, InvalidId};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SessionPath {
    /// The session's id
    #[param(value_type = u64, example = 7)]
    session_id: SessionId,
}

/// Lists the caller's active sessions, newest first.
#[utoipa::path(
    get, path = "/api/auth/sessions", tag = "auth", params(PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of sessions", body = Page<Session>),
        InvalidCursor,
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
    params(SessionPath),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 404, description = "`session_not_found`"),
        InvalidId,
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
