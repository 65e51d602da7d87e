//! `/api/admin/users`: accounts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::admin::{self, AccountFilter};
use shared::edge::extract::{Body, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::admin::{AccountRole, AccountState, AdminAccount, ChangeRole};
use shared::protocol::page::Page;

use super::{AdminRequest, PageQuery, State};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountsQuery {
    /// The beginning of a username, display name or e-mail address, ignoring case.
    q: Option<String>,
    /// Lists only accounts in this state.
    state: Option<AccountState>,
    /// Lists only accounts with this role.
    role: Option<AccountRole>,
}

#[derive(Deserialize)]
pub(super) struct AdminUserPath {
    user_id: UserId,
}

/// Lists accounts, oldest first.
#[utoipa::path(
    get, path = "/api/admin/users", operation_id = "list_users", tag = "admin", params(AccountsQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of accounts", body = Page<AdminAccount>),
        (status = 403, description = "`not_allowed`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Query(which): Query<AccountsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<AdminAccount>>> {
    let which = AccountFilter { prefix: which.q.as_deref(), state: which.state, role: which.role };
    admin::list_accounts(&state.db, &asking, which, page.page()).await.map(PageResponse)
}

/// Retrieves an account.
#[utoipa::path(
    get, path = "/api/admin/users/{user_id}", operation_id = "get_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The user's id", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminUserPath>,
) -> Result<Json<AdminAccount>> {
    admin::find_account(&state.db, &asking, path.user_id).await.map(Json)
}

/// Disables an account: ends its sessions, closes its sockets and refuses logins. Repeating the request has no effect.
#[utoipa::path(
    post, path = "/api/admin/users/{user_id}/disable", operation_id = "disable_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The user's id", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`, `account_erased`"),
    )
)]
pub(super) async fn disable(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminUserPath>,
) -> Result<Json<AdminAccount>> {
    admin::set_disabled(&state.db, &state.push, &asking, path.user_id, true).await.map(Json)
}

/// Enables a disabled account. The user has to log in again.
#[utoipa::path(
    post, path = "/api/admin/users/{user_id}/enable", operation_id = "enable_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The user's id", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`, `account_erased`"),
    )
)]
pub(super) async fn enable(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminUserPath>,
) -> Result<Json<AdminAccount>> {
    admin::set_disabled(&state.db, &state.push, &asking, path.user_id, false).await.map(Json)
}

/// Ends all sessions of an account and closes its sockets. The user may log in again.
#[utoipa::path(
    delete, path = "/api/admin/users/{user_id}/sessions", operation_id = "end_user_sessions", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The user's id", example = 7)),
    responses(
        (status = 204, description = "The sessions have ended"),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`account_erased`"),
    )
)]
pub(super) async fn end_sessions(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminUserPath>,
) -> Result<StatusCode> {
    admin::end_sessions(&state.db, &state.push, &asking, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes an account's role. Repeating the request has no effect.
#[utoipa::path(
    put, path = "/api/admin/users/{user_id}/role", operation_id = "set_user_role", tag = "admin", request_body = ChangeRole,
    security(("bearer" = [])), params(("user_id" = u64, Path, description = "The user's id", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`, `account_erased`"),
    )
)]
pub(super) async fn set_role(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminUserPath>,
    Body(change): Body<ChangeRole>,
) -> Result<Json<AdminAccount>> {
    admin::set_role(&state.db, &asking, path.user_id, change.role).await.map(Json)
}

/// Erases an account permanently, or resumes an interrupted erasure. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/admin/users/{user_id}", operation_id = "erase_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The user's id", example = 7)),
    responses(
        (status = 204, description = "Erased"),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`"),
    )
)]
pub(super) async fn erase(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(asking): AdminRequest,
    Path(path): Path<AdminUserPath>,
) -> Result<StatusCode> {
    admin::erase(&state.db, &state.push, &asking, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
