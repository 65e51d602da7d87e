//! Text normalization for search: no case, accents, width, punctuation or invisible characters. Spans map the normalized text back to the
//! original. A change of the result needs another [`FOLDING`](super::signature::FOLDING).

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_properties::UnicodeEmoji;
use unicode_segmentation::UnicodeSegmentation;

use super::latin::basic_letters;

/// A normalized text: words are separated by one blank, without blanks at the ends.
#[derive(Debug, Default)]
pub(super) struct NormalizedText {
    text: String,
    spans: Vec<SourceSpan>,
    /// Positions where an apostrophe stood between two letters: a word may begin or end there, and continues.
    joints: Vec<usize>,
    /// The apostrophe after the last letter, if nothing follows it yet.
    apostrophe: Option<Range<u32>>,
}

/// A run of the normalized text: its first byte, and the range of original characters that it stands for.
#[derive(Clone, Copy, Debug)]
struct SourceSpan {
    at: usize,
    from: u32,
    to: u32,
}

/// The role of a character in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CharClass {
    /// Separates words.
    Separator,
    /// Part of a word in a script with blanks between words.
    Word,
    /// A character of a script without blanks, or an emoji: searchable by itself. Korean has blanks, but attaches endings to its words.
    Unspaced,
}

impl NormalizedText {
    /// Normalizes a text. Texts that differ only in accents, width, case or apostrophes become equal.
    pub(super) fn of(text: &str) -> Self {
        let mut plain =
            Self { text: String::with_capacity(text.len()), spans: Vec::with_capacity(text.len()), ..Self::default() };
        let mut at = 0;
        if text.is_ascii() {
            for c in text.chars() {
                plain.push_letter(c.to_ascii_lowercase(), at..at + 1);
                at += 1;
            }
        } else {
            for cluster in text.graphemes(true) {
                let end = at + u32::try_from(cluster.chars().count()).unwrap_or(u32::MAX);
                plain.push_cluster(cluster, at..end);
                at = end;
            }
        }
        if plain.text.ends_with(' ') {
            plain.text.pop();
            plain.spans.pop();
        }
        plain
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the original characters that a byte range of the normalized text stands for.
    pub(super) fn original(&self, from: usize, to: usize) -> (u32, u32) {
        let span = |at: usize| self.spans.partition_point(|span| span.at <= at).checked_sub(1).map(|index| self.spans[index]);
        let first = span(from).map_or(0, |span| span.from);
        (first, span(to.saturating_sub(1)).map_or(first, |span| span.to))
    }

    /// Returns the positions inside words where a word may also begin or end, ascending.
    pub(super) fn joints(&self) -> &[usize] {
        &self.joints
    }

    /// Returns each normalized character with the original characters that it stands for.
    pub(super) fn characters(&self) -> impl Iterator<Item = (char, Range<u32>)> + '_ {
        self.text.chars().zip(self.spans.iter().map(|span| span.from..span.to))
    }

    /// Returns whether a position is inside an emoji, so that what begins or ends there is another emoji. Its skin tones may be left off.
    pub(super) fn splits_emoji(&self, at: usize) -> bool {
        let index = self.spans.partition_point(|span| span.at < at);
        let (Some(here), Some(before)) = (self.spans.get(index), index.checked_sub(1).and_then(|index| self.spans.get(index)))
        else {
            return false;
        };
        (here.from, here.to) == (before.from, before.to) && self.text[at..].starts_with(is_emoji)
    }

    fn push_cluster(&mut self, cluster: &str, original: Range<u32>) {
        if cluster.starts_with(is_apostrophe) {
            // Some of them decompose into a blank with an accent.
            return self.push_letter('\'', original);
        }
        if let Some(emoji) = emoji_of(cluster) {
            return emoji.chars().for_each(|c| self.push(c, original.clone()));
        }
        for c in cluster.nfkd().filter(|c| !is_ignored(*c)).nfc() {
            // Upper and then lower case is nearly full case folding: ß becomes ss, a final sigma a normal one.
            for c in c.to_uppercase().flat_map(char::to_lowercase).filter(|c| !is_ignored(*c)) {
                match basic_letters(c) {
                    Some(basic) => basic.chars().for_each(|c| self.push(c, original.clone())),
                    None => self.push_letter(unify_spelling(c), original.clone()),
                }
            }
        }
    }

    /// Appends a letter, a separator or an apostrophe.
    fn push_letter(&mut self, c: char, original: Range<u32>) {
        let follows_letter = || self.text.chars().next_back().is_some_and(|last| char_class(last) == CharClass::Word);
        if !is_apostrophe(c) {
            self.push(c, original);
        } else if self.apostrophe.is_none() && follows_letter() {
            self.apostrophe = Some(original);
        } else {
            self.push(' ', original);
        }
    }

    /// Appends a character that stands for these original ones.
    fn push(&mut self, c: char, original: Range<u32>) {
        let class = char_class(c);
        match self.apostrophe.take() {
            Some(_) if class == CharClass::Word => self.joints.push(self.text.len()),
            Some(apostrophe) => self.append(' ', apostrophe),
            None => {}
        }
        let c = if class == CharClass::Separator { ' ' } else { c };
        if c != ' ' || !(self.text.is_empty() || self.text.ends_with(' ')) {
            self.append(c, original);
        }
    }

    fn append(&mut self, c: char, original: Range<u32>) {
        self.spans.push(SourceSpan { at: self.text.len(), from: original.start, to: original.end });
        self.text.push(c);
    }
}

