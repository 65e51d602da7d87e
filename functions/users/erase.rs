//! `DELETE /api/users/me`: the end of an account.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::erasure::{self, Asker};
use shared::domain::prices;
use shared::domain::work::Who;
use shared::edge::extract::{Credential, Origin};
use shared::error::Result;
use shared::protocol::profiles::Erase;

use super::State;
use crate::secret_body::SecretBody;

/// Erases one's account, for good. What one wrote stays as a deleted user's; everything else that is known of one goes.
///
/// Sessions, sockets and the account itself end at once. A large account may answer 503 before all is gone: asking again with the same token
/// goes on, until it answers 204.
#[utoipa::path(
    delete, path = "/api/users/me", operation_id = "erase_me", tag = "users", request_body = Erase, security(("bearer" = [])),
    responses(
        (status = 204, description = "Gone"),
        (status = 403, description = "`wrong_password`"),
        (status = 429, description = "`rate_limited`: too many wrong passwords"),
    )
)]
pub(super) async fn erase(
    Extract(state): Extract<Arc<State>>,
    origin: Origin,
    Credential(token): Credential,
    SecretBody(given): SecretBody<Erase>,
) -> Result<StatusCode> {
    let asker = erasure::authenticate(&state.db, &state.keys, &token, origin.now).await?;
    let (Asker::Alive(caller) | Asker::Again(caller)) = &asker;
    let who = Who { user: caller.user, session: caller.session };
    state.throttle.ends(who, prices::route("DELETE", "/api/users/me", None), origin.now).await?;
    erasure::erase(&state.db, &state.push, &state.throttle, &asker, &given.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
