//! Cursor pagination.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};

/// Which page of a list to return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRequest<'a> {
    /// The `next` of an earlier page; the first page when absent.
    pub cursor: Option<&'a str>,
    /// The page size; the default when absent.
    pub limit: Option<u32>,
}

impl PageRequest<'_> {
    /// Returns the page size within its bounds.
    pub(super) fn limit(&self) -> Result<u32> {
        page_size(self.limit)
    }

    /// Parses a cursor that is a plain number or id; `start` without one.
    pub(super) fn position<P: FromStr>(&self, start: P) -> Result<P> {
        self.cursor.map_or(Ok(start), |cursor| cursor.parse().map_err(|_| invalid_cursor()))
    }

    /// Decodes a composite cursor with `read`; `start` without one.
    pub(super) fn decode<P>(&self, start: P, read: impl FnOnce(&str) -> Option<P>) -> Result<P> {
        self.cursor.map_or(Ok(start), |cursor| decode_cursor(cursor, read))
    }
}

/// Applies the default and the maximum of a page size.
pub(super) fn page_size(limit: Option<u32>) -> Result<u32> {
    Ok(at_most(limit, MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT))
}

/// Applies the maximum of a limit. 0 is refused: it could mean none, all or the default.
pub(super) fn at_most(limit: Option<u32>, most: u32) -> Result<Option<u32>> {
    match limit {
        Some(0) => Err(Error::invalid("limit", "invalid", "must be at least 1")),
        limit => Ok(limit.map(|limit| limit.min(most))),
    }
}

/// Builds a page from `limit + 1` rows. `cursor` encodes the position of the last item.
pub(super) fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

/// Encodes a composite position.
pub(super) fn encode_cursor(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// Decodes a composite position with `read`.
pub(super) fn decode_cursor<P>(cursor: &str, read: impl FnOnce(&str) -> Option<P>) -> Result<P> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| read(&text)).ok_or_else(invalid_cursor)
}

/// Error for a malformed cursor.
fn invalid_cursor() -> Error {
    Error::invalid("cursor", "invalid", "must be from the response of an earlier request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_cursor_only_if_another_follows() {
        let page_of = |count: u32| page((1..=count).collect(), 3, ToString::to_string);
        for (count, items, next) in [(0, vec![], None), (3, vec![1, 2, 3], None), (4, vec![1, 2, 3], Some("3".to_owned()))] {
            let page = page_of(count);
            assert_eq!((page.items, page.next), (items, next));
        }
        for (limit, expected) in
            [(None, Some(50)), (Some(0), None), (Some(1), Some(1)), (Some(7), Some(7)), (Some(1000), Some(100))]
        {
            assert_eq!(page_size(limit).ok(), expected, "{limit:?}");
        }
    }

    #[test]
    fn a_cursor_decodes_to_its_position_and_other_texts_are_refused() {
        let position = |cursor| PageRequest { cursor, limit: None }.position(5_u64);
        assert_eq!((position(None).ok(), position(Some("7")).ok()), (Some(5), Some(7)));
        let read = |cursor: &str| decode_cursor(cursor, |place| place.strip_prefix("u.").map(str::to_owned));
        assert_eq!(read(&encode_cursor("u.ann")).ok().as_deref(), Some("ann"));
        for refused in [position(Some("x")).err(), read("no cursor!").err(), read(&encode_cursor("ann")).err()] {
            assert!(matches!(refused, Some(Error::Invalid(fields)) if fields[0].field == "cursor"));
        }
    }
}
