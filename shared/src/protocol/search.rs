//! Message search: query and results.

use serde::{Deserialize, Serialize};

use crate::id::RoomRef;
use crate::protocol::messages::Message;

/// A search. All fields but `cursor` and `limit` narrow it; at least one of them is required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// The query, up to 256 characters. All words must match: at the start of a word; from four letters on also inside words; anywhere in scripts
    /// without spaces. `"A phrase"` in quotes matches whole words in this order. The words are looked for in the text and in the names of its files.
    /// Case, accents, width and punctuation are ignored, `ł` is `l` and `æ` is `ae`; symbols that belong to a word, as in `C++`, `C#`, `.NET`,
    /// `$100`, `50%`, `@ann` and `#tag`, must be there. An emoji is a word; without skin tone it matches all skin tones. Punctuation alone is
    /// `nothing_to_search`. Filters: `from:ann` (or `from:me`), `in:general` (slug or id), `before:2026-01-31` and `after:2026-01-31` (a day in the
    /// time zone `tz`, which `after` includes, or an RFC 3339 time), `has:image`, `has:file`, `has:link`. Other words with a colon are text.
    #[param(example = "ship \"good morning\" from:ann has:link", max_length = 256)]
    pub q: Option<String>,
    /// Restricts the search to a room: `7`, `room-7` or a slug. By default the caller's 500 most recently active rooms are searched. Naming a public
    /// room searches it without joining.
    #[param(value_type = Option<String>, example = "general")]
    pub room_id: Option<RoomRef>,
    /// Restricts the search to a sender: a username, or `me`.
    #[param(example = "ann")]
    pub from: Option<String>,
    /// Restricts the search to messages before a date or time.
    #[param(example = "2026-01-31")]
    pub before: Option<String>,
    /// Restricts the search to messages from a date or time on.
    #[param(example = "2026-01-01")]
    pub after: Option<String>,
    /// The time zone of days in `before` and `after`: an IANA name, such as `Europe/Berlin`, or an offset from UTC, such as `+02:00`. By default UTC.
    #[param(example = "Europe/Berlin")]
    pub tz: Option<String>,
    /// The `next` value of the previous page; the other parameters must be unchanged.
    pub cursor: Option<String>,
    /// Page size, 1 to 50. A larger one counts as 50.
    #[param(minimum = 1, maximum = 50, default = 20)]
    pub limit: Option<u32>,
}

/// A search result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// The message, without its reactions.
    pub message: Message,
    /// The matches in `content`, ascending and without overlap; empty if only names of files match.
    pub highlights: Vec<Highlight>,
    /// The attachments whose file names match.
    pub files: Vec<FileMatch>,
}

/// The matches in the name of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FileMatch {
    /// The attachment's position in the message's `attachments`, from 0.
    #[schema(example = 0)]
    pub index: u32,
    /// The matches in its `file_name`, ascending and without overlap.
    pub highlights: Vec<Highlight>,
}

/// A range of Unicode code points: `[...content].slice(from, to)` in JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Highlight {
    /// The first character.
    #[schema(example = 7)]
    pub from: u32,
    /// The character after the last one.
    #[schema(example = 12)]
    pub to: u32,
}
