//! Errors on the wire: RFC 9457 problem documents over HTTP, `error` frames on the socket. One source for both.

use serde::Serialize;

use crate::error::{Left, Violation};

/// `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:conchat:problem:room_not_found")]
    pub kind: String,
    /// The status' standard phrase.
    #[schema(example = "Not Found")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// One sentence for a person.
    #[schema(example = "There is no such room, or you may not see it.")]
    pub detail: String,
    /// Stable snake_case code for programs.
    #[schema(example = "room_not_found")]
    pub code: &'static str,
    /// Quote it when reporting the problem; the logs know it.
    pub request_id: String,
    /// The fields that are wrong, if any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// With `quota_exceeded`: how much still fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}
