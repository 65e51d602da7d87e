//! `PUT /api/auth/password`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::auth::accounts::{self, SignIn};
use shared::edge::extract::RequestInfo;
use shared::error::Result;
use shared::protocol::accounts::{ChangePassword, Tokens};

use super::{State, anonymous_caller};
use crate::refusals::WrongPassword;
use crate::secret_body::SecretBody;
use crate::signed_in::SignedIn;

/// Replaces the password and ends all sessions of the caller, then starts a new session.
///
/// Sockets of the current session receive `bye` with `session_replaced` and can reconnect with the new tokens. All other sockets are closed.
#[utoipa::path(
    put, path = "/api/auth/password", tag = "auth", request_body = ChangePassword, security(("bearer" = [])),
    responses(
        (status = 200, description = "The tokens of the new session on the same device", body = Tokens),
        (status = 429, description = "`rate_limited`: too many wrong passwords"),
        WrongPassword,
    )
)]
pub(super) async fn change(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    info: RequestInfo,
    SecretBody(body): SecretBody<ChangePassword>,
) -> Result<Json<Tokens>> {
    let State { db, push, issuer, throttle, .. } = &*state;
    let with = SignIn { push, issuer, throttle, client: &anonymous_caller(info) };
    accounts::change_password(db, with, &caller, &body).await.map(Json)
}
