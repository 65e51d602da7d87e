//! `POST /api/auth/ticket`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::auth::tickets;
use shared::error::Result;
use shared::protocol::accounts::Ticket;

use super::State;
use crate::signed_in::SignedIn;

/// Creates a ticket for opening one WebSocket from a browser, which cannot send an `Authorization` header with it. Valid once, for one minute.
#[utoipa::path(
    post, path = "/api/auth/ticket", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 200, description = "The ticket, and the socket's URL including it", body = Ticket),
        (status = 429, description = "`rate_limited`: too many tickets"),
    )
)]
pub(super) async fn issue(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Ticket>> {
    tickets::issue(&state.ephemeral, &state.throttle, &caller, &state.websocket_url).await.map(Json)
}
