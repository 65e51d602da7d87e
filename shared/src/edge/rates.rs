//! How one stands to a limit, told in headers as the IETF's draft words it, also while there is something left.

use std::convert::Infallible;

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::Rate;

/// A part of an answer that tells of a limit, where there is one to tell of.
#[derive(Clone, Copy, Debug)]
pub struct Told(pub Option<Rate>);

impl IntoResponseParts for Told {
    type Error = Infallible;

    fn into_response_parts(self, mut answer: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Some(rate) = self.0 {
            tell(answer.headers_mut(), &rate);
        }
        Ok(answer)
    }
}

/// `RateLimit-Policy`: so often in so many seconds. `RateLimit`: what is left, and the seconds until all of it is back.
pub(super) fn tell(headers: &mut HeaderMap, rate: &Rate) {
    let Rate { limit, left, reset } = rate;
    let policy = format!("\"default\";q={};w={}", limit.quota, limit.window);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", format!("\"default\";r={left};t={reset}"))] {
        headers.extend(HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
}
