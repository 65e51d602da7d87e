//! Searching messages: what is asked, and what is found.

use serde::{Deserialize, Serialize};

use crate::id::RoomRef;
use crate::protocol::messages::Message;

/// What to look for. Everything but `cursor` and `limit` narrows the search; at least one of them must be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Up to 256 characters. Words, which all must be there: a word is found where a word begins, from four letters on inside of words, too, and in
    /// scripts without blanks anywhere. `"A phrase"` in quotes is whole words in this order. Case, accents, width and punctuation make no
    /// difference; an emoji is a word. Besides words: `from:ann` (or `from:me`), `in:general` (slug or id), `before:2026-01-31` and
    /// `after:2026-01-31` (that day included; UTC; or an RFC 3339 time), `has:image`, `has:file`, `has:link`.
    #[param(example = "ship \"good morning\" from:ann has:link", max_length = 256)]
    pub q: Option<String>,
    /// Only this room: `7`, `room-7` or a slug. Without a room, the 500 rooms of newest activity of the caller are searched; a public room that
    /// one has not joined is searched when it is named.
    #[param(value_type = Option<String>, example = "general")]
    pub room_id: Option<RoomRef>,
    /// Only messages of this person: a username, or `me`.
    #[param(example = "ann")]
    pub from: Option<String>,
    /// Only messages before this day or time.
    #[param(example = "2026-01-31")]
    pub before: Option<String>,
    /// Only messages of this day or time and later.
    #[param(example = "2026-01-01")]
    pub after: Option<String>,
    /// The `next` of the page before; the rest of the query must be the same.
    pub cursor: Option<String>,
    /// Items of a page, 1 to 50.
    #[param(minimum = 1, maximum = 50, default = 20)]
    pub limit: Option<u32>,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// The message. Its reactions are left empty.
    pub message: Message,
    /// What of its `content` matches the words and phrases, ascending and without overlap.
    pub highlights: Vec<Highlight>,
}

/// A part of a text, in Unicode characters (code points): `[...content].slice(from, to)` in JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Highlight {
    /// The first character.
    #[schema(example = 7)]
    pub from: u32,
    /// The one after the last.
    #[schema(example = 12)]
    pub to: u32,
}
