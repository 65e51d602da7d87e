//! What is one emoji: one character as a person sees it, made of nothing but what emoji are made of.

use unicode_properties::UnicodeEmoji;
use unicode_segmentation::UnicodeSegmentation;

use crate::error::{Error, Result};

/// The longest emoji that are in use (a kissing couple of two skin tones, the flag of Scotland) have ten code points.
const MAX_CODE_POINTS: usize = 16;
/// Asks for the colourful form of the character before it.
const EMOJI_PRESENTATION: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const JOINER: char = '\u{200d}';

/// The text, if it is one emoji.
pub(super) fn one(text: &str) -> Result<&str> {
    if is_one(text) { Ok(text) } else { Err(Error::invalid("emoji", "invalid", "must be one emoji")) }
}

fn is_one(text: &str) -> bool {
    if text.chars().take(MAX_CODE_POINTS + 1).count() > MAX_CODE_POINTS || text.graphemes(true).count() != 1 {
        return false;
    }
    let code_points: Vec<char> = text.chars().collect();
    match code_points.as_slice() {
        // Digits are part of emoji only inside a keycap.
        ['0'..='9' | '#' | '*', rest @ ..] => matches!(rest, [KEYCAP] | [EMOJI_PRESENTATION, KEYCAP]),
        [one, other] if is_regional(*one) => is_regional(*other),
        [first, rest @ ..] => {
            first.is_emoji_char() && !is_part(*first) && rest.iter().all(|next| next.is_emoji_char() || is_part(*next))
        }
        [] => false,
    }
}

/// Two of them make a flag.
fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// What is part of an emoji and none by itself: joiners, forms, skin tones, the tags of flags, single regional letters.
fn is_part(c: char) -> bool {
    matches!(c, JOINER | EMOJI_PRESENTATION | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}') || is_regional(c)
}

#[cfg(test)]
mod tests {
    use super::is_one;

    #[test]
    fn one_emoji_is_one_however_many_code_points_it_has() {
        for text in ["👍", "👍🏽", "❤️", "❤", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇪🇺", "1️⃣", "#️⃣", "👩🏽‍❤️‍💋‍👨🏿", "🫠", "☺", "🏳️‍🌈", "©"]
        {
            assert!(is_one(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_emoji_or_more_than_one_is_refused() {
        for text in [
            "",
            "a",
            "1",
            "#",
            "👍👍",
            "👍a",
            "a👍",
            " 👍",
            "👍 ",
            ":)",
            "ab",
            "é",
            "e\u{301}",
            "👍\u{301}",
            "🇪",
            "🏽",
            "\u{200d}",
            "\u{fe0f}",
            "字",
            "\0",
        ] {
            assert!(!is_one(text), "{text:?}");
        }
        assert!(!is_one(&"👩‍".repeat(40)));
        assert!(!is_one(&format!("a{}", "\u{301}".repeat(100_000))));
    }
}
