//! Checks of display text: visible contents and deceptive characters.

/// Reorders the surrounding text, breaks its line or is invisible, so that names can be spoofed. Marks and joiners that Arabic, Persian and emoji
/// need are allowed.
pub(crate) fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{180e}'
    )
}

/// Returns whether a text of one line, or of several, has control or deceptive characters.
pub(crate) fn has_unsafe_characters(text: &str, lines: bool) -> bool {
    text.chars().any(|c| is_deceptive(c) || c.is_control() && !(lines && matches!(c, '\n' | '\t')))
}

/// Returns whether a text has no visible character.
pub(crate) fn is_invisible(text: &str) -> bool {
    text.chars().all(|c| is_blank(c) || is_deceptive(c) || c.is_control())
}

fn is_blank(c: char) -> bool {
    let fillers = ['\u{ad}', '\u{34f}', '\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];
    c.is_whitespace()
        || fillers.contains(&c)
        || matches!(c, '\u{200c}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_distinguished_from_needed_joiners() {
        for text in ["", " \t", "\u{200b}", "\u{ad}", "\u{202e}\u{202c}", "\u{3164}\u{2800}", "\u{feff}"] {
            assert!(is_invisible(text), "{text:?}");
        }
        for text in ["a", "👩\u{200d}💻", "می\u{200c}خواهم", "❤\u{fe0f}", "\u{200b}a"] {
            assert!(!is_invisible(text), "{text:?}");
        }
        assert!(
            has_unsafe_characters("a\u{202e}b", true)
                && has_unsafe_characters("a\u{7}", true)
                && has_unsafe_characters("a\nb", false)
        );
        assert!(!has_unsafe_characters("a\nb\tc 👩\u{200d}💻", true) && !has_unsafe_characters("می\u{200c}خواهم", false));
    }
}
