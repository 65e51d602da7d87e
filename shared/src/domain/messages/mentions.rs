//! Mentions: `@name` of room members in a text, ignoring case. Blocked pairs cannot mention each other.

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::store::{Tx, mentions as store};

/// Maximum number of mentions per message.
const MAX_MENTIONS: usize = 50;
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=32;
/// Punctuation at the end of a name that may belong to the sentence.
const MAX_TRAILING_PUNCTUATION: usize = 3;

/// Returns the mentioned members in the order of the text. A text without `@` costs no statement.
pub(crate) async fn resolve(tx: &mut Tx<'_>, room: RoomId, by: UserId, text: &str) -> Result<Vec<UserId>> {
    let called = parse(text);
    if called.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = called.iter().flatten().copied().collect();
    let members = store::find_members(tx, room, by, &names).await?;
    let mut found = Vec::new();
    for readings in called {
        let member = readings.iter().find_map(|name| members.iter().find(|(_, username)| username.eq_ignore_ascii_case(name)));
        if let Some((user, _)) = member.filter(|(user, _)| !found.contains(user)) {
            found.push(*user);
        }
    }
    Ok(found)
}

/// Returns the possible readings of each `@name`, longest first: in "Ask @ann." the dot may end the name or the sentence.
fn parse(text: &str) -> Vec<Vec<&str>> {
    let mut called: Vec<Vec<&str>> = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        // The @ of an e-mail address follows a letter or digit.
        if c == '@' && !before.is_some_and(|c: char| c.is_ascii_alphanumeric()) {
            let rest = &text[at + 1..];
            let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
            let readings = possible_names(name);
            if !readings.is_empty() && !called.contains(&readings) {
                called.push(readings);
            }
        }
        before = Some(c);
        if called.len() == MAX_MENTIONS {
            break;
        }
    }
    called
}

fn possible_names(name: &str) -> Vec<&str> {
    let shortest = name.trim_end_matches(is_punctuation).len();
    let longest = name.len().min(shortest + MAX_TRAILING_PUNCTUATION);
    (shortest..=longest).rev().map(|end| &name[..end]).filter(|name| NAME_LENGTH.contains(&name.len())).collect()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_punctuation(c)
}

/// Characters of names that also occur as punctuation.
fn is_punctuation(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_at_sign_before_a_name_mentions_it() {
        assert_eq!(parse("@ann and (@Bob), @c.d_e-f!"), [["ann"], ["Bob"], ["c.d_e-f"]]);
        assert_eq!(parse("Ask @ann."), [["ann.", "ann"]]);
        assert_eq!(parse("请问@ann吗"), [["ann"]], "some scripts put no blanks between words");
        for text in ["ann", "a@bob.org", "@", "@ ann", "@@", "@..", "@an", &format!("@{}", "x".repeat(33))] {
            assert!(parse(text).is_empty(), "{text}");
        }
        assert_eq!(parse("@ann @ann"), [["ann"]], "once is enough");
    }

    #[test]
    fn fifty_names_are_the_most() {
        let text = (1000..2000).map(|n| format!("@{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(parse(&text).len(), 50);
        assert_eq!(parse(&format!("@ann{}", ".".repeat(1000))), [["ann...", "ann..", "ann.", "ann"]]);
    }
}
