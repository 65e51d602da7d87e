//! Lists in pages: how many items one has, and the cursor that says where the next one begins.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};

/// Items of a page, of what was asked for.
pub(super) fn clamped(limit: Option<u32>) -> u32 {
    limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// A page of `limit` items at most, made of one more than that where there are more. `cursor` gives the place of the last one.
pub(super) fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

/// The place that a cursor names as a plain number or id; `start` without one.
pub(super) fn after<P: FromStr>(cursor: Option<&str>, start: P) -> Result<P> {
    cursor.map_or(Ok(start), |cursor| cursor.parse().map_err(|_| bad_cursor()))
}

/// A cursor for a place that takes more than a number.
pub(super) fn cursor_of(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place in such a cursor, as `read` understands it.
pub(super) fn place_in<P>(cursor: &str, read: impl FnOnce(&str) -> Option<P>) -> Result<P> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| read(&text)).ok_or_else(bad_cursor)
}

/// What a cursor that is none of ours is answered with.
pub(super) fn bad_cursor() -> Error {
    Error::invalid("cursor", "invalid", "must be the `next` of an earlier page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_the_next_one_begins_only_if_there_is_one() {
        let page_of = |count: u32| page((1..=count).collect(), 3, ToString::to_string);
        for (count, items, next) in [(0, vec![], None), (3, vec![1, 2, 3], None), (4, vec![1, 2, 3], Some("3".to_owned()))] {
            let page = page_of(count);
            assert_eq!((page.items, page.next), (items, next));
        }
        assert_eq!((clamped(None), clamped(Some(0)), clamped(Some(7)), clamped(Some(1000))), (50, 1, 7, 100));
    }

    #[test]
    fn a_cursor_gives_back_its_place_and_anything_else_is_refused() {
        assert_eq!((after(None, 5_u64).ok(), after(Some("7"), 5_u64).ok()), (Some(5), Some(7)));
        let read = |cursor: &str| place_in(cursor, |place| place.strip_prefix("u.").map(str::to_owned));
        assert_eq!(read(&cursor_of("u.ann")).ok().as_deref(), Some("ann"));
        for refused in [after(Some("x"), 5_u64).err(), read("no cursor!").err(), read(&cursor_of("ann")).err()] {
            assert!(matches!(refused, Some(Error::Invalid(fields)) if fields[0].field == "cursor"));
        }
    }
}
