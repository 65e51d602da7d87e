//! Query language: words, "phrases" and `operator:value`. Every input is valid or an error that names its field; closing quotes are optional.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, macros::format_description};

use super::signature::Attribute;
use super::terms::Term;
use super::zone::TimeZone;
use crate::domain::people::handles::username_of;
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
        let zone = match search.tz.as_deref() {
            None => TimeZone::UTC,
            Some(name) => TimeZone::parse(name).ok_or_else(|| {
                Error::invalid("tz", "invalid", "a time zone is a name such as Europe/Berlin or an offset such as +02:00")
            })?,
        };
        let mut ignored = false;
        for part in tokenize(text) {
            ignored |= !query.apply(&part, zone)?;
        }
        if ignored && query.terms.is_empty() {
            // Filters alone would answer with everything that they let through.
            let detail = "has punctuation alone, which is not searched; name a word or an emoji";
            return Err(Error::invalid("q", "nothing_to_search", detail));
        }
        if let Some(room) = &search.room_id {
            query.set_room("room_id", room.clone())?;
        }
        if let Some(name) = &search.from {
            query.set_sender("from", name)?;
        }
        if let Some(text) = &search.before {
            query.limit_before(parse_time("before", text, zone)?);
        }
        if let Some(text) = &search.after {
            query.limit_after(parse_time("after", text, zone)?);
        }
        if query == Self::default() {
            return Err(Error::invalid("q", "required", "must have a word, an emoji or an operator to search for"));
        }
        Ok(query)
    }

    /// Adds a part. Returns false if nothing in it can be searched for.
    fn apply(&mut self, part: &QueryToken<'_>, zone: TimeZone) -> Result<bool> {
        let QueryToken { word, value, quoted } = *part;
        match (word.to_ascii_lowercase().as_str(), value) {
            ("from", Some(name)) => self.set_sender("q", name)?,
            ("in", Some(room)) => {
                let room = room.parse().map_err(|_| Error::invalid("q", "invalid", "in: takes a room's id or slug"))?;
                self.set_room("q", room)?;
            }
            ("before", Some(text)) => self.limit_before(parse_time("q", text, zone)?),
            ("after", Some(text)) => self.limit_after(parse_time("q", text, zone)?),
            ("has", Some(kind)) => self.has.push(match kind.to_ascii_lowercase().as_str() {
                "image" => Attribute::Image,
                "file" => Attribute::File,
                "link" => Attribute::Link,
                _ => return Err(Error::invalid("q", "invalid", "has: takes image, file or link")),
            }),
            _ => {
                let Some(term) = Term::new(word, quoted) else { return Ok(false) };
                if !self.terms.contains(&term) {
                    self.terms.push(term);
                }
            }
        }
        Ok(true)
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
        let name = username_of(name);
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

/// Parses a day of the reader's calendar, meaning its beginning, or a time.
fn parse_time(field: &str, text: &str, zone: TimeZone) -> Result<Timestamp> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    day.map(|day| zone.day_begin(day.midnight().assume_utc().unix_timestamp()) * 1000)
        .or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok().and_then(milliseconds))
        .map(Timestamp)
        .ok_or_else(|| Error::invalid(field, "invalid", "a time is a day such as 2026-01-31 or an RFC 3339 time"))
}

fn milliseconds(moment: OffsetDateTime) -> Option<i64> {
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
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
    fn unknown_operators_are_text() {
        for (q, expected) in [
            ("from:ann foo:bar", vec!["foo bar"]),
            ("http://x.y hello", vec!["http x y", "hello"]),
            ("at 12:30 re: tea", vec!["at", "12 30", "re", "tea"]),
            ("C++ has:link #tag", vec!["c", "tag"]),
        ] {
            assert_eq!(words(q), expected, "{q}");
        }
    }

    #[test]
    fn days_are_those_of_the_reader() {
        let read = |before: &str, tz: &str| {
            ParsedQuery::read(&Search { before: Some(before.into()), tz: Some(tz.into()), ..Search::default() })
        };
        for (before, tz, expected) in [
            ("2026-02-01", "UTC", 1_769_904_000_000),
            ("2026-02-01", "America/New_York", 1_769_904_000_000 + 5 * 3_600_000),
            ("2026-02-01", "+02:00", 1_769_904_000_000 - 2 * 3_600_000),
            ("2026-02-01T00:00:00Z", "America/New_York", 1_769_904_000_000),
        ] {
            assert_eq!(read(before, tz).unwrap().before, Some(Timestamp(expected)), "{before} {tz}");
        }
        for tz in ["", "Mars/Base", "2"] {
            assert!(matches!(read("2026-02-01", tz), Err(Error::Invalid(wrong)) if wrong[0].field == "tz"), "{tz}");
        }
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
        for (q, code) in [
            ("", "required"),
            ("   ", "required"),
            ("!?…", "nothing_to_search"),
            ("\"", "nothing_to_search"),
            ("\u{200b}", "nothing_to_search"),
            ("\0", "nothing_to_search"),
            ("$", "nothing_to_search"),
            ("???  --- …", "nothing_to_search"),
            ("from:me ?!", "nothing_to_search"),
            ("in:41 ???", "nothing_to_search"),
            ("has:image \"!\"", "nothing_to_search"),
        ] {
            assert!(matches!(read(q), Err(Error::Invalid(wrong)) if wrong[0].code == code), "{q:?}");
        }
        for q in ["from:me", "from:me has:image", "in:41", "after:2026-01-01", "hello ?!", "?! 👍", "from:@ann"] {
            assert!(read(q).is_ok(), "{q}");
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
