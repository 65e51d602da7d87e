//! `POST /api/auth/register` and its legacy forms, which return 200 with `token`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::auth::accounts::{self, SignIn};
use shared::edge::extract::RequestInfo;
use shared::edge::json_body::Lenient;
use shared::error::Result;
use shared::protocol::accounts::{Authenticated, Register};

use super::{State, anonymous_caller, with_token};
use crate::refusals::RegistrationRefused;
use crate::secret_body::SecretBody;

/// Creates an account and logs in.
///
/// A retry within a minute with the same username and password returns the same account. Several accounts may name the same e-mail address until it
/// is confirmed.
#[utoipa::path(
    post, path = "/api/auth/register", tag = "auth", request_body = Register,
    responses(
        (status = 201, description = "The account, and the tokens of its first session", body = Authenticated),
        RegistrationRefused,
    )
)]
pub(super) async fn register(
    Extract(state): Extract<Arc<State>>,
    info: RequestInfo,
    SecretBody(body): SecretBody<Register>,
) -> Result<(StatusCode, Json<Authenticated>)> {
    let State { db, push, issuer, throttle, reserved_usernames, .. } = &*state;
    let with = SignIn { push, issuer, throttle, client: &anonymous_caller(info) };
    let authenticated = accounts::register(db, with, reserved_usernames, &body).await?;
    Ok((StatusCode::CREATED, Json(authenticated)))
}

/// Creates an account and logs in. Legacy form of `POST /api/auth/register`.
#[utoipa::path(
    post, path = "/api/register", tag = "older clients", request_body = Register,
    responses(
        (status = 200, description = "The account, and the tokens of its first session; `token` is the access token", body = Authenticated),
        RegistrationRefused,
    )
)]
pub(super) async fn legacy_register(
    state: Extract<Arc<State>>,
    info: RequestInfo,
    SecretBody(Lenient(body)): SecretBody<Lenient<Register>>,
) -> Result<Json<Authenticated>> {
    let (_, Json(authenticated)) = register(state, info, SecretBody(body)).await?;
    Ok(Json(with_token(authenticated)))
}

/// Creates an account and logs in. Legacy form of `POST /api/auth/register`.
#[utoipa::path(
    post, path = "/api/users/register", tag = "older clients", request_body = Register,
    responses(
        (status = 200, description = "The account, and the tokens of its first session; `token` is the access token", body = Authenticated),
        RegistrationRefused,
    )
)]
pub(super) async fn legacy_users_register(
    state: Extract<Arc<State>>,
    info: RequestInfo,
    body: SecretBody<Lenient<Register>>,
) -> Result<Json<Authenticated>> {
    legacy_register(state, info, body).await
}
