//! `/api/push`: where one is notified while one is away.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use shared::domain::subscriptions;
use shared::edge::extract::Body;
use shared::error::Result;
use shared::protocol::notifications::{NewSubscription, PushKey};

use super::State;
use crate::signed_in::SignedIn;

/// The key that a browser subscribes with.
///
/// A subscription that was made with another one may go on; a new one takes this.
#[utoipa::path(
    get, path = "/api/push/key", operation_id = "push_key", tag = "users",
    responses(
        (status = 200, description = "The key for `applicationServerKey`", body = PushKey),
        (status = 503, description = "`unavailable`"),
    )
)]
pub(super) async fn key(Extract(state): Extract<Arc<State>>) -> Result<impl IntoResponse> {
    let key = subscriptions::key(state.vapid().await?);
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Json(key)))
}

/// Has this login's device notified of messages while its person is away.
///
/// The body is what `pushManager.subscribe` gave, as JSON. A login has one device: the next subscription replaces the one before, and logging out
/// ends it. Another login on the same device loses it.
///
/// What the service worker then gets, decrypted by the browser, is the JSON of a `Notification`; one of a room replaces an older one of the same
/// room. Which messages people hear of they say in `settings.notifications` of their profile, and by muting rooms.
#[utoipa::path(
    put, path = "/api/push/subscription", operation_id = "subscribe", tag = "users", request_body = NewSubscription,
    security(("bearer" = [])),
    responses(
        (status = 204, description = "This device is notified"),
        (status = 422, description = "`invalid_input`: the endpoint is of no push service that is known here, or a key is none"),
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

/// Has this login's device notified no more. Doing so again changes nothing.
#[utoipa::path(
    delete, path = "/api/push/subscription", operation_id = "unsubscribe", tag = "users", security(("bearer" = [])),
    responses((status = 204, description = "This device is not notified"))
)]
pub(super) async fn unsubscribe(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<StatusCode> {
    subscriptions::unsubscribe(&state.db, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
