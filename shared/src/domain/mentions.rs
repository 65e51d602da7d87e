//! Whom a text mentions: `@name` of members of its room, without regard to case. Across a block nobody mentions anybody.

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::store::{Tx, mentions as store};

/// People that one message can mention.
const MAX_MENTIONS: usize = 50;
/// How long usernames are.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=32;
/// Marks at the end of a name that may as well be the sentence's.
const MAX_MARKS: usize = 3;

/// The members of the room that somebody's text mentions, in its order. A text without `@` costs no statement.
pub(super) async fn named(tx: &mut Tx<'_>, room: RoomId, by: UserId, text: &str) -> Result<Vec<UserId>> {
    let called = called(text);
    if called.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = called.iter().flatten().copied().collect();
    let members = store::members_named(tx, room, by, &names).await?;
    let mut found = Vec::new();
    for readings in called {
        let member = readings.iter().find_map(|name| members.iter().find(|(_, username)| username.eq_ignore_ascii_case(name)));
        if let Some((user, _)) = member.filter(|(user, _)| !found.contains(user)) {
            found.push(*user);
        }
    }
    Ok(found)
}

/// Each `@name` of the text with all that it can mean, the longest first: in "Ask @ann." the dot may end the name or the sentence.
fn called(text: &str) -> Vec<Vec<&str>> {
    let mut called: Vec<Vec<&str>> = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        // The @ of an e-mail address has a name before it.
        if c == '@' && !before.is_some_and(|c: char| c.is_ascii_alphanumeric()) {
            let rest = &text[at + 1..];
            let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
            let readings = readings(name);
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

fn readings(name: &str) -> Vec<&str> {
    let shortest = name.trim_end_matches(is_mark).len();
    let longest = name.len().min(shortest + MAX_MARKS);
    (shortest..=longest).rev().map(|end| &name[..end]).filter(|name| NAME_LENGTH.contains(&name.len())).collect()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_mark(c)
}

/// What names may contain and sentences, too.
fn is_mark(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_name_is_called_by_an_at_sign_before_it() {
        assert_eq!(called("@ann and (@Bob), @c.d_e-f!"), [["ann"], ["Bob"], ["c.d_e-f"]]);
        assert_eq!(called("Ask @ann."), [["ann.", "ann"]]);
        assert_eq!(called("请问@ann吗"), [["ann"]], "some scripts put no blanks between words");
        for text in ["ann", "a@bob.org", "@", "@ ann", "@@", "@..", "@an", &format!("@{}", "x".repeat(33))] {
            assert!(called(text).is_empty(), "{text}");
        }
        assert_eq!(called("@ann @ann"), [["ann"]], "once is enough");
    }

    #[test]
    fn fifty_names_are_the_most() {
        let text = (1000..2000).map(|n| format!("@{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(called(&text).len(), 50);
        assert_eq!(called(&format!("@ann{}", ".".repeat(1000))), [["ann...", "ann..", "ann.", "ann"]]);
    }
}
