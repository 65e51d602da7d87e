//! Reports of messages: made by readers, seen and closed by admins.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::reports;
use shared::edge::extract::{MaybeBody, Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::id::{ReportId, RoomRef};
use shared::protocol::page::Page;
use shared::protocol::reports::{NewReport, OpenReport, Report};

use super::{InRoom, PageQuery, State};
use crate::signed_in::{Acting, SignedIn};

/// The message that a path names.
#[derive(Deserialize)]
pub(super) struct InMessage {
    room_id: RoomRef,
    seq: u64,
}

/// The report that a path names.
#[derive(Deserialize)]
pub(super) struct InReport {
    room_id: RoomRef,
    report_id: ReportId,
}

/// Tells the room's admins that a message is wrong. It is kept as it is now until the report is closed. Doing so again changes nothing.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/messages/{seq}/report", tag = "rooms", request_body = NewReport, security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
    ),
    responses(
        (status = 204, description = "Reported"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
        (status = 409, description = "`message_unsent`, `system_message`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn report(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InMessage>,
    MaybeBody(new): MaybeBody<NewReport>,
) -> Result<StatusCode> {
    reports::report(&state.db, &caller, &path.room_id, path.seq, &new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The report that is named alone.
#[derive(Deserialize)]
pub(super) struct WhichReport {
    report_id: ReportId,
}

/// Open reports of a room, oldest first, each with the message as it was reported: admins and owners.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/reports", tag = "rooms", security(("bearer" = [])),
    params(("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"), PageQuery),
    responses(
        (status = 200, description = "A page of reports", body = Page<Report>),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InRoom>,
    Query(query): Query<PageQuery>,
) -> Result<Listed<Page<Report>>> {
    let page = (query.cursor.as_deref(), query.limit);
    reports::list(&state.db, &caller, &path.room_id, page).await.map(Listed)
}

/// An open report with all that is kept of its message: for the admins of its room, and for operators. A closed one is absent.
#[utoipa::path(
    get, path = "/api/reports/{report_id}", operation_id = "get_report", tag = "rooms", security(("bearer" = [])),
    params(("report_id" = u64, Path, description = "The report", example = 7)),
    responses(
        (status = 200, description = "The report", body = OpenReport),
        (status = 404, description = "`report_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<WhichReport>,
) -> Result<Json<OpenReport>> {
    reports::find(&state.db, &caller, path.report_id).await.map(Json)
}

/// Closes a report; what was kept of its message goes. Doing so again changes nothing.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/reports/{report_id}/close", tag = "rooms", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("report_id" = u64, Path, description = "The report", example = 7),
    ),
    responses(
        (status = 204, description = "Closed"),
        (status = 403, description = "`not_allowed`, `not_a_member`"),
        (status = 404, description = "`room_not_found`, `report_not_found`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn close(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Path(path): Path<InReport>,
) -> Result<StatusCode> {
    reports::close(&state.db, &caller, &path.room_id, path.report_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