/// Returns the role of a normalized character.
pub(super) fn char_class(c: char) -> CharClass {
    match c {
        'a'..='z' | '0'..='9' | 'A'..='Z' => CharClass::Word,
        '\0'..='\u{7f}' => CharClass::Separator,
        _ if !(c.is_alphanumeric() || is_combining_mark(c)) => {
            if is_emoji(c) {
                CharClass::Unspaced
            } else {
                CharClass::Separator
            }
        }
        _ if is_unspaced(c) => CharClass::Unspaced,
        _ => CharClass::Word,
    }
}

/// Returns whether words of this script carry prefixes, so that short words must match inside.
pub(super) fn script_has_prefixes(c: char) -> bool {
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

/// Keycap emoji as characters for private use, so that they are no digits: `KEYCAPS + '1'` is 1️⃣.
const KEYCAPS: u32 = 0xf_0000;

/// Returns the characters of an emoji, its skin tones last, so that an emoji without them is the beginning of those with them.
fn emoji_of(cluster: &str) -> Option<String> {
    let first = cluster.chars().next()?;
    if cluster.contains('\u{20e3}') && matches!(first, '0'..='9' | '#' | '*') {
        return char::from_u32(KEYCAPS + u32::from(first)).map(String::from);
    }
    // Letters and words in a frame, such as ™, are searched as letters.
    if first.is_ascii() || !first.is_emoji_char() || std::iter::once(first).nfkd().any(char::is_alphanumeric) {
        return None;
    }
    let (tones, mut emoji): (String, String) = cluster.chars().filter(|c| is_emoji(*c)).partition(|c| is_skin_tone(*c));
    emoji.truncate(emoji.trim_end_matches('\u{200d}').len());
    emoji.push_str(&tones);
    Some(emoji)
}

/// Returns whether a normalized character is an emoji or a part of one.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{e0020}'..='\u{e007f}' | '\u{f0023}'..='\u{f0039}')
        || !c.is_ascii() && !c.is_alphanumeric() && c.is_emoji_char()
}

pub(super) fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Apostrophes, accents typed in their place, and the letter-like ones of Ukrainian, Hawaiian, Hebrew and romanised Arabic.
fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`'
            | '´'
            | '‘'
            | '’'
            | '‛'
            | '′'
            | '＇'
            | '｀'
            | 'ʹ'
            | 'ʻ'
            | 'ʼ'
            | 'ʽ'
            | 'ʾ'
            | 'ʿ'
            | 'ˈ'
            | '՚'
            | '׳'
            | '״'
            | 'ߴ'
            | 'ߵ'
            | '᾽'
            | '᾿'
            | 'Ꞌ'
            | 'ꞌ'
    )
}

/// Optional accents and vowel points, and invisible characters. Vowel signs of Indian and Thai scripts are letters and stay.
fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0023}'..='\u{f0039}'
        | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}'
    )
}

/// Unifies Arabic letters that keyboards of different countries encode differently.
fn unify_spelling(c: char) -> char {
    match c {
        '\u{649}' | '\u{6cc}' => '\u{64a}',
        '\u{6a9}' => '\u{643}',
        '\u{629}' => '\u{647}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::NormalizedText;

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
            ("Łódź", "lodz"),
            ("SMØRREBRØD", "smorrebrod"),
            ("Œuvre, Æsop", "oeuvre aesop"),
            ("Ħal Far", "hal far"),
            ("STRAẞE", "strasse"),
            ("ISPARTA ıhlamur", "isparta ihlamur"),
            ("Đà Nẵng", "da nang"),
            ("Hawaiʻi", "hawaii"),
            ("п'ять", "п’ять"),
            ("п'ять", "пʼять"),
            ("п`ять", "пять"),
            ("don´t ‘quote’", "dont quote"),
            ("O’Neil's 'boys'", "oneils boys"),
            ("צ׳ק", "צ'ק"),
            ("👩🏽‍🚀", "👩🏽\u{200d}🚀\u{fe0f}"),
        ] {
            assert_eq!(NormalizedText::of(one).text(), NormalizedText::of(other).text(), "{one}");
        }
        for (one, other) in [("ガ", "カ"), ("กา", "กิ"), ("कि", "का"), ("a", "b"), ("1️⃣", "1"), ("👨‍👩‍👧", "👨👩👧"), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴")]
        {
            assert_ne!(NormalizedText::of(one).text(), NormalizedText::of(other).text(), "{one}");
        }
    }

    #[test]
    fn positions_map_back_to_the_original() {
        let text = "«Große» Straße 👩‍👩‍👧 ok";
        let plain = NormalizedText::of(text);
        let original = |part: &str| -> String {
            let at = plain.text().find(part).unwrap();
            let (from, to) = plain.original(at, at + part.len());
            text.chars().skip(from as usize).take((to - from) as usize).collect()
        };
        assert_eq!(original("grosse"), "Große");
        assert_eq!(original("strasse"), "Straße");
        assert_eq!(original("ok"), "ok");
        assert_eq!(original("👧"), "👩‍👩‍👧", "one character as people see it stays whole");
        assert!(plain.splits_emoji(plain.text().find("👧").unwrap()) && !plain.splits_emoji(plain.text().find("👩").unwrap()));
        assert_eq!(NormalizedText::of("?!").original(0, 0), (0, 0));
    }
}
