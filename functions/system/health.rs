//! Probes: `health` for the process, `ready` for its stores. Responses name the failed store; only the log has the cause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::domain::readiness::{self, Check, Failure};
use shared::edge::extract::RequestInfo;
use shared::time::Timestamp;
use utoipa::ToSchema;

use super::State;

/// The health of the service.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The version of this build.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The server's time.
    time: Timestamp,
}

/// The readiness of the service.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// The check of each store.
    checks: Vec<Checked>,
}

/// A problem document with the check of each store.
#[derive(Serialize, ToSchema)]
pub(super) struct NotReady {
    /// A URI that identifies the problem type.
    #[serde(rename = "type")]
    #[schema(example = "urn:conchat:problem:not_ready")]
    kind: &'static str,
    /// The standard phrase of the status.
    #[schema(example = "Service Unavailable")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 503)]
    status: u16,
    /// An explanation for people.
    #[schema(example = "Not ready: mysql.")]
    detail: String,
    /// Always `not_ready`.
    #[schema(example = "not_ready")]
    code: &'static str,
    /// The id to quote in problem reports.
    request_id: String,
    /// The check of each store.
    checks: Vec<Checked>,
}

/// The check of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Checked {
    /// `mysql`, `connections_table`, `room_sockets_table`, `ephemeral_table` or `media_bucket`.
    #[schema(example = "mysql")]
    name: &'static str,
    /// `ok`, `unreachable`, or `outdated` if migrations are pending.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Checks that the service runs.
///
/// Accesses no store.
#[utoipa::path(get, path = "/health", tag = "system", responses((status = 200, description = "The service runs.", body = Health)))]
pub(super) async fn health(info: RequestInfo) -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), time: info.now })
}

/// Checks that every store answers.
///
/// The result can be two seconds old.
#[utoipa::path(
    get, path = "/health/ready", tag = "system",
    responses(
        (status = 200, description = "Every store answers and has the schema of this build.", body = Ready),
        (status = 503, description = "`not_ready`: a store does not answer or is outdated; `checks` names it.", body = NotReady, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ready(extract::State(state): extract::State<Arc<State>>, info: RequestInfo) -> Response {
    answer(cached_checks(&state, &info).await, info.request_id)
}

/// The result of the latest checks.
#[derive(Debug)]
pub(super) struct CachedChecks {
    at: Instant,
    checks: Vec<Checked>,
}

/// Limits checks per instance, since the probe is public: concurrent probes share one check, and later ones get its result.
const CACHE_TIME: Duration = Duration::from_secs(2);

async fn cached_checks(state: &State, info: &RequestInfo) -> Vec<Checked> {
    let mut cached = state.cached_checks.lock().await;
    if let Some(cached) = cached.as_ref().filter(|cached| cached.at.elapsed() < CACHE_TIME) {
        return cached.checks.clone();
    }
    let checks = readiness::check(state.db().await, &state.tables, &state.media).await;
    for Check { name, failure } in &checks {
        if let Some(failure) = failure {
            tracing::warn!(request_id = info.request_id, store = name, ?failure, "not ready");
        }
    }
    let checks: Vec<_> = checks.iter().map(checked).collect();
    *cached = Some(CachedChecks { at: Instant::now(), checks: checks.clone() });
    checks
}

fn checked(check: &Check) -> Checked {
    let status = match check.failure {
        None => "ok",
        Some(Failure::Unreachable(_)) => "unreachable",
        Some(Failure::Outdated { .. }) => "outdated",
    };
    Checked { name: check.name, status }
}

fn answer(checks: Vec<Checked>, request_id: String) -> Response {
    let failed: Vec<_> = checks.iter().filter(|check| check.status != "ok").map(|check| check.name).collect();
    if failed.is_empty() {
        return Json(Ready { status: "ready", checks }).into_response();
    }
    let problem = NotReady {
        kind: "urn:conchat:problem:not_ready",
        title: "Service Unavailable",
        status: 503,
        detail: format!("Not ready: {}.", failed.join(", ")),
        code: "not_ready",
        request_id,
        checks,
    };
    let headers = [(CONTENT_TYPE, "application/problem+json"), (RETRY_AFTER, "2")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(problem)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_store_makes_it_unready() {
        let checks = |mysql| vec![Checked { name: "mysql", status: mysql }, Checked { name: "ephemeral_table", status: "ok" }];
        assert_eq!(answer(checks("ok"), String::new()).status(), StatusCode::OK);
        for status in ["unreachable", "outdated"] {
            let response = answer(checks(status), "r-1".into());
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        }
    }
}
