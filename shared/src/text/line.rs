//! Names, topics and other short texts as they are stored: composed, and without what does not show.
//!
//! Kept of what shows nothing by itself: joiners between letters of scripts that use them and between emoji, selectors that change how an emoji, a
//! Han or a Mongolian letter looks, and the tags of flags. So two names that look the same because something is hidden in one are one name.

use icu_properties::props::Script;
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed};
use unicode_normalization::char::canonical_combining_class;

use super::emoji;
use super::visible::{is_hidden, is_mark};

/// Most marks on one letter. Stacks of Tibetan have eight; Hebrew with cantillation has five, Vietnamese and Thai two.
const MAX_MARKS: usize = 8;
/// How far to look behind a hidden character for what shows. Without an end, a text of hidden characters alone takes the square of its length.
const LOOK_AHEAD: usize = 8;
const NON_JOINER: char = '\u{200c}';
/// The combining class of viramas.
const VIRAMA: u8 = 9;
const BLACK_FLAG: char = '🏴';

const SCRIPTS: CodePointMapDataBorrowed<'static, Script> = CodePointMapData::<Script>::new();

/// Scripts whose letters join or stack, which joiners control.
const JOINING: [Script; 30] = [
    Script::Adlam,
    Script::Arabic,
    Script::Balinese,
    Script::Bengali,
    Script::Chakma,
    Script::Devanagari,
    Script::Grantha,
    Script::Gujarati,
    Script::Gurmukhi,
    Script::HanifiRohingya,
    Script::Javanese,
    Script::Kannada,
    Script::Khmer,
    Script::Malayalam,
    Script::Mandaic,
    Script::Manichaean,
    Script::MeeteiMayek,
    Script::Mongolian,
    Script::Myanmar,
    Script::Newa,
    Script::Nko,
    Script::Oriya,
    Script::PhagsPa,
    Script::Sharada,
    Script::Sinhala,
    Script::Syriac,
    Script::Tamil,
    Script::Telugu,
    Script::Tibetan,
    Script::Tirhuta,
];

/// Returns a text as it is stored, without blanks at its ends. Controls stay: whether they are allowed is another question.
pub fn cleaned(text: &str) -> String {
    let chars: Vec<char> = super::composed(text).chars().collect();
    let mut kept = Kept::default();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        let rest = &chars[at + 1..];
        let tags = if c == BLACK_FLAG { flag_tags(rest) } else { &[] };
        kept.add(c, rest);
        kept.text.extend(tags);
        at += 1 + tags.len();
    }
    super::composed(&kept.text).trim().to_owned()
}

/// The tags that make a region's flag of a black one.
fn flag_tags(rest: &[char]) -> &[char] {
    let tags = &rest[..rest.iter().take_while(|c| matches!(c, '\u{e0020}'..='\u{e007f}')).count()];
    let flag: String = std::iter::once(BLACK_FLAG).chain(tags.iter().copied()).take(16).collect();
    if emoji::canonical(&flag).is_some_and(|known| known.chars().count() == tags.len() + 1) { tags } else { &[] }
}

/// What is kept so far.
#[derive(Default)]
struct Kept {
    text: String,
    /// The letter that marks stand on.
    base: Option<char>,
    marks: usize,
}

impl Kept {
    fn add(&mut self, c: char, rest: &[char]) {
        if is_mark(c) && !is_hidden(c) {
            if self.base.is_some() && self.marks < MAX_MARKS {
                self.marks += 1;
                self.text.push(c);
            }
        } else if c.is_control() || !is_hidden(c) || self.needs(c, rest) {
            if !is_hidden(c) {
                self.base = (!c.is_whitespace()).then_some(c);
                self.marks = 0;
            } else if c.is_control() {
                self.base = None;
            }
            self.text.push(c);
        }
    }

