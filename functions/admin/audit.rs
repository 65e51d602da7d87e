//! `GET /api/admin/audit`: what operators did.

use std::sync::Arc;

use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::admin::{self, WhichActs};
use shared::edge::extract::Query;
use shared::edge::list::Listed;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::admin::AuditEntry;
use shared::protocol::page::Page;

use super::{Asks, PageQuery, State};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only what this operator did.
    #[param(value_type = Option<u64>)]
    actor_id: Option<UserId>,
    /// Only what was done to this person.
    #[param(value_type = Option<u64>)]
    user_id: Option<UserId>,
}

/// What operators did, latest first. Nothing changes or removes an entry.
#[utoipa::path(
    get, path = "/api/admin/audit", operation_id = "list_audit", tag = "admin", params(AuditQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of acts", body = Page<AuditEntry>),
        (status = 403, description = "`not_allowed`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    Asks(asking): Asks,
    Query(which): Query<AuditQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Listed<Page<AuditEntry>>> {
    let which = WhichActs { actor: which.actor_id, user: which.user_id };
    admin::acts(&state.db, &asking, which, page.page()).await.map(Listed)
}
