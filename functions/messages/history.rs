//! `GET …/messages`: a run of history, and one message.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::messages::{self, Part};
use shared::edge::extract::{Path, Query};
use shared::edge::list::Listed;
use shared::error::{Error, Result};
use shared::protocol::messages::{History, Message};

use super::{InMessage, InRoom, State};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// The newest messages before this seq; the newest of all without any of the three.
    before: Option<u64>,
    /// The oldest messages after this seq.
    after: Option<u64>,
    /// The messages around this seq, itself included.
    around: Option<u64>,
    /// Messages of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl HistoryQuery {
    fn part(&self) -> Result<Part> {
        match (self.before, self.after, self.around) {
            (None, None, None) => Ok(Part::Newest),
            (Some(seq), None, None) => Ok(Part::Before(seq)),
            (None, Some(seq), None) => Ok(Part::After(seq)),
            (None, None, Some(seq)) => Ok(Part::Around(seq)),
            _ => Err(Error::invalid("before", "conflicting", "at most one of before, after and around may be given")),
        }
    }
}

/// A run of a room's history, ascending.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages", tag = "messages", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), HistoryQuery),
    responses(
        (status = 200, description = "Messages, oldest first", body = History),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Query(query): Query<HistoryQuery>,
) -> Result<Listed<History>> {
    messages::history(&state.db, &caller, &path.room_id, query.part()?, query.limit).await.map(Listed)
}

/// One message.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
    ),
    responses(
        (status = 200, description = "The message", body = Message),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
) -> Result<Json<Message>> {
    messages::find(&state.db, &caller, &path.room_id, path.seq).await.map(Json)
}
