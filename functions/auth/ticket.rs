//! `POST /api/auth/ticket`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use shared::domain::tickets;
use shared::error::Result;
use shared::protocol::accounts::Ticket;

use super::State;
use crate::signed_in::SignedIn;

/// A credential for opening one WebSocket, for browsers: they cannot send a header with it. Works once, within a minute.
#[utoipa::path(
    post, path = "/api/auth/ticket", tag = "auth", security(("bearer" = [])),
    responses(
        (status = 200, description = "The ticket, and the socket's URL with it", body = Ticket),
        (status = 429, description = "`rate_limited`: too many sockets"),
    )
)]
pub(super) async fn issue(Extract(state): Extract<Arc<State>>, SignedIn(caller): SignedIn) -> Result<Json<Ticket>> {
    tickets::issue(&state.ephemeral, &state.throttle, &caller, &state.websocket_url).await.map(Json)
}
