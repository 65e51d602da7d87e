//! Rate-limit headers of the IETF draft (`RateLimit-Policy`, `RateLimit`), on successful responses, too.

use std::convert::Infallible;

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::RateStatus;

/// Adds the rate-limit headers to a response if the status is known.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitHeaders(pub Option<RateStatus>);

impl IntoResponseParts for RateLimitHeaders {
    type Error = Infallible;

    fn into_response_parts(self, mut answer: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Some(rate) = self.0 {
            insert(answer.headers_mut(), &rate);
        }
        Ok(answer)
    }
}

/// `RateLimit-Policy`: quota and window in seconds. `RateLimit`: remaining quota, and seconds until it is full again.
pub(super) fn insert(headers: &mut HeaderMap, rate: &RateStatus) {
    let RateStatus { limit, left, reset } = rate;
    let policy = format!("\"default\";q={};w={}", limit.quota, limit.window);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", format!("\"default\";r={left};t={reset}"))] {
        headers.extend(HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
}
