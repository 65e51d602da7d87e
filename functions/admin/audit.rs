//! `GET /api/admin/audit`: the audit log.

use std::sync::Arc;

use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::admin::{self, AuditFilter};
use shared::edge::extract::Query;
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::admin::AuditEntry;
use shared::protocol::page::Page;

use super::{AdminRequest, PageQuery, State};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Lists only actions of this operator.
    #[param(value_type = Option<u64>)]
    actor_id: Option<UserId>,
    /// Lists only actions on this user.
    #[param(value_type = Option<u64>)]
    user_id: Option<UserId>,
}

/// Lists the actions of operators, latest first. Entries are immutable.
#[utoipa::path(
    get, path = "/api/admin/audit", operation_id = "list_audit", tag = "admin", params(AuditQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of actions", body = Page<AuditEntry>),
        (status = 403, description = "`not_allowed`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Query(which): Query<AuditQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<AuditEntry>>> {
    let which = AuditFilter { actor: which.actor_id, user: which.user_id };
    admin::list_audit_entries(&state.db, &asking, which, page.page()).await.map(PageResponse)
}