    /// Returns whether the text reads or looks otherwise without this hidden character.
    fn needs(&self, c: char, rest: &[char]) -> bool {
        let Some((last, base)) = self.text.chars().next_back().zip(self.base) else { return false };
        if last == c {
            return false;
        }
        let next = rest.iter().copied().take(LOOK_AHEAD).find(|next| !is_hidden(*next));
        let script = SCRIPTS.get(base);
        match c {
            emoji::COLOUR_SELECTOR | emoji::TEXT_SELECTOR => emoji::selects(c, last, next),
            emoji::JOINER if next.is_some_and(|next| emoji::joins(last, next)) => true,
            emoji::JOINER | NON_JOINER => {
                let joins = |next| SCRIPTS.get(next) == script && last != emoji::JOINER && last != NON_JOINER;
                JOINING.contains(&script) && (canonical_combining_class(last) == VIRAMA || next.is_some_and(joins))
            }
            '\u{180b}'..='\u{180f}' => SCRIPTS.get(last) == Script::Mongolian,
            '\u{e0100}'..='\u{e01ef}' => SCRIPTS.get(last) == Script::Han,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::visible::is_invisible;

    #[test]
    fn what_does_not_show_is_removed_from_a_name() {
        let mut removed = 0;
        for c in ('\0'..=char::MAX).filter(|c| is_hidden(*c) && !c.is_control()) {
            removed += 1;
            assert_eq!(cleaned(&format!("{c}A{c}n{c}{c}n{c}")), "Ann", "U+{:04X}", u32::from(c));
        }
        assert!(removed > 900_000, "{removed}");
    }

    #[test]
    fn marks_need_a_letter_and_are_eight_at_most() {
        for c in ('\0'..=char::MAX).filter(|c| is_mark(*c)) {
            assert_eq!(cleaned(&format!("{c}Ann {c}")), "Ann", "U+{:04X}", u32::from(c));
        }
        let tower = cleaned(&format!("q{}", "\u{307}".repeat(1_000_000)));
        assert_eq!(tower.chars().count(), 1 + MAX_MARKS);
        let mixed = cleaned(&format!("q{}", "\u{307}\u{200d}".repeat(100)));
        assert!(mixed.chars().count() <= 1 + MAX_MARKS, "{mixed:?}");
    }

    #[test]
    fn what_a_script_or_an_emoji_needs_stays() {
        for text in [
            "Änne Ø",
            "山田太郎",
            "葛\u{e0100}飾",
            "می\u{200c}خواهم",
            "श्र\u{941}ति",
            "ක\u{dca}\u{200d}ෂ",
            "ന\u{d4d}\u{200d}",
            "র\u{200d}\u{9cd}য",
            "ᠮᠣᠩᠭᠣᠯ\u{180b}",
            "Nguyễn Thị Minh",
            "שָׁל֑וֹם",
            "ཧྐྵྨླྺྼྻྂ",
            "น้ำผึ้ง",
            "👩\u{200d}👩\u{200d}👧 family",
            "❤\u{fe0f}",
            "🏳\u{fe0f}\u{200d}🌈",
            "👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏿",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "🇪🇺",
            "©",
        ] {
            assert_eq!(cleaned(text), super::super::composed(text), "{text:?}");
        }
    }

    #[test]
    fn a_cleaned_text_is_clean_and_names_that_look_the_same_are_equal() {
        for (text, name) in [
            ("  Ann  ", "Ann"),
            ("A\u{ad}nn", "Ann"),
            ("Ann\u{2800}", "Ann"),
            ("A\u{16fe4}nn\u{16fe4}", "Ann"),
            ("Ann\u{e0101}", "Ann"),
            ("Ann\u{200e}", "Ann"),
            ("\u{202e}Ann", "Ann"),
            ("\u{2068}Ann\u{2069}", "Ann"),
            ("An\u{200d}n", "Ann"),
            ("😀\u{fe0f}", "😀"),
            ("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f}"),
            ("1\u{fe0f}", "1"),
            ("👍\u{200d}", "👍"),
            ("🏴\u{e0067}\u{e007f}", "🏴"),
            ("A\u{308}nne", "Änne"),
            ("e\u{34f}\u{301}", "é"),
        ] {
            assert_eq!(cleaned(text), name, "{text:?}");
            assert_eq!(cleaned(name), name);
        }
        assert_eq!(cleaned("two\nlines\tand"), "two\nlines\tand");
        assert!(is_invisible(&cleaned("\u{200b}\u{301}")));
    }

    #[test]
    fn long_texts_take_no_longer_than_their_length() {
        let begun = std::time::Instant::now();
        for text in ["\u{200d}", "a\u{301}", "👩\u{200d}", "🏴\u{e0067}", "\u{202e}", "می\u{200c}"] {
            cleaned(&text.repeat(20_000));
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    }

    #[test]
    fn a_text_of_hidden_characters_alone_takes_no_longer_than_its_length() {
        let begun = std::time::Instant::now();
        for base in ["a", "م", "👩", "🏴", ""] {
            for hidden in ["\u{ad}", "\u{200d}", "\u{200c}\u{200d}", "\u{fe0f}", "\u{e0067}", "\u{180b}", "\u{2800}"] {
                assert!(cleaned(&format!("{base}{}", hidden.repeat(130_000))).chars().count() <= 2, "{base} {hidden:?}");
            }
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
