//! `/api/admin/reports`: reports of all rooms.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::admin;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::protocol::admin::{AdminReport, ReportState};
use shared::protocol::page::Page;

use super::{AdminRequest, State};
use crate::parameters::{PageQuery, ReportPath};
use crate::refusals::OperatorsOnly;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportsQuery {
    /// The state of the reports; defaults to `open`.
    #[serde(default)]
    #[param(inline, required = false)]
    state: ReportState,
}

/// Lists reports of all rooms, oldest first: open ones with the message as reported, closed ones with its current version.
#[utoipa::path(
    get, path = "/api/admin/reports", operation_id = "list_reports", tag = "admin", params(ReportsQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of reports", body = Page<AdminReport>),
        OperatorsOnly,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Query(query): Query<ReportsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<AdminReport>>> {
    admin::list_reports(&state.db, &admin, query.state, page.page()).await.map(PageResponse)
}

/// Closes a report and deletes the preserved message. Repeating the request has no effect.
#[utoipa::path(
    post, path = "/api/admin/reports/{report_id}/close", operation_id = "close_report", tag = "admin", security(("bearer" = [])),
    params(ReportPath),
    responses(
        (status = 204, description = "Closed"),
        (status = 404, description = "`report_not_found`"),
        OperatorsOnly,
    )
)]
pub(super) async fn close(
    Extract(state): Extract<Arc<State>>,
    AdminRequest(admin): AdminRequest,
    Path(path): Path<ReportPath>,
) -> Result<StatusCode> {
    admin::close_report(&state.db, &admin, path.report_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
