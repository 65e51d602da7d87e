//! `GET …/messages`: a range of the history, and single messages.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::messages::{self, HistoryRange};
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::id::Seq;
use shared::protocol::messages::{History, Message};

use super::State;
use crate::parameters::{MessagePath, RoomPath};
use crate::refusals::{MessageNotFound, RoomNotFound};
use crate::signed_in::{SignedIn, SignedInRoom};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Returns the latest messages before this `seq`. Without `before`, `after` and `around`: the latest messages.
    #[param(value_type = Option<u64>)]
    before: Option<Seq>,
    /// Returns the earliest messages after this `seq`.
    #[param(value_type = Option<u64>)]
    after: Option<Seq>,
    /// Returns the messages around this `seq`, including it.
    #[param(value_type = Option<u64>)]
    around: Option<Seq>,
    /// Page size, 1 to 100. A larger one counts as 100.
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
    params(RoomPath, HistoryQuery),
    responses(
        (status = 200, description = "A page of messages, oldest first", body = History),
        RoomNotFound,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedInRoom(reader): SignedInRoom,
    Query(query): Query<HistoryQuery>,
) -> Result<PageResponse<History>> {
    messages::history_in(&state.db, reader, query.part()?, query.limit).await.map(PageResponse)
}

/// Retrieves a message.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}", tag = "messages", security(("bearer" = [])),
    params(MessagePath),
    responses(
        (status = 200, description = "The message", body = Message),
        MessageNotFound,
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
) -> Result<Json<Message>> {
    messages::find(&state.db, &caller, &path.room_id, path.seq).await.map(Json)
}
