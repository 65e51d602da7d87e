//! `/api/push`: subscriptions to push notifications.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use shared::domain::notifications::subscriptions;
use shared::edge::extract::Body;
use shared::error::Result;
use shared::protocol::notifications::{NewSubscription, PushKey};

use super::State;
use crate::signed_in::SignedIn;

/// Retrieves the public key for push subscriptions.
///
/// Existing subscriptions with an earlier key stay valid.
#[utoipa::path(
    get, path = "/api/push/key", operation_id = "push_key", tag = "users",
    responses(
        (status = 200, description = "The value for `applicationServerKey`", body = PushKey),
        (status = 503, description = "`unavailable`"),
    )
)]
pub(super) async fn key(Extract(state): Extract<Arc<State>>) -> Result<impl IntoResponse> {
    let key = subscriptions::key(state.vapid().await?);
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Json(key)))
}

/// Subscribes the device of this session to push notifications.
///
/// The body is the result of `pushManager.subscribe` as JSON. A session has one subscription: a new one replaces it, and logging out removes it. The
/// same device in another session loses its subscription there.
///
/// The service worker receives the JSON of a `Notification`; one of a room replaces an earlier one of the same room. `settings.notifications` of the
/// profile and muted rooms decide which messages send one.
#[utoipa::path(
    put, path = "/api/push/subscription", operation_id = "subscribe", tag = "users", request_body = NewSubscription,
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Subscribed"),
        (status = 422, description = "`invalid_input`: the endpoint is not an allowed push service, or a key is invalid"),
    )
)]
pub(super) async fn subscribe(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Body(new): Body<NewSubscription>,
) -> Result<StatusCode> {
    subscriptions::subscribe(&state.db, (state.vapid().await?, &state.hosts), &caller, &new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unsubscribes the device of this session. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/push/subscription", operation_id = "unsubscribe", tag = "users", security(("bearer" = [])),
    responses((status = 204, description = "Unsubscribed"))
)]
pub(super) async fn unsubscribe(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<StatusCode> {
    subscriptions::unsubscribe(&state.db, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
