//! Paged responses: adds a `Link` header (RFC 8288) that points to the next page of the same path.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::error::Error;
use crate::protocol::invitations::RoomList;
use crate::protocol::messages::History;
use crate::protocol::page::Page;

/// The length of a usual page; longer ones grow.
const EXPECTED_BYTES: usize = 16 * 1024;

/// A JSON response that can have a next page.
pub struct PageResponse<T>(pub T);

/// A list with a continuation.
pub trait HasNextPage: Serialize {
    /// The query parameters that select a page.
    const PARAMETERS: &'static [&'static str];

    /// The parameter and value of the next page.
    fn next(&self) -> Option<(&'static str, &str)>;
}

impl<T: Serialize> HasNextPage for Page<T> {
    const PARAMETERS: &'static [&'static str] = &["cursor"];

    fn next(&self) -> Option<(&'static str, &str)> {
        Some(("cursor", self.next.as_deref()?))
    }
}

impl HasNextPage for RoomList {
    const PARAMETERS: &'static [&'static str] = &["cursor"];

    fn next(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Rooms(page) => page.next(),
            Self::Invited(page) => page.next(),
        }
    }
}

impl HasNextPage for History {
    const PARAMETERS: &'static [&'static str] = &["before", "after", "around"];

    fn next(&self) -> Option<(&'static str, &str)> {
        Some((if self.ascends { "after" } else { "before" }, self.next.as_deref()?))
    }
}

/// Response extension that carries the continuation to the layer that knows the request.
#[derive(Clone)]
struct NextLink {
    parameters: &'static [&'static str],
    pair: String,
}

impl<T: HasNextPage> IntoResponse for PageResponse<T> {
    fn into_response(self) -> Response {
        let next = self.0.next().map(|(parameter, value)| NextLink {
            parameters: T::PARAMETERS,
            pair: format!("{parameter}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)),
        });
        // `axum::Json` writes into a buffer that checks its room at each token: an eighth of the instructions of a page of messages.
        let mut body = Vec::with_capacity(EXPECTED_BYTES);
        if let Err(error) = serde_json::to_writer(&mut body, &self.0) {
            return Error::internal(error).into_response();
        }
        let mut response = ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
        if let Some(next) = next {
            response.extensions_mut().insert(next);
        }
        response
    }
}

/// Builds the `Link` header for a response to `asked`.
pub(super) fn link_header(asked: &Uri, response: &Response) -> Option<HeaderValue> {
    let next = response.extensions().get::<NextLink>()?;
    let stays = |pair: &&str| !pair.is_empty() && !next.parameters.contains(&pair.split('=').next().unwrap_or_default());
    let kept = asked.query().unwrap_or_default().split('&').filter(stays);
    let query: Vec<&str> = kept.chain([next.pair.as_str()]).collect();
    HeaderValue::try_from(format!("<{}?{}>; rel=\"next\"", asked.path(), query.join("&"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Rev, Seq};

    fn link_of<T: HasNextPage>(asked: &str, list: T) -> Option<String> {
        let link = link_header(&asked.parse().unwrap(), &PageResponse(list).into_response())?;
        Some(link.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_link_header_is_the_next_request() {
        let json = PageResponse(Page::<u32> { items: vec![1], next: None }).into_response();
        assert_eq!(json.headers()[CONTENT_TYPE], "application/json");
        let page = |next: Option<&str>| Page::<u32> { items: vec![1], next: next.map(str::to_owned) };
        assert_eq!(link_of("https://chat.example/api/rooms", page(None)), None);
        let link = link_of("https://chat.example/api/search?before=2026-01-01&cursor=old&q=a%20b", page(Some("n/w"))).unwrap();
        assert_eq!(link, r#"</api/search?before=2026-01-01&q=a%20b&cursor=n%2Fw>; rel="next""#);
        let history = |ascends| History { items: Vec::new(), next: Some("7".into()), last_seq: Seq(9), rev: Rev(9), ascends };
        assert_eq!(
            link_of("/api/rooms/1/messages?limit=2", history(false)).unwrap(),
            r#"</api/rooms/1/messages?limit=2&before=7>; rel="next""#
        );
        assert_eq!(
            link_of("/api/rooms/1/messages?after=5", history(true)).unwrap(),
            r#"</api/rooms/1/messages?after=7>; rel="next""#
        );
    }
}
