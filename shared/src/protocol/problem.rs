//! Errors on the wire: RFC 9457 problem documents over HTTP, `error` frames on the socket, from one source.

use serde::Serialize;

use crate::error::{Left, Violation};

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI that identifies the problem type.
    #[serde(rename = "type")]
    #[schema(example = "urn:conchat:problem:room_not_found")]
    pub kind: String,
    /// The standard phrase of the status.
    #[schema(example = "Not Found")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// An explanation for people.
    #[schema(example = "The room does not exist, or you may not see it.")]
    pub detail: String,
    /// A stable snake_case code for programs.
    #[schema(example = "room_not_found")]
    pub code: &'static str,
    /// The id to quote in problem reports.
    pub request_id: String,
    /// The invalid fields, if any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// With `quota_exceeded`: the remaining quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}
