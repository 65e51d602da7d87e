//! `/api/admin/users`: accounts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::admin::{self, WhichAccounts};
use shared::edge::extract::{Body, Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::admin::{AccountRole, AccountState, AdminAccount, ChangeRole};
use shared::protocol::page::Page;

use super::{Asks, PageQuery, State};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountsQuery {
    /// How a username, a display name or an e-mail address begins, in any case.
    q: Option<String>,
    /// Only accounts that stand so.
    state: Option<AccountState>,
    /// Only people who are this to the deployment.
    role: Option<AccountRole>,
}

#[derive(Deserialize)]
pub(super) struct Whom {
    user_id: UserId,
}

/// Accounts, oldest first.
#[utoipa::path(
    get, path = "/api/admin/users", operation_id = "list_users", tag = "admin", params(AccountsQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of accounts", body = Page<AdminAccount>),
        (status = 403, description = "`not_allowed`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    Asks(asking): Asks,
    Query(which): Query<AccountsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Listed<Page<AdminAccount>>> {
    let which = WhichAccounts { prefix: which.q.as_deref(), state: which.state, role: which.role };
    admin::list_accounts(&state.db, &asking, which, page.page()).await.map(Listed)
}

/// One account.
#[utoipa::path(
    get, path = "/api/admin/users/{user_id}", operation_id = "get_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    Asks(asking): Asks,
    Path(path): Path<Whom>,
) -> Result<Json<AdminAccount>> {
    admin::find_account(&state.db, &asking, path.user_id).await.map(Json)
}

/// Disables an account: its sessions end, its sockets are closed, and nobody logs in to it. Doing so again changes nothing.
#[utoipa::path(
    post, path = "/api/admin/users/{user_id}/disable", operation_id = "disable_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`, `account_erased`"),
    )
)]
pub(super) async fn disable(
    Extract(state): Extract<Arc<State>>,
    Asks(asking): Asks,
    Path(path): Path<Whom>,
) -> Result<Json<AdminAccount>> {
    admin::set_disabled(&state.db, &state.push, &asking, path.user_id, true).await.map(Json)
}

/// Enables a disabled account. Its person logs in anew; the sessions that ended stay so.
#[utoipa::path(
    post, path = "/api/admin/users/{user_id}/enable", operation_id = "enable_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`, `account_erased`"),
    )
)]
pub(super) async fn enable(
    Extract(state): Extract<Arc<State>>,
    Asks(asking): Asks,
    Path(path): Path<Whom>,
) -> Result<Json<AdminAccount>> {
    admin::set_disabled(&state.db, &state.push, &asking, path.user_id, false).await.map(Json)
}

/// Ends all sessions of an account and closes its sockets. Its person may log in again.
#[utoipa::path(
    delete, path = "/api/admin/users/{user_id}/sessions", operation_id = "end_user_sessions", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 204, description = "Ended"),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`account_erased`"),
    )
)]
pub(super) async fn end_sessions(
    Extract(state): Extract<Arc<State>>,
    Asks(asking): Asks,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    admin::end_sessions(&state.db, &state.push, &asking, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes somebody an operator of the deployment, or no longer. Doing so again changes nothing.
#[utoipa::path(
    put, path = "/api/admin/users/{user_id}/role", operation_id = "set_user_role", tag = "admin", request_body = ChangeRole,
    security(("bearer" = [])), params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 200, description = "The account", body = AdminAccount),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`, `account_erased`"),
    )
)]
pub(super) async fn set_role(
    Extract(state): Extract<Arc<State>>,
    Asks(asking): Asks,
    Path(path): Path<Whom>,
    Body(change): Body<ChangeRole>,
) -> Result<Json<AdminAccount>> {
    admin::set_role(&state.db, &asking, path.user_id, change.role).await.map(Json)
}

/// Erases an account for its person, for good, or goes on with erasing that was cut off. Doing so again changes nothing.
#[utoipa::path(
    delete, path = "/api/admin/users/{user_id}", operation_id = "erase_user", tag = "admin", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 204, description = "Gone"),
        (status = 403, description = "`not_allowed`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`own_account`"),
    )
)]
pub(super) async fn erase(Extract(state): Extract<Arc<State>>, Asks(asking): Asks, Path(path): Path<Whom>) -> Result<StatusCode> {
    admin::erase(&state.db, &state.push, &asking, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
