//! What people see of a text: whether there is anything, and whether something in it misleads them.

/// Turns the text around it about, breaks its line or is not there: so one name passes for another. The marks and joiners that Arabic, Persian
/// and emoji need stay.
pub(super) fn misleads(c: char) -> bool {
    matches!(
        c,
        '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{180e}'
    )
}

/// Whether a text of one line, or of several, holds what is not for people's eyes.
pub(super) fn misuses(text: &str, lines: bool) -> bool {
    text.chars().any(|c| misleads(c) || c.is_control() && !(lines && matches!(c, '\n' | '\t')))
}

/// Whether nothing of it is to be seen.
pub(super) fn shows_nothing(text: &str) -> bool {
    text.chars().all(|c| is_blank(c) || misleads(c) || c.is_control())
}

/// Shows nothing by itself.
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
    fn what_cannot_be_seen_is_told_from_what_helps_to_see() {
        for text in ["", " \t", "\u{200b}", "\u{ad}", "\u{202e}\u{202c}", "\u{3164}\u{2800}", "\u{feff}"] {
            assert!(shows_nothing(text), "{text:?}");
        }
        for text in ["a", "👩\u{200d}💻", "می\u{200c}خواهم", "❤\u{fe0f}", "\u{200b}a"] {
            assert!(!shows_nothing(text), "{text:?}");
        }
        assert!(misuses("a\u{202e}b", true) && misuses("a\u{7}", true) && misuses("a\nb", false));
        assert!(!misuses("a\nb\tc 👩\u{200d}💻", true) && !misuses("می\u{200c}خواهم", false));
    }
}
