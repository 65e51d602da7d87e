//! `GET …/messages`: a range of the history, and single messages.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::messages::{self, HistoryRange};
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::protocol::messages::{History, Message};

use super::{MessagePath, MessagesPath, State};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Returns the latest messages before this `seq`. Without `before`, `after` and `around`: the latest messages.
    before: Option<u64>,
    /// Returns the earliest messages after this `seq`.
    after: Option<u64>,
    /// Returns the messages around this `seq`, including it.
    around: Option<u64>,
    /// Page size, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl HistoryQuery {
    fn part(&self) -> Result<HistoryRange> {
        match (self.before, self.after, self.around) {
            (None, None, None) => Ok(HistoryRange::Newest),
            (Some(seq), None, None) => Ok(HistoryRange::Before(seq)),
            (None, Some(seq), None) => Ok(HistoryRange::After(seq)),
            (None, None, Some(seq)) => Ok(HistoryRange::Around(seq)),
            _ => Err(Error::invalid("before", "conflicting", "at most one of before, after and around may be given")),
        }
    }
}

/// Lists messages of a room in ascending order.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages", tag = "messages", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), HistoryQuery),
    responses(
        (status = 200, description = "A page of messages, oldest first", body = History),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagesPath>,
    Query(query): Query<HistoryQuery>,
) -> Result<PageResponse<History>> {
    messages::history(&state.db, &caller, &path.room_id, query.part()?, query.limit).await.map(PageResponse)
}

/// Retrieves a message.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's `seq`", example = 42),
    ),
    responses(
        (status = 200, description = "The message", body = Message),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
) -> Result<Json<Message>> {
    messages::find(&state.db, &caller, &path.room_id, path.seq).await.map(Json)
}
