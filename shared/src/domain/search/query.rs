//! The query language: words, "phrases" and `operator:value`. Whatever is typed has a meaning or an error that names its field; quotes need no end.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, macros::format_description};

use super::signature::Mark;
use super::words::Needle;
use crate::error::{Error, Result};
use crate::id::RoomRef;
use crate::protocol::search::Search;
use crate::time::Timestamp;

/// Characters of a query. A person types fewer; more would be work for nobody.
const MAX_LENGTH: usize = 256;

/// What a query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// What the text must have.
    pub(super) needles: Vec<Needle>,
    /// Who must have written it: a username, or `me`.
    pub(super) from: Option<String>,
    /// Where it must stand.
    pub(super) room: Option<RoomRef>,
    /// The same room as somebody spelt it a second time.
    pub(super) same_room: Option<RoomRef>,
    /// It was sent before.
    pub(super) before: Option<Timestamp>,
    /// It was sent then or later.
    pub(super) after: Option<Timestamp>,
    /// Pictures, files or links that it must have.
    pub(super) has: Vec<Mark>,
}

impl Query {
    /// Reads a query; what stands in `q` and a parameter of the same meaning must both hold, so the narrower time wins and of rooms and
    /// people there is one.
    pub(super) fn read(search: &Search) -> Result<Self> {
        let mut query = Self::default();
        let text = search.q.as_deref().unwrap_or_default();
        if text.len() > MAX_LENGTH * 4 || text.chars().count() > MAX_LENGTH {
            return Err(Error::invalid("q", "too_long", format!("must have at most {MAX_LENGTH} characters")));
        }
        for part in parts(text) {
            query.take(&part)?;
        }
        if let Some(room) = &search.room_id {
            query.named("room_id", room.clone())?;
        }
        if let Some(name) = &search.from {
            query.sender("from", name)?;
        }
        if let Some(text) = &search.before {
            query.earliest(moment("before", text)?);
        }
        if let Some(text) = &search.after {
            query.latest(moment("after", text)?);
        }
        if query == Self::default() {
            return Err(Error::invalid("q", "required", "must have a word, an emoji or an operator to look for"));
        }
        Ok(query)
    }

    fn take(&mut self, part: &Part<'_>) -> Result<()> {
        let Part { word, value, quoted } = *part;
        match (word.to_ascii_lowercase().as_str(), value) {
            ("from", Some(name)) => self.sender("q", name)?,
            ("in", Some(room)) => {
                let room = room.parse().map_err(|_| Error::invalid("q", "invalid", "in: takes a room's id or slug"))?;
                self.named("q", room)?;
            }
            ("before", Some(text)) => self.earliest(moment("q", text)?),
            ("after", Some(text)) => self.latest(moment("q", text)?),
            ("has", Some(kind)) => self.has.push(match kind.to_ascii_lowercase().as_str() {
                "image" => Mark::Image,
                "file" => Mark::File,
                "link" => Mark::Link,
                _ => return Err(Error::invalid("q", "invalid", "has: takes image, file or link")),
            }),
            _ => {
                if let Some(needle) = Needle::new(word, quoted)
                    && !self.needles.contains(&needle)
                {
                    self.needles.push(needle);
                }
            }
        }
        Ok(())
    }

    fn named(&mut self, field: &str, room: RoomRef) -> Result<()> {
        let known = [&self.room, &self.same_room];
        if known.contains(&&Some(room.clone())) {
            return Ok(());
        }
        if let (Some(RoomRef::Id(_)), RoomRef::Id(_)) = (&self.room, &room) {
            return Err(two_rooms(field));
        }
        let place = if self.room.is_none() { &mut self.room } else { &mut self.same_room };
        if place.is_some() {
            return Err(two_rooms(field));
        }
        *place = Some(room);
        Ok(())
    }

    fn sender(&mut self, field: &str, name: &str) -> Result<()> {
        let name = name.trim_start_matches('@');
        if self.from.as_ref().is_some_and(|known| !known.eq_ignore_ascii_case(name)) {
            return Err(Error::invalid(field, "conflicting", "only one sender can be named"));
        }
        if name.is_empty() || name.len() > 32 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(Error::invalid(field, "invalid", "from takes a username, or me"));
        }
        self.from = Some(name.to_owned());
        Ok(())
    }

    fn earliest(&mut self, before: Timestamp) {
        self.before = Some(self.before.map_or(before, |known| known.min(before)));
    }

    fn latest(&mut self, after: Timestamp) {
        self.after = Some(self.after.map_or(after, |known| known.max(after)));
    }
}

