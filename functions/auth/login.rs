//! `POST /api/auth/login` and its legacy forms, which also return `token`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::auth::accounts::{self, SignIn};
use shared::edge::extract::RequestInfo;
use shared::edge::json_body::Lenient;
use shared::error::Result;
use shared::protocol::accounts::{Authenticated, Login};

use super::{State, anonymous_caller, with_token};
use crate::refusals::LoginRefused;
use crate::secret_body::SecretBody;

/// Logs in with a username or an e-mail address.
///
/// An unknown user and a wrong password are indistinguishable, also by response time.
#[utoipa::path(
    post, path = "/api/auth/login", tag = "auth", request_body = Login,
    responses(
        (status = 200, description = "The user, and the tokens of a new session", body = Authenticated),
        LoginRefused,
    )
)]
pub(super) async fn login(
    Extract(state): Extract<Arc<State>>,
    info: RequestInfo,
    SecretBody(body): SecretBody<Login>,
) -> Result<Json<Authenticated>> {
    let State { push, issuer, throttle, .. } = &*state;
    let with = SignIn { push, issuer, throttle, client: &anonymous_caller(info) };
    accounts::login(&state.db, with, &body).await.map(Json)
}

/// Logs in. Legacy form of `POST /api/auth/login`.
#[utoipa::path(
    post, path = "/api/login", tag = "older clients", request_body = Login,
    responses(
        (status = 200, description = "The user, and the tokens of a new session; `token` is the access token", body = Authenticated),
        LoginRefused,
    )
)]
pub(super) async fn legacy_login(
    state: Extract<Arc<State>>,
    info: RequestInfo,
    SecretBody(Lenient(body)): SecretBody<Lenient<Login>>,
) -> Result<Json<Authenticated>> {
    let Json(authenticated) = login(state, info, SecretBody(body)).await?;
    Ok(Json(with_token(authenticated)))
}

/// Logs in. Legacy form of `POST /api/auth/login`.
#[utoipa::path(
    post, path = "/api/users/login", tag = "older clients", request_body = Login,
    responses(
        (status = 200, description = "The user, and the tokens of a new session; `token` is the access token", body = Authenticated),
        LoginRefused,
    )
)]
pub(super) async fn legacy_users_login(
    state: Extract<Arc<State>>,
    info: RequestInfo,
    body: SecretBody<Lenient<Login>>,
) -> Result<Json<Authenticated>> {
    legacy_login(state, info, body).await
}
