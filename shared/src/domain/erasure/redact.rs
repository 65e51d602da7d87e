//! Redaction of a name in texts: whole words of system messages, and `@name` in users' messages.

use crate::store::erasure::DELETED_USER;

/// Maximum bytes of the text column.
const MAX_BYTES: usize = 65_535;

/// Redacts a system message: the leading name if the user was the actor, otherwise every whole word that equals the name.
pub(super) fn system_message(text: &str, name: &str, theirs: bool) -> String {
    if theirs {
        return text.strip_prefix(name).map_or_else(|| text.to_owned(), |rest| format!("{DELETED_USER}{rest}"));
    }
    let mut line = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        line.push_str(if &rest[..word] == name { DELETED_USER } else { &rest[..word] });
        let gap = rest[word..].find(is_name).map_or(rest.len(), |gap| word + gap);
        line.push_str(&rest[word..gap]);
        rest = &rest[gap..];
    }
    truncate_to_column(line)
}

/// Redacts mentions of the name, ignoring case. Punctuation may follow the name; two marks beside each other are not inside a name.
pub(super) fn mentions(text: &str, name: &str) -> String {
    redacted(text, name, ends_name)
}

/// The same in a text that does mention the user, also where the next sentence follows without a blank: `@ann.Can you`. If that is nowhere, the mention
/// is one with any word right behind the mark.
pub(super) fn known_mentions(text: &str, name: &str) -> String {
    let plain = redacted(text, name, |tail| ends_name(tail) || begins_sentence(tail));
    if plain == text { redacted(text, name, |tail| tail.starts_with(is_mark)) } else { plain }
}

/// Returns whether what follows a name is punctuation.
fn ends_name(tail: &str) -> bool {
    tail.chars().all(is_mark) || tail.chars().take(2).filter(|c| is_mark(*c)).count() == 2
}

fn begins_sentence(tail: &str) -> bool {
    tail.strip_prefix('.').is_some_and(|next| next.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Redacts the name after each `@` where what follows it, up to the end of the characters of names, is not a part of the name.
fn redacted(text: &str, name: &str, ends: impl Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['@', '＠']) {
        kept.push_str(&rest[..at]);
        // The @ of an e-mail address follows a letter or digit.
        let address = kept.chars().next_back().is_some_and(|before| before.is_ascii_alphanumeric());
        let sign = if rest[at..].starts_with('@') { '@' } else { '＠' };
        rest = &rest[at + sign.len_utf8()..];
        kept.push(sign);
        let called = rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if called && !address {
            let after = &rest[name.len()..];
            let tail = &after[..after.find(|c| !is_name(c)).unwrap_or(after.len())];
            if ends(tail) {
                kept.push_str(DELETED_USER);
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    truncate_to_column(kept)
}

/// The replacement may be longer than the name, so the text may outgrow its column.
fn truncate_to_column(mut text: String) -> String {
    if text.len() > MAX_BYTES {
        let end = (0..=MAX_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
    }
    text
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_mark(c)
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_message_loses_the_name_and_nothing_else() {
        for (text, theirs, expected) in [
            ("ann joined", true, "deleted user joined"),
            ("ann named the room ann", true, "deleted user named the room ann"),
            ("bob added ann, anna and joann", false, "bob added deleted user, anna and joann"),
            ("bob removed ann", false, "bob removed deleted user"),
            ("bob added a.ann, ann.b", false, "bob added a.ann, ann.b"),
            ("", false, ""),
        ] {
            assert_eq!(system_message(text, "ann", theirs), expected);
        }
    }

    #[test]
    fn a_text_loses_the_mentions_and_nothing_else() {
        for (text, expected) in [
            ("@ann, look", "@deleted user, look"),
            ("Ask @Ann. Or @ANN", "Ask @deleted user. Or @deleted user"),
            ("@anna @ann-b x@ann.de ann", "@anna @ann-b x@ann.de ann"),
            ("@@ann @", "@@deleted user @"),
            ("＠ann", "＠deleted user"),
            ("@ann--look", "@deleted user--look"),
            ("@ann.Can you", "@ann.Can you"),
            ("@ännchen @an", "@ännchen @an"),
            ("", ""),
        ] {
            assert_eq!(mentions(text, "ann"), expected);
        }
        assert_eq!(known_mentions("@ann.Can you", "ann"), "@deleted user.Can you");
        for (text, expected) in [
            ("@ann and @ann-b", "@deleted user and @ann-b"),
            ("@ann, hi. @Ann.Can you? @ann.b", "@deleted user, hi. @deleted user.Can you? @ann.b"),
            ("@ann.Can @ann.Will you", "@deleted user.Can @deleted user.Will you"),
            ("@ann-look", "@deleted user-look"),
            ("x@ann.Can @ann", "x@ann.Can @deleted user"),
        ] {
            assert_eq!(known_mentions(text, "ann"), expected);
        }
        let long = mentions(&"@ann ü".repeat(8000), "ann");
        assert!(long.len() <= MAX_BYTES && !long.contains("@ann "), "{}", long.len());
    }
}
