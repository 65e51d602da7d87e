//! `DELETE /api/users/me`: erases an account.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::erasure::{self, ErasureRequester};
use shared::domain::limits::work_budget::WorkOwner;
use shared::domain::limits::work_costs;
use shared::edge::extract::{Credential, RequestInfo};
use shared::error::Result;
use shared::protocol::profiles::Erase;

use super::State;
use crate::refusals::WrongPassword;
use crate::secret_body::SecretBody;

/// Erases the caller's account permanently. Texts remain under a deleted user; all other personal data is deleted, also pictures and files: a message
/// that had nothing else is left as if unsent. Copies that others forwarded are theirs and stay.
///
/// Sessions, sockets and the account end at once. A large account may get 503 before everything is deleted: repeat the request with the same token
/// until it returns 204.
#[utoipa::path(
    delete, path = "/api/users/me", operation_id = "erase_me", tag = "users", request_body = Erase, security(("bearer" = [])),
    responses(
        (status = 204, description = "Erased"),
        (status = 429, description = "`rate_limited`: too many wrong passwords"),
        WrongPassword,
    )
)]
pub(super) async fn erase(
    Extract(state): Extract<Arc<State>>,
    info: RequestInfo,
    Credential(token): Credential,
    SecretBody(body): SecretBody<Erase>,
) -> Result<StatusCode> {
    let asker = erasure::authenticate(&state.db, &state.keys, &token, info.now).await?;
    let (ErasureRequester::Active(caller) | ErasureRequester::Resuming(caller)) = &asker;
    let work_owner = WorkOwner { user: caller.user, session: caller.session };
    state.throttle.count_session_end(work_owner, work_costs::of_route("DELETE", "/api/users/me", None), info.now).await?;
    erasure::erase(&state.db, &state.push, &state.throttle, &asker, &body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
