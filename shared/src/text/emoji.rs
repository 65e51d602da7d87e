//! One spelling for each emoji: the sequences that Unicode recommends for general interchange (RGI), fully qualified. What differs only in the
//! selector of the colour form (U+FE0F) is one emoji; skin tones differ.

use std::borrow::Cow;

use icu_properties::props::{Emoji, EmojiModifier, EmojiPresentation, ExtendedPictographic, RegionalIndicator};
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

/// Variation selector for the colour form of the preceding character.
pub const COLOUR_SELECTOR: char = '\u{fe0f}';
/// Variation selector for the form of text.
pub(super) const TEXT_SELECTOR: char = '\u{fe0e}';
pub(super) const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';
/// The longest emoji has ten code points of four bytes.
const MAX_BYTES: usize = 64;

const EMOJI: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<Emoji>();
const COLOURED: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<EmojiPresentation>();
const SKIN_TONES: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<EmojiModifier>();
const PICTOGRAPHS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<ExtendedPictographic>();
const REGIONAL: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<RegionalIndicator>();

/// Returns the one spelling of an emoji, or none if the text is not exactly one.
pub fn canonical(text: &str) -> Option<&'static str> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut before = None;
    for c in text.chars() {
        if c == COLOUR_SELECTOR && !before.is_some_and(takes_selector) {
            return None;
        }
        before = Some(c);
    }
    find(text)
}

/// Returns the spelling in which a stored emoji is shown. Earlier releases stored it as typed, and took some that are none; these have their bare form.
pub fn shown(stored: &str) -> Cow<'_, str> {
    find(stored).map_or_else(|| Cow::Owned(bare(stored)), Cow::Borrowed)
}

/// The text without selectors of the colour form, which all spellings of an emoji have in common.
pub fn bare(text: &str) -> String {
    text.chars().filter(|c| *c != COLOUR_SELECTOR).collect()
}

/// Looks the fully-qualified spelling up. The crate's own look-up of other spellings gives some couples another skin tone.
fn find(text: &str) -> Option<&'static str> {
    let qualified = qualified(text);
    emojis::get(&qualified).map(emojis::Emoji::as_str).filter(|emoji| *emoji == qualified)
}

/// Returns the text with the selector wherever it makes a difference, and nowhere else.
fn qualified(text: &str) -> String {
    let mut chars = text.chars().filter(|c| *c != COLOUR_SELECTOR).peekable();
    let mut qualified = String::with_capacity(text.len() + 8);
    while let Some(c) = chars.next() {
        qualified.push(c);
        if selects(COLOUR_SELECTOR, c, chars.peek().copied()) {
            qualified.push(COLOUR_SELECTOR);
        }
    }
    qualified
}

/// Returns whether the selector may follow; after half a flag it would part the halves.
fn takes_selector(c: char) -> bool {
    EMOJI.contains(c) && !REGIONAL.contains(c)
}

/// Returns whether a selector changes how the character before it looks, so that it is not merely an invisible difference.
pub(super) fn selects(selector: char, before: char, next: Option<char>) -> bool {
    match selector {
        _ if before.is_ascii() => selector == COLOUR_SELECTOR && EMOJI.contains(before) && next == Some(KEYCAP),
        COLOUR_SELECTOR => {
            EMOJI.contains(before) && !COLOURED.contains(before) && !next.is_some_and(|next| SKIN_TONES.contains(next))
        }
        TEXT_SELECTOR => COLOURED.contains(before),
        _ => false,
    }
}

/// Returns whether a joiner between two characters joins emoji.
pub(super) fn joins(before: char, next: char) -> bool {
    let ends = PICTOGRAPHS.contains(before) || SKIN_TONES.contains(before) || before == COLOUR_SELECTOR;
    ends && !next.is_ascii() && PICTOGRAPHS.contains(next)
}

#[cfg(test)]
mod tests {
    use unicode_segmentation::UnicodeSegmentation as _;

    use super::*;

    #[test]
    fn every_emoji_has_one_spelling_with_and_without_selectors() {
        let mut count = 0;
        for emoji in emojis::iter().chain(emojis::iter().flat_map(|emoji| emoji.skin_tones().into_iter().flatten())) {
            let emoji = emoji.as_str();
            count += 1;
            assert_eq!(canonical(emoji), Some(emoji));
            assert_eq!(canonical(&bare(emoji)), Some(emoji), "{emoji} without its selectors");
            assert_eq!(emoji.graphemes(true).count(), 1, "{emoji}");
            let all: String = emoji
                .chars()
                .filter(|c| *c != COLOUR_SELECTOR)
                .flat_map(|c| [Some(c), takes_selector(c).then_some(COLOUR_SELECTOR)])
                .flatten()
                .collect();
            assert_eq!(canonical(&all), Some(emoji), "{emoji} with every selector");
            assert_eq!(shown(&format!("{emoji}{COLOUR_SELECTOR}{COLOUR_SELECTOR}")), emoji);
            for junk in ["\u{fe0f}\u{fe0f}", "\u{200d}", "\u{fe0e}", "\u{e0067}", "\u{e007f}", "\u{301}", " ", "a", "🏽🏽", "👍"]
            {
                assert_eq!(canonical(&format!("{emoji}{junk}")), None, "{emoji} and {junk:?}");
                assert_eq!(canonical(&format!("{junk}{emoji}")), None, "{junk:?} and {emoji}");
            }
        }
        assert!(count > 3900, "{count}");
    }

    #[test]
    fn spellings_of_one_emoji_are_equal_and_skin_tones_differ() {
        for (typed, emoji) in [
            ("👍", "👍"),
            ("👍\u{fe0f}", "👍"),
            ("👍🏽", "👍🏽"),
            ("❤", "❤\u{fe0f}"),
            ("☺", "☺\u{fe0f}"),
            ("©", "©\u{fe0f}"),
            ("1\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("👁\u{200d}🗨", "👁\u{fe0f}\u{200d}🗨\u{fe0f}"),
            ("🏳\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
            ("👩🏽\u{200d}❤\u{200d}💋\u{200d}👨🏿", "👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏿"),
            ("🇪🇺", "🇪🇺"),
            (
                "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
                "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            ),
        ] {
            assert_eq!(canonical(typed), Some(emoji), "{typed}");
        }
    }

    #[test]
    fn other_texts_are_no_emoji() {
        let many = "👩\u{200d}".repeat(40);
        let marked = format!("a{}", "\u{301}".repeat(100_000));
        for text in [
            "",
            "a",
            "1",
            "#",
            "*",
            "👍👍",
            ":)",
            "é",
            "🇪",
            "🇦🇦",
            "🏽",
            "🦰",
            "\u{200d}",
            "\u{fe0f}",
            "字",
            "\0",
            "😀🏽",
            "👍🏽🏾",
            "🇩\u{fe0f}🇪",
            "❤\u{fe0f}\u{fe0f}",
            "❤\u{fe0e}",
            "1\u{fe0f}",
            "👍\u{e0067}\u{e007f}",
            "🏴\u{e0067}\u{e007f}",
            "😀\u{200d}😀",
            &many,
            &marked,
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
        for (stored, expected) in
            [("😀🏽", "😀🏽"), ("❤\u{fe0e}", "❤\u{fe0e}"), ("👍👍\u{fe0f}", "👍👍"), ("❤❤", "❤❤"), ("❤\u{fe0f}❤\u{fe0f}", "❤❤")]
        {
            assert_eq!(shown(stored), expected, "{stored:?}");
            assert_eq!(shown(&bare(stored)), expected, "{stored:?} in another spelling");
        }
    }
}
