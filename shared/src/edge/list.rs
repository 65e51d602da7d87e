//! Lists as answers: where they go on is told in the header `Link` (RFC 8288) besides, as a reference to the request's own path.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::protocol::invitations::RoomList;
use crate::protocol::messages::History;
use crate::protocol::page::Page;

/// A list that may go on.
pub struct Listed<T>(pub T);

/// What is asked for next.
pub trait Continues: Serialize {
    /// The parameters of which one says where to go on.
    const PARAMETERS: &'static [&'static str];

    /// The parameter that says it, and its value.
    fn next(&self) -> Option<(&'static str, &str)>;
}

impl<T: Serialize> Continues for Page<T> {
    const PARAMETERS: &'static [&'static str] = &["cursor"];

    fn next(&self) -> Option<(&'static str, &str)> {
        Some(("cursor", self.next.as_deref()?))
    }
}

impl Continues for RoomList {
    const PARAMETERS: &'static [&'static str] = &["cursor"];

    fn next(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Rooms(page) => page.next(),
            Self::Invited(page) => page.next(),
        }
    }
}

impl Continues for History {
    const PARAMETERS: &'static [&'static str] = &["before", "after", "around"];

    fn next(&self) -> Option<(&'static str, &str)> {
        Some((if self.ascends { "after" } else { "before" }, self.next.as_deref()?))
    }
}

/// Travels with the answer to where the request is known.
#[derive(Clone)]
struct Next {
    parameters: &'static [&'static str],
    pair: String,
}

impl<T: Continues> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let next = self.0.next().map(|(parameter, value)| Next {
            parameters: T::PARAMETERS,
            pair: format!("{parameter}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)),
        });
        let mut response = Json(self.0).into_response();
        if let Some(next) = next {
            response.extensions_mut().insert(next);
        }
        response
    }
}

/// The header of an answer to this request.
pub(super) fn link(asked: &Uri, response: &Response) -> Option<HeaderValue> {
    let next = response.extensions().get::<Next>()?;
    let stays = |pair: &&str| !pair.is_empty() && !next.parameters.contains(&pair.split('=').next().unwrap_or_default());
    let kept = asked.query().unwrap_or_default().split('&').filter(stays);
    let query: Vec<&str> = kept.chain([next.pair.as_str()]).collect();
    HeaderValue::try_from(format!("<{}?{}>; rel=\"next\"", asked.path(), query.join("&"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: Continues>(asked: &str, list: T) -> Option<String> {
        let link = link(&asked.parse().unwrap(), &Listed(list).into_response())?;
        Some(link.to_str().unwrap().to_owned())
    }

    #[test]
    fn where_a_list_goes_on_is_a_request_of_its_own() {
        let page = |next: Option<&str>| Page::<u32> { items: vec![1], next: next.map(str::to_owned) };
        assert_eq!(told("https://chat.example/api/rooms", page(None)), None);
        let link = told("https://chat.example/api/search?before=2026-01-01&cursor=old&q=a%20b", page(Some("n/w"))).unwrap();
        assert_eq!(link, r#"</api/search?before=2026-01-01&q=a%20b&cursor=n%2Fw>; rel="next""#);
        let history = |ascends| History { items: Vec::new(), next: Some("7".into()), last_seq: 9, rev: 9, ascends };
        assert_eq!(
            told("/api/rooms/1/messages?limit=2", history(false)).unwrap(),
            r#"</api/rooms/1/messages?limit=2&before=7>; rel="next""#
        );
        assert_eq!(
            told("/api/rooms/1/messages?after=5", history(true)).unwrap(),
            r#"</api/rooms/1/messages?after=7>; rel="next""#
        );
    }
}
