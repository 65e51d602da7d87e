//! Which characters show something.

use icu_properties::props::{
    BidiControl, DefaultIgnorableCodePoint, GeneralCategory, PrependedConcatenationMark as PrependedMark, Script,
};
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed};

const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();
const BIDI_CONTROLS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<BidiControl>();
const PREPENDED: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<PrependedMark>();
const CATEGORIES: CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::<GeneralCategory>::new();

const SCRIPTS: CodePointMapDataBorrowed<'static, Script> = CodePointMapData::<Script>::new();

/// Scripts whose words do not touch a name: others have no blanks, or put particles before and after it.
const APART: [Script; 3] = [Script::Latin, Script::Greek, Script::Cyrillic];

/// Letters and symbols whose glyph is empty by design, which no property says: the Braille pattern without dots, the null notehead, blanks between
/// hieroglyphs, the filler of Khitan clusters, and the place of an object that a plain text does not have.
const BLANKS: [char; 6] = ['\u{2800}', '\u{1d159}', '\u{13441}', '\u{13442}', '\u{16fe4}', '\u{fffc}'];

/// Returns whether a character shows nothing by itself and is no blank between words: default ignorable, a direction control or another format control, a
/// control, private, unassigned, or a letter without a glyph.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii_graphic() || c == ' ' {
        return false;
    }
    IGNORABLE.contains(c)
        || BIDI_CONTROLS.contains(c)
        || BLANKS.contains(&c)
        || match CATEGORIES.get(c) {
            GeneralCategory::Unassigned | GeneralCategory::PrivateUse | GeneralCategory::Surrogate | GeneralCategory::Control => {
                true
            }
            // The signs of numbers and verses are drawn.
            GeneralCategory::Format => !PREPENDED.contains(c),
            _ => false,
        }
}

/// Returns whether a character is drawn on the one before it.
pub fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && matches!(
            CATEGORIES.get(c),
            GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
        )
}

/// Returns whether a character next to a name belongs to the same word: a digit, or a letter of a script that keeps names apart from other words.
pub fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c == '_'
        || matches!(c, '\u{300}'..='\u{36f}')
        || !c.is_ascii() && APART.contains(&SCRIPTS.get(c))
}

/// Returns whether a text has nothing to see: blanks, hidden characters, and marks that stand on nothing.
pub fn is_invisible(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_hidden(c) || is_mark(c))
}

/// Returns whether a character is a control, or ends the line. A text of several lines may have line feeds and tabs.
pub fn is_control(c: char, several_lines: bool) -> bool {
    (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) && !(several_lines && matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use icu_properties::props::GeneralCategoryGroup;

    use super::*;

    #[test]
    fn every_character_without_a_glyph_of_its_own_is_invisible() {
        let (mut invisible, mut visible) = (0, 0);
        for c in '\0'..=char::MAX {
            let category = CATEGORIES.get(c);
            let shows_nothing = c.is_whitespace()
                || IGNORABLE.contains(c)
                || BIDI_CONTROLS.contains(c)
                || GeneralCategoryGroup::Mark.contains(category)
                || matches!(category, GeneralCategory::Unassigned | GeneralCategory::PrivateUse | GeneralCategory::Control);
            let text = String::from(c);
            if shows_nothing {
                invisible += 1;
                assert!(is_invisible(&text), "U+{:04X}", u32::from(c));
                assert!(is_invisible(&text.repeat(3)), "U+{:04X} three times", u32::from(c));
            } else if GeneralCategoryGroup::Letter.contains(category) && !BLANKS.contains(&c) {
                visible += 1;
                assert!(!is_invisible(&text), "U+{:04X}", u32::from(c));
            }
        }
        assert!(invisible > 900_000 && visible > 130_000, "{invisible} {visible}");
    }

    #[test]
    fn texts_of_all_scripts_and_emoji_are_visible() {
        for text in [
            "a",
            "0",
            "-",
            "👩\u{200d}💻",
            "می\u{200c}خواهم",
            "❤\u{fe0f}",
            "\u{200b}a",
            "é",
            "e\u{301}",
            "\u{600}",
            "🇩",
            "क्",
            "字",
        ] {
            assert!(!is_invisible(text), "{text:?}");
        }
        for text in
            ["", " \t", "\u{200b}", "\u{ad}", "\u{202e}\u{202c}", "\u{3164}\u{2800}", "\u{feff}", "\u{e0041}", "\u{301}\u{302}"]
        {
            assert!(is_invisible(text), "{text:?}");
        }
    }
}
