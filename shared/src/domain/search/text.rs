//! Text as search compares it: no case, accents, width, punctuation or invisible characters. Each piece knows where in the original it stood.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_properties::UnicodeEmoji;
use unicode_segmentation::UnicodeSegmentation;

/// A text in its plain form: what parts words is one blank, and there is none at either end.
#[derive(Debug, Default)]
pub(super) struct Plain {
    text: String,
    pieces: Vec<Piece>,
}

/// Where a run of the plain form begins, in bytes, and which characters of the original it stands for.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: usize,
    from: u32,
    to: u32,
}

/// How a character takes part in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Parts words.
    Gap,
    /// Part of a word of a script that puts blanks between words.
    Word,
    /// Of a script that does not, or an emoji: whatever stands beside it, it can be looked for alone. Korean has blanks, but writes endings onto
    /// its words.
    Dense,
}

impl Plain {
    /// The plain form of a text. Equal texts have equal ones, however their accents, widths and capitals were typed.
    pub(super) fn of(text: &str) -> Self {
        let mut plain = Self { text: String::with_capacity(text.len()), pieces: Vec::with_capacity(text.len()) };
        let mut at = 0;
        if text.is_ascii() {
            for c in text.chars() {
                plain.push(c.to_ascii_lowercase(), (at, at + 1));
                at += 1;
            }
        } else {
            for cluster in text.graphemes(true) {
                let end = at + u32::try_from(cluster.chars().count()).unwrap_or(u32::MAX);
                for c in cluster.nfkd().filter(|c| !is_dropped(*c)).nfc() {
                    // Up and down again is nearly all of Unicode's case folding: ß becomes ss, a final sigma a plain one.
                    for c in c.to_uppercase().flat_map(char::to_lowercase).filter(|c| !is_dropped(*c)) {
                        plain.push(spelled(c), (at, end));
                    }
                }
                at = end;
            }
        }
        if plain.text.ends_with(' ') {
            plain.text.pop();
            plain.pieces.pop();
        }
        plain
    }

    /// The plain form itself.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The characters of the original that a range of bytes of the plain form stands for.
    pub(super) fn original(&self, from: usize, to: usize) -> (u32, u32) {
        let piece =
            |at: usize| self.pieces.partition_point(|piece| piece.at <= at).checked_sub(1).map(|index| self.pieces[index]);
        let first = piece(from).map_or(0, |piece| piece.from);
        (first, piece(to.saturating_sub(1)).map_or(first, |piece| piece.to))
    }

    fn push(&mut self, c: char, (from, to): (u32, u32)) {
        let c = if class(c) == Class::Gap { ' ' } else { c };
        if c == ' ' && (self.text.is_empty() || self.text.ends_with(' ')) {
            return;
        }
        self.pieces.push(Piece { at: self.text.len(), from, to });
        self.text.push(c);
    }
}

/// How a character of a plain text takes part in words.
pub(super) fn class(c: char) -> Class {
    match c {
        'a'..='z' | '0'..='9' | 'A'..='Z' => Class::Word,
        '\0'..='\u{7f}' => Class::Gap,
        _ if !(c.is_alphanumeric() || is_combining_mark(c)) => {
            if c.is_emoji_char() {
                Class::Dense
            } else {
                Class::Gap
            }
        }
        _ if is_unspaced(c) => Class::Dense,
        _ => Class::Word,
    }
}

/// Whether words of this script carry articles and prepositions in front, so that a short word must be found inside.
pub(super) fn has_prefixes(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}')
}

fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{109f}'         // Thai, Lao, Tibetan, Myanmar
        | '\u{1100}'..='\u{11ff}'      // Hangul's letters
        | '\u{1780}'..='\u{17ff}'      // Khmer
        | '\u{1950}'..='\u{19ff}' | '\u{1a20}'..='\u{1aaf}' | '\u{1b00}'..='\u{1b7f}' // Tai Le, New Tai Lue, Tai Tham, Balinese
        | '\u{2e80}'..='\u{a4cf}'      // kana, Bopomofo, Han, Yi
        | '\u{a980}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' // Javanese, more Myanmar
        | '\u{ac00}'..='\u{d7ff}'      // Hangul
        | '\u{f900}'..='\u{faff}'      // Han of older standards
        | '\u{20000}'..='\u{3ffff}'    // more Han
    )
}

/// Accents and vowel points that people leave out, and what cannot be seen. Vowel signs of Indian and Thai script are letters and stay.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}'
    )
}

/// One spelling for Arabic letters that keyboards of different countries write differently.
fn spelled(c: char) -> char {
    match c {
        '\u{649}' | '\u{6cc}' => '\u{64a}',
        '\u{6a9}' => '\u{643}',
        '\u{629}' => '\u{647}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::Plain;

    #[test]
    fn case_accents_width_and_punctuation_make_no_difference() {
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("Café — crème", "cafe creme"),
            ("ＡＢＣ１２３", "abc123"),
            ("ｶﾞｷﾞ", "ガギ"),
            ("Ὀδυσσεύς", "οδυσσευσ"),
            ("أَهْلًا", "اهلا"),
            ("İstanbul", "istanbul"),
            ("re\u{ad}cord\u{200b}s", "Records"),
            ("  (Hello),   world!! ", "hello world"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("❤️", "❤"),
        ] {
            assert_eq!(Plain::of(one).text(), Plain::of(other).text(), "{one}");
        }
        for (one, other) in [("ガ", "カ"), ("กา", "กิ"), ("कि", "का"), ("a", "b")] {
            assert_ne!(Plain::of(one).text(), Plain::of(other).text(), "{one}");
        }
    }

    #[test]
    fn a_place_in_the_plain_form_is_a_place_in_the_original() {
        let text = "«Große» Straße 👩‍👩‍👧 ok";
        let plain = Plain::of(text);
        let original = |part: &str| -> String {
            let at = plain.text().find(part).unwrap();
            let (from, to) = plain.original(at, at + part.len());
            text.chars().skip(from as usize).take((to - from) as usize).collect()
        };
        assert_eq!(original("grosse"), "Große");
        assert_eq!(original("strasse"), "Straße");
        assert_eq!(original("ok"), "ok");
        assert_eq!(original("👧"), "👩‍👩‍👧", "one character as people see it stays whole");
        assert_eq!(Plain::of("?!").original(0, 0), (0, 0));
    }
}
