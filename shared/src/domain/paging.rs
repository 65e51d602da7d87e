//! Cursor pagination.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};

/// Applies the default and the maximum of a page size.
pub(super) fn clamp_limit(limit: Option<u32>) -> u32 {
    limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// Builds a page from `limit + 1` rows. `cursor` encodes the position of the last item.
pub(super) fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

/// Parses a cursor that is a plain number or id; `start` without one.
pub(super) fn parse_cursor<P: FromStr>(cursor: Option<&str>, start: P) -> Result<P> {
    cursor.map_or(Ok(start), |cursor| cursor.parse().map_err(|_| invalid_cursor()))
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
pub(super) fn invalid_cursor() -> Error {
    Error::invalid("cursor", "invalid", "must be the `next` of an earlier page")
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
        assert_eq!((clamp_limit(None), clamp_limit(Some(0)), clamp_limit(Some(7)), clamp_limit(Some(1000))), (50, 1, 7, 100));
    }

    #[test]
    fn a_cursor_decodes_to_its_position_and_other_texts_are_refused() {
        assert_eq!((parse_cursor(None, 5_u64).ok(), parse_cursor(Some("7"), 5_u64).ok()), (Some(5), Some(7)));
        let read = |cursor: &str| decode_cursor(cursor, |place| place.strip_prefix("u.").map(str::to_owned));
        assert_eq!(read(&encode_cursor("u.ann")).ok().as_deref(), Some("ann"));
        for refused in [parse_cursor(Some("x"), 5_u64).err(), read("no cursor!").err(), read(&encode_cursor("ann")).err()] {
            assert!(matches!(refused, Some(Error::Invalid(fields)) if fields[0].field == "cursor"));
        }
    }
}
