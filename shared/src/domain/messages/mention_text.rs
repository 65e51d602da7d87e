//! Where a text calls people by `@name`, and which members it means. Not in code (`` `…` `` and fences of three backticks), not in URLs, and not
//! after a letter or digit, as in an e-mail address. The web client follows the same rule (`local/web/app/mention-text.js`); both are held by
//! `shared/tests/it/fixtures/mentions.json`.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use crate::text::visible::is_word;

const NAME_LENGTH: RangeInclusive<usize> = 3..=32;

/// An `@` and the characters after it that names may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call<'a> {
    run: &'a str,
    /// Whether a letter of another alphabet follows, so that the whole run is the beginning of a word.
    goes_on: bool,
}

impl<'a> Call<'a> {
    /// Returns the names that may be meant, longest first: the run, and what ends before or after one of its marks.
    pub(super) fn names(self) -> impl Iterator<Item = &'a str> {
        let Self { run, goes_on } = self;
        let bytes = run.as_bytes();
        let ends = move |end: &usize| match bytes.get(*end) {
            None => !goes_on || is_mark(bytes[*end - 1]),
            Some(next) => is_mark(*next) || is_mark(bytes[*end - 1]),
        };
        let longest = run.len().min(*NAME_LENGTH.end());
        (*NAME_LENGTH.start()..=longest).rev().filter(ends).map(|end| &run[..end])
    }

    /// Returns the called member: the longest name, but one that ends in a mark only if no member has the name without it.
    /// Earlier releases took such names.
    pub(super) fn member<M>(self, find: impl Fn(&str) -> Option<M>) -> Option<M> {
        let (name, member) = self.names().find_map(|name| find(name).map(|member| (name, member)))?;
        let plain = name.trim_end_matches(['.', '_', '-']);
        Some(if plain.len() == name.len() { member } else { find(plain).unwrap_or(member) })
    }
}

/// Returns the calls in a text in their order, each once.
pub(super) fn calls(text: &str) -> Vec<Call<'_>> {
    let mut calls = Vec::new();
    if !text.contains(['@', '＠']) {
        return calls;
    }
    let mut code = code(text).into_iter().peekable();
    let mut seen = BTreeSet::new();
    let mut token = Token::default();
    let mut before = None;
    for (at, c) in text.char_indices() {
        token.read(text, at, c);
        while code.next_if(|code| code.end <= at).is_some() {}
        let is_code = code.peek().is_some_and(|code| code.contains(&at));
        if matches!(c, '@' | '＠') && !is_code && !token.is_url && !before.is_some_and(is_word) {
            let rest = &text[at + c.len_utf8()..];
            let run = &rest[..rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || is_mark(*byte)).count()];
            let goes_on = rest[run.len()..].starts_with(is_word);
            let call = Call { run, goes_on };
            if seen.insert(call) {
                calls.push(call);
            }
        }
        before = Some(c);
    }
    calls
}

/// A mark that names may have inside.
fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'-')
}

/// What is known of the text since the last blank.
#[derive(Default)]
struct Token {
    start: usize,
    has_slash: bool,
    is_url: bool,
}

impl Token {
    fn read(&mut self, text: &str, at: usize, c: char) {
        if c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'') {
            *self = Self { start: at + c.len_utf8(), ..Self::default() };
        } else if c == '/' {
            let before = &text[self.start..at];
            self.is_url |= before.ends_with(':') && text[at..].starts_with("//") || !self.has_slash && is_host(before);
            self.has_slash = true;
        }
    }
}

/// Returns whether a text is a host, as in `example.com/@ann`.
fn is_host(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_ascii_punctuation() && c != '@');
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    name.contains('.') && name.split('.').all(is_label) && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the ranges of code, ascending: fences, which end with the text at the latest, and runs of backticks up to the next of the same length.
fn code(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if !text.contains('`') {
        return found;
    }
    let (mut at, mut plain) = (0, 0);
    let mut open: Option<(usize, usize)> = None;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        match (open, fence(line)) {
            (None, Some((ticks, info))) if !info.contains('`') => {
                inline_code(text, plain..at, &mut found);
                open = Some((at, ticks));
            }
            (Some((start, ticks)), Some((closing, info))) if closing >= ticks && info.trim().is_empty() => {
                found.push(start..end);
                (open, plain) = (None, end);
            }
            _ => {}
        }
        at = end;
    }
    match open {
        Some((start, _)) => found.push(start..text.len()),
        None => inline_code(text, plain..text.len(), &mut found),
    }
    found
}

/// Returns how many backticks begin a line, three or more, and what follows them.
fn fence(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches(' ');
    let info = text.trim_start_matches('`');
    let ticks = text.len() - info.len();
    (line.len() - text.len() <= 3 && ticks >= 3).then_some((ticks, info))
}

fn inline_code(text: &str, within: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, byte) in text.bytes().enumerate().take(within.end).skip(within.start) {
        match runs.last_mut() {
            _ if byte != b'`' => {}
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    let mut at = 0;
    while let Some(run) = runs.get(at) {
        match runs[at + 1..].iter().position(|next| next.len() == run.len()) {
            Some(more) => {
                found.push(run.start..runs[at + 1 + more].end);
                at += more + 2;
            }
            None => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        members: Vec<String>,
        text: String,
        mentions: Vec<String>,
    }

    #[test]
    fn the_table_that_the_web_client_shares_holds() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/it/fixtures/mentions.json")).unwrap_or_default();
        assert!(cases.len() > 50, "{}", cases.len());
        for Case { members, text, mentions } in cases {
            let find = |name: &str| members.iter().find(|member| member.eq_ignore_ascii_case(name));
            let mut found: Vec<&String> = Vec::new();
            for member in calls(&text).into_iter().filter_map(|call| call.member(find)) {
                if !found.contains(&member) {
                    found.push(member);
                }
            }
            assert_eq!(found, mentions.iter().collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn long_texts_take_no_longer_than_their_length() {
        let begun = std::time::Instant::now();
        for part in ["@", "`", "``` ", "@a_b", "/@x", "a.b/@ann", "```\n", "@ann", "`` ` ", "https://"] {
            let count: usize = calls(&part.repeat(16_000 / part.len())).into_iter().map(|call| call.names().count()).sum();
            assert!(count <= 30, "{part}: {count}");
        }
        let runs = (1..170).map(|length| "`".repeat(length)).collect::<Vec<_>>().join(" ");
        assert!(calls(&format!("{runs} @ann")).len() == 1);
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
