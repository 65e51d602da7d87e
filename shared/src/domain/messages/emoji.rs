//! Validation of a single emoji: one grapheme cluster that consists of emoji code points only.

use unicode_properties::UnicodeEmoji;
use unicode_segmentation::UnicodeSegmentation;

use crate::error::{Error, Result};

/// The longest emoji in use (a couple with two skin tones, the flag of Scotland) have ten code points.
const MAX_CODE_POINTS: usize = 16;
/// Variation selector for the colour form of the preceding character.
const EMOJI_PRESENTATION: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const JOINER: char = '\u{200d}';

/// Requires the text to be one emoji.
pub(crate) fn validate(text: &str) -> Result<&str> {
    if is_single_emoji(text) { Ok(text) } else { Err(Error::invalid("emoji", "invalid", "must be one emoji")) }
}

fn is_single_emoji(text: &str) -> bool {
    if text.chars().take(MAX_CODE_POINTS + 1).count() > MAX_CODE_POINTS || text.graphemes(true).count() != 1 {
        return false;
    }
    let code_points: Vec<char> = text.chars().collect();
    match code_points.as_slice() {
        // Digits are emoji only inside a keycap.
        ['0'..='9' | '#' | '*', rest @ ..] => matches!(rest, [KEYCAP] | [EMOJI_PRESENTATION, KEYCAP]),
        [one, other] if is_regional_indicator(*one) => is_regional_indicator(*other),
        [first, rest @ ..] => {
            first.is_emoji_char() && !is_modifier(*first) && rest.iter().all(|next| next.is_emoji_char() || is_modifier(*next))
        }
        [] => false,
    }
}

/// Two regional indicators make a flag.
fn is_regional_indicator(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Modifiers that are no emoji by themselves: joiners, variation selectors, skin tones, flag tags, regional indicators.
fn is_modifier(c: char) -> bool {
    matches!(c, JOINER | EMOJI_PRESENTATION | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}') || is_regional_indicator(c)
}

#[cfg(test)]
mod tests {
    use super::is_single_emoji;

    #[test]
    fn an_emoji_may_have_several_code_points() {
        for text in ["👍", "👍🏽", "❤️", "❤", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇪🇺", "1️⃣", "#️⃣", "👩🏽‍❤️‍💋‍👨🏿", "🫠", "☺", "🏳️‍🌈", "©"]
        {
            assert!(is_single_emoji(text), "{text}");
        }
    }

    #[test]
    fn other_texts_and_several_emoji_are_refused() {
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
            assert!(!is_single_emoji(text), "{text:?}");
        }
        assert!(!is_single_emoji(&"👩‍".repeat(40)));
        assert!(!is_single_emoji(&format!("a{}", "\u{301}".repeat(100_000))));
    }
}
