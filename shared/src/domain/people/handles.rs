//! Usernames as people type and paste them: with an `@`, with blanks around.

/// Returns the username that a text names.
pub(in crate::domain) fn username_of(text: &str) -> &str {
    text.trim_matches(is_blank).trim_start_matches(|c| matches!(c, '@' | '＠') || is_blank(c))
}

/// White space and characters that show nothing, which pasted text brings along.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::username_of;

    #[test]
    fn a_username_is_read_in_every_wrapping() {
        for text in ["ann", "@ann", " ann", "ann ", "\u{a0}@ann\n", "＠ann", "@ ann", "\u{2068}@ann\u{2069}", "@@ann"] {
            assert_eq!(username_of(text), "ann", "{text:?}");
        }
        for (text, expected) in [("", ""), ("@", ""), ("a@b", "a@b"), ("ann b", "ann b")] {
            assert_eq!(username_of(text), expected);
        }
    }
}
