//! Reports of messages: creating, listing and closing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use shared::domain::reports;
use shared::edge::extract::{MaybeBody, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::page::Page;
use shared::protocol::reports::{NewReport, OpenReport, Report};

use super::State;
use crate::parameters::{MessagePath, PageQuery, ReportPath, RoomPath, RoomReportPath};
use crate::refusals::{ManagersOnly, MessageNotFound, RoomNotFound};
use crate::signed_in::{RateLimited, SignedIn};

/// Reports a message to the admins of its room. The reported version is preserved until the report is closed. Repeating the request has no effect.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/messages/{seq}/report", tag = "rooms", request_body = NewReport, security(("bearer" = [])),
    params(MessagePath),
    responses(
        (status = 204, description = "Reported"),
        (status = 409, description = "`message_unsent`, `system_message`"),
        MessageNotFound,
    )
)]
pub(super) async fn report(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<MessagePath>,
    MaybeBody(new): MaybeBody<NewReport>,
) -> Result<StatusCode> {
    reports::report(&state.db, &caller, &path.room_id, path.seq, &new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the open reports of a room, oldest first, each with the message as it was reported. Requires an admin or owner.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/reports", tag = "rooms", security(("bearer" = [])),
    params(RoomPath, PageQuery),
    responses(
        (status = 200, description = "A page of reports", body = Page<Report>),
        ManagersOnly, RoomNotFound,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RoomPath>,
    Query(query): Query<PageQuery>,
) -> Result<PageResponse<Page<Report>>> {
    reports::list(&state.db, &caller, &path.room_id, query.page()).await.map(PageResponse)
}

/// Retrieves an open report with everything preserved of its message. Requires an admin of the room or an operator. Closed reports are not found.
#[utoipa::path(
    get, path = "/api/reports/{report_id}", operation_id = "get_report", tag = "rooms", security(("bearer" = [])),
    params(ReportPath),
    responses(
        (status = 200, description = "The report", body = OpenReport),
        (status = 404, description = "`report_not_found`"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<ReportPath>,
) -> Result<Json<OpenReport>> {
    reports::find(&state.db, &caller, path.report_id).await.map(Json)
}

/// Closes a report and deletes the preserved message. Repeating the request has no effect.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/reports/{report_id}/close", tag = "rooms", security(("bearer" = [])),
    params(RoomReportPath),
    responses(
        (status = 204, description = "Closed"),
        (status = 404, description = "`room_not_found`, `report_not_found`"),
        ManagersOnly,
    )
)]
pub(super) async fn close(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Path(path): Path<RoomReportPath>,
) -> Result<StatusCode> {
    reports::close(&state.db, &caller, &path.room_id, path.report_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
