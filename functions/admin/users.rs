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
use shared::protocol::admin::{AccountRole, AccountState, AdminAccount, ChangeRole};
use shared::protocol::page::Page;

use super::{AdminRequest, State};
use crate::parameters::{PageQuery, UserPath};
use crate::refusals::{OperatorsOnly, UserNotFound};

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

/// Lists accounts, oldest first.
#[utoipa::path(
    get, path = "/api/admin/users", operation_id = "list_users", tag = "admin", params(AccountsQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of accounts", body = Page<AdminAccount>),
        OperatorsOnly,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Query(query): Query<AccountsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<AdminAccount>>> {
    let filter = AccountFilter { prefix: query.q.as_deref(), state: query.state, role: query.role };
    admin::list_accounts(&state.db, &admin, filter, page.page()).await.map(PageResponse)
}

/// Retrieves an account.
#[utoipa::path(
    get, path = "/api/admin/users/{user_id}", operation_id = "get_user", tag = "admin", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        OperatorsOnly, UserNotFound,
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Path(path): Path<UserPath>,
) -> Result<Json<AdminAccount>> {
    admin::find_account(&state.db, &admin, path.user_id).await.map(Json)
}

/// Disables an account: ends its sessions, closes its sockets and refuses logins. Repeating the request has no effect.
#[utoipa::path(
    post, path = "/api/admin/users/{user_id}/disable", operation_id = "disable_user", tag = "admin", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 409, description = "`own_account`, `account_erased`"),
        OperatorsOnly, UserNotFound,
    )
)]
pub(super) async fn disable(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Path(path): Path<UserPath>,
) -> Result<Json<AdminAccount>> {
    admin::set_disabled(&state.db, &state.push, &admin, path.user_id, true).await.map(Json)
}

/// Enables a disabled account. The user has to log in again.
#[utoipa::path(
    post, path = "/api/admin/users/{user_id}/enable", operation_id = "enable_user", tag = "admin", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 409, description = "`own_account`, `account_erased`"),
        OperatorsOnly, UserNotFound,
    )
)]
pub(super) async fn enable(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Path(path): Path<UserPath>,
) -> Result<Json<AdminAccount>> {
    admin::set_disabled(&state.db, &state.push, &admin, path.user_id, false).await.map(Json)
}

/// Ends all sessions of an account and closes its sockets. The user may log in again.
#[utoipa::path(
    delete, path = "/api/admin/users/{user_id}/sessions", operation_id = "end_user_sessions", tag = "admin", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 204, description = "The sessions have ended"),
        (status = 409, description = "`account_erased`"),
        OperatorsOnly, UserNotFound,
    )
)]
pub(super) async fn end_sessions(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Path(path): Path<UserPath>,
) -> Result<StatusCode> {
    admin::end_sessions(&state.db, &state.push, &admin, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes an account's role. Repeating the request has no effect.
#[utoipa::path(
    put, path = "/api/admin/users/{user_id}/role", operation_id = "set_user_role", tag = "admin", request_body = ChangeRole,
    security(("bearer" = [])), params(UserPath),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 409, description = "`own_account`, `account_erased`"),
        OperatorsOnly, UserNotFound,
    )
)]
pub(super) async fn set_role(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Path(path): Path<UserPath>,
    Body(change): Body<ChangeRole>,
) -> Result<Json<AdminAccount>> {
    admin::set_role(&state.db, &admin, path.user_id, change.role).await.map(Json)
}

/// Erases an account permanently, or resumes an interrupted erasure. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/admin/users/{user_id}", operation_id = "erase_user", tag = "admin", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 204, description = "Erased"),
        (status = 409, description = "`own_account`"),
        OperatorsOnly, UserNotFound,
    )
)]
pub(super) async fn erase(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Path(path): Path<UserPath>,
) -> Result<StatusCode> {
    admin::erase(&state.db, &state.push, &admin, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
