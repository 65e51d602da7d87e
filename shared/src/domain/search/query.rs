//! Query language: words, "phrases" and `operator:value`. Every input is valid or an error that names its field; closing quotes are optional.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, macros::format_description};

use super::signature::Attribute;
use super::terms::Term;
use crate::error::{Error, Result};
use crate::id::RoomRef;
use crate::protocol::search::Search;
use crate::time::Timestamp;

/// Maximum number of characters in a query.
const MAX_LENGTH: usize = 256;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ParsedQuery {
    /// Terms that the text must contain.
    pub(super) terms: Vec<Term>,
    /// The sender: a username, or `me`.
    pub(super) from: Option<String>,
    pub(super) room: Option<RoomRef>,
    /// The same room in a second spelling.
    pub(super) same_room: Option<RoomRef>,
    /// Sent before this time.
    pub(super) before: Option<Timestamp>,
    /// Sent at this time or later.
    pub(super) after: Option<Timestamp>,
    /// Required pictures, files or links.
    pub(super) has: Vec<Attribute>,
}

impl ParsedQuery {
    /// Parses a query. Operators in `q` and parameters must both hold: the narrower time applies, and only one room and one sender are allowed.
    pub(super) fn read(search: &Search) -> Result<Self> {
        let mut query = Self::default();
        let text = search.q.as_deref().unwrap_or_default();
        if text.len() > MAX_LENGTH * 4 || text.chars().count() > MAX_LENGTH {
            return Err(Error::invalid("q", "too_long", format!("must have at most {MAX_LENGTH} characters")));
        }
        for part in tokenize(text) {
            query.apply(&part)?;
        }
        if let Some(room) = &search.room_id {
            query.set_room("room_id", room.clone())?;
        }
        if let Some(name) = &search.from {
            query.set_sender("from", name)?;
        }
        if let Some(text) = &search.before {
            query.limit_before(parse_time("before", text)?);
        }
        if let Some(text) = &search.after {
            query.limit_after(parse_time("after", text)?);
        }
        if query == Self::default() {
            return Err(Error::invalid("q", "required", "must have a word, an emoji or an operator to search for"));
        }
        Ok(query)
    }

    fn apply(&mut self, part: &QueryToken<'_>) -> Result<()> {
        let QueryToken { word, value, quoted } = *part;
        match (word.to_ascii_lowercase().as_str(), value) {
            ("from", Some(name)) => self.set_sender("q", name)?,
            ("in", Some(room)) => {
                let room = room.parse().map_err(|_| Error::invalid("q", "invalid", "in: takes a room's id or slug"))?;
                self.set_room("q", room)?;
            }
            ("before", Some(text)) => self.limit_before(parse_time("q", text)?),
            ("after", Some(text)) => self.limit_after(parse_time("q", text)?),
            ("has", Some(kind)) => self.has.push(match kind.to_ascii_lowercase().as_str() {
                "image" => Attribute::Image,
                "file" => Attribute::File,
                "link" => Attribute::Link,
                _ => return Err(Error::invalid("q", "invalid", "has: takes image, file or link")),
            }),
            _ => {
                if let Some(term) = Term::new(word, quoted)
                    && !self.terms.contains(&term)
                {
                    self.terms.push(term);
                }
            }
        }
        Ok(())
    }

    fn set_room(&mut self, field: &str, room: RoomRef) -> Result<()> {
        let known = [&self.room, &self.same_room];
        if known.contains(&&Some(room.clone())) {
            return Ok(());
        }
        if let (Some(RoomRef::Id(_)), RoomRef::Id(_)) = (&self.room, &room) {
            return Err(conflicting_rooms(field));
        }
        let place = if self.room.is_none() { &mut self.room } else { &mut self.same_room };
        if place.is_some() {
            return Err(conflicting_rooms(field));
        }
        *place = Some(room);
        Ok(())
    }

    fn set_sender(&mut self, field: &str, name: &str) -> Result<()> {
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

    fn limit_before(&mut self, before: Timestamp) {
        self.before = Some(self.before.map_or(before, |known| known.min(before)));
    }

    fn limit_after(&mut self, after: Timestamp) {
        self.after = Some(self.after.map_or(after, |known| known.max(after)));
    }
}

pub(super) fn conflicting_rooms(field: &str) -> Error {
    Error::invalid(field, "conflicting", "only one room can be named")
}

/// Parses a UTC day, meaning its beginning, or a time.
fn parse_time(field: &str, text: &str) -> Result<Timestamp> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(|day| day.midnight().assume_utc());
    day.or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok())
        .and_then(|moment| i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok())
        .map(Timestamp)
        .ok_or_else(|| Error::invalid(field, "invalid", "a time is a day such as 2026-01-31 or an RFC 3339 time"))
}

/// A word, a phrase, or an operator with its value.
struct QueryToken<'a> {
    word: &'a str,
    value: Option<&'a str>,
    quoted: bool,
}

const OPERATORS: [&str; 5] = ["from", "in", "before", "after", "has"];

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」')
}

fn tokenize(text: &str) -> Vec<QueryToken<'_>> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, quoted);
        (word, rest, quoted) = next_token(rest, first);
        // An operator without a value is a word: people write "from:" in sentences.
        let operator =
            word.split_once(':').filter(|(name, _)| !quoted && OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(name)));
        match operator {
            Some((name, "")) if rest.starts_with(is_quote) => {
                let value;
                (value, rest, _) = next_token(rest, '"');
                parts.push(QueryToken { word: name, value: Some(value), quoted: false });
            }
            Some((name, value)) if !value.is_empty() => parts.push(QueryToken { word: name, value: Some(value), quoted: false }),
            _ => parts.push(QueryToken { word, value: None, quoted }),
        }
        rest = rest.trim_start();
    }
    parts
}

/// Splits off the text up to its closing quote, or to the next blank or quote.
fn next_token(text: &str, first: char) -> (&str, &str, bool) {
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

    fn read(q: &str) -> Result<ParsedQuery> {
        ParsedQuery::read(&Search { q: Some(q.into()), ..Search::default() })
    }

    fn words(q: &str) -> Vec<String> {
        read(q).map(|query| query.terms.iter().map(|term| term.text().to_owned()).collect()).unwrap_or_default()
    }

    #[test]
    fn words_phrases_and_operators_are_distinguished() {
        let query =
            read("Ship \"good  morning\" FROM:Ann in:room-7 has:link before:2026-02-01 after:2026-01-01T00:00:00Z").unwrap();
        assert_eq!(words("Ship \"good  morning\""), ["ship", "good morning"]);
        assert_eq!((query.from.as_deref(), query.room, query.has), (Some("Ann"), "7".parse().ok(), vec![Attribute::Link]));
        assert_eq!((query.before, query.after), (Some(Timestamp(1_769_904_000_000)), Some(Timestamp(1_767_225_600_000))));
        assert_eq!(read("from:\"ann\" x").unwrap().from.as_deref(), Some("ann"));
        assert_eq!(words("from: time: https://x.y"), ["from", "time", "https x y"]);
    }

    #[test]
    fn every_input_has_a_result() {
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