/// A message stands in one room.
pub(super) fn two_rooms(field: &str) -> Error {
    Error::invalid(field, "conflicting", "only one room can be named")
}

/// A day in UTC, from its beginning, or a time.
fn moment(field: &str, text: &str) -> Result<Timestamp> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(|day| day.midnight().assume_utc());
    day.or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok())
        .and_then(|moment| i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok())
        .map(Timestamp)
        .ok_or_else(|| Error::invalid(field, "invalid", "a time is a day such as 2026-01-31 or an RFC 3339 time"))
}

/// A word, a phrase, or an operator with its value.
struct Part<'a> {
    word: &'a str,
    value: Option<&'a str>,
    quoted: bool,
}

const OPERATORS: [&str; 5] = ["from", "in", "before", "after", "has"];

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」')
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, quoted);
        (word, rest, quoted) = piece(rest, first);
        // An operator without a value is a word: people write "from:" in sentences.
        let operator =
            word.split_once(':').filter(|(name, _)| !quoted && OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(name)));
        match operator {
            Some((name, "")) if rest.starts_with(is_quote) => {
                let value;
                (value, rest, _) = piece(rest, '"');
                parts.push(Part { word: name, value: Some(value), quoted: false });
            }
            Some((name, value)) if !value.is_empty() => parts.push(Part { word: name, value: Some(value), quoted: false }),
            _ => parts.push(Part { word, value: None, quoted }),
        }
        rest = rest.trim_start();
    }
    parts
}

/// The text up to its closing quote, or to the next blank or quote; and what comes after.
fn piece(text: &str, first: char) -> (&str, &str, bool) {
    if is_quote(first) {
        let inside = text.trim_start_matches(|c| c == text.chars().next().unwrap_or(first)).len();
        let inside = &text[text.len() - inside..];
        let end = inside.find(is_quote).unwrap_or(inside.len());
        let after = inside[end..].chars().next().map_or(end, |quote| end + quote.len_utf8());
        (&inside[..end], &inside[after..], true)
    } else {
        let end = text.find(|c: char| c.is_whitespace() || is_quote(c)).unwrap_or(text.len());
        (&text[..end], &text[end..], false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(q: &str) -> Result<Query> {
        Query::read(&Search { q: Some(q.into()), ..Search::default() })
    }

    fn words(q: &str) -> Vec<String> {
        read(q).map(|query| query.needles.iter().map(|needle| needle.text().to_owned()).collect()).unwrap_or_default()
    }

    #[test]
    fn words_phrases_and_operators_are_told_apart() {
        let query =
            read("Ship \"good  morning\" FROM:Ann in:room-7 has:link before:2026-02-01 after:2026-01-01T00:00:00Z").unwrap();
        assert_eq!(words("Ship \"good  morning\""), ["ship", "good morning"]);
        assert_eq!((query.from.as_deref(), query.room, query.has), (Some("Ann"), "7".parse().ok(), vec![Mark::Link]));
        assert_eq!((query.before, query.after), (Some(Timestamp(1_769_904_000_000)), Some(Timestamp(1_767_225_600_000))));
        assert_eq!(read("from:\"ann\" x").unwrap().from.as_deref(), Some("ann"));
        assert_eq!(words("from: time: https://x.y"), ["from", "time", "https x y"]);
    }

    #[test]
    fn whatever_is_typed_has_an_answer() {
        for (q, expected) in [
            ("+the -who @>5 ~a* (b) \"", vec!["the", "who", "5", "a", "b"]),
            ("\"\"\"open end", vec!["open end"]),
            ("a\"b c\"d", vec!["a", "b c", "d"]),
            ("「東京 タワー」 „gut“", vec!["東京 タワー", "gut"]),
            ("' or 1=1; -- %_", vec!["or", "1 1"]),
            ("👍🏽", vec!["👍🏽"]),
            ("the the THE", vec!["the"]),
        ] {
            assert_eq!(words(q), expected, "{q}");
        }
        for q in ["", "   ", "!?…", "\"", "\u{200b}", "\0"] {
            assert!(matches!(read(q), Err(Error::Invalid(wrong)) if wrong[0].code == "required"), "{q:?}");
        }
        for q in [
            "has:cheese x",
            "before:soon",
            "in:#1",
            "from:a/b",
            "from:ann from:bob",
            "in:1 in:2",
            &"x".repeat(257),
            &"语".repeat(3000),
        ] {
            assert!(matches!(read(q), Err(Error::Invalid(wrong)) if wrong[0].field == "q"), "{q}");
        }
    }
}
