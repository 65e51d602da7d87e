//! Signatures: a thousand bits per message, set by its text. A matching message has all bits of the query; a message with all bits probably
//! matches, and its text decides. A text cannot be recovered from its signature.

use super::normalize::{CharClass, NormalizedText, char_class};
use super::symbols;
use super::terms::Term;
use crate::store::search_index::SEGMENT_SLICES;

/// Version of what sets which bits: normalization, symbols, grams, attributes and their hash. Raised with each change of them; segments of another
/// version are read text by text and sealed again, because their bits would hide matches.
pub(super) const FOLDING: u16 = 1;
pub(super) const BITS: usize = SEGMENT_SLICES as usize;
/// Maximum number of bits checked per query. Each one halves the false positives and costs a row per segment.
const MAX_QUERY_BITS: usize = 24;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature([u64; BITS / 64]);

/// A searchable attribute besides the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    From(u64),
    Link,
    Image,
    File,
}

impl Signature {
    /// Computes the signature of a message's texts with these attributes.
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        let mut signature = Self([0; BITS / 64]);
        let mut set = |bits: [u16; 2]| bits.into_iter().for_each(|bit| signature.0[usize::from(bit) / 64] |= 1 << (bit % 64));
        for text in texts {
            let plain = NormalizedText::of(text);
            for_each_gram(plain.text(), |gram| set(bits(&gram)));
            for_each_joint_gram(&plain, |gram| set(bits(&gram)));
            symbols::for_each_gram(text, &plain, |gram| set(bits(&gram)));
        }
        for attribute in attributes {
            set(bits(&attribute.gram()));
        }
        signature
    }

    pub(super) fn bits(&self) -> impl Iterator<Item = u16> + '_ {
        (0_u16..)
            .zip(&self.0)
            .flat_map(|(word, bits)| (0..64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| word * 64 + bit))
    }
}

/// Returns bits that every message with these terms and attributes has.
pub(super) fn required_bits(terms: &[Term], attributes: impl IntoIterator<Item = Attribute>) -> Vec<u16> {
    let mut all: Vec<u16> = attributes.into_iter().flat_map(|attribute| bits(&attribute.gram())).collect();
    for term in terms {
        let mut first = true;
        for_each_gram(term.text(), |gram| {
            // A term that also matches inside words implies no beginning of a word.
            if !(first && term.matches_inside() && gram[0] == ' ') {
                all.extend(bits(&gram));
            }
            first = false;
        });
        all.extend(term.symbols().iter().filter_map(|one| one.gram(term.text())).flat_map(|gram| bits(&gram)));
    }
    let mut distinct: Vec<u16> = Vec::with_capacity(all.len());
    for bit in all {
        if !distinct.contains(&bit) {
            distinct.push(bit);
        }
    }
    // Samples the whole query evenly, because its rare word is unknown.
    let some = distinct.len().min(MAX_QUERY_BITS);
    (0..some).map(|index| distinct[index * distinct.len() / some]).collect()
}

/// Emits the grams of a text: beginnings of words and three consecutive letters; for scripts without blanks and for emoji, one and two
/// characters.
fn for_each_gram(plain: &str, mut each: impl FnMut([char; 3])) {
    const NONE: char = '\0';
    let mut chars = plain.chars();
    let (mut before, mut here, mut next, mut third) = (CharClass::Separator, chars.next(), chars.next(), chars.next());
    while let Some(c) = here {
        let one = char_class(c);
        let joined = next.filter(|next| char_class(*next) == one);
        match (one, joined) {
            (CharClass::Unspaced, joined) => {
                each([c, NONE, NONE]);
                if let Some(next) = joined {
                    each([c, next, NONE]);
                }
            }
            (CharClass::Word, Some(next)) => {
                if before != CharClass::Word {
                    each([' ', c, next]);
                }
                if let Some(third) = third.filter(|third| char_class(*third) == CharClass::Word) {
                    each([c, next, third]);
                }
            }
            (CharClass::Word, None) | (CharClass::Separator, _) => {}
        }
        (before, here, next, third) = (one, next, third, chars.next());
    }
}

/// Emits the beginnings of words at joints: `l'eau` is found by `eau`.
fn for_each_joint_gram(plain: &NormalizedText, mut each: impl FnMut([char; 3])) {
    for joint in plain.joints() {
        let mut letters = plain.text()[*joint..].chars().take_while(|c| char_class(*c) == CharClass::Word);
        if let (Some(first), Some(second)) = (letters.next(), letters.next()) {
            each([' ', first, second]);
        }
    }
}

impl Attribute {
    /// A gram that no text has, because control characters are never part of one.
    fn gram(self) -> [char; 3] {
        let part =
            |number: u64| char::from_u32(0x10000 + u32::try_from(number & 0xf_ffff).unwrap_or_default()).unwrap_or('\u{1}');
        match self {
            Self::From(user) => ['\u{1}', part(user), part(user >> 20)],
            Self::Link => ['\u{2}', 'l', '\0'],
            Self::Image => ['\u{2}', 'i', '\0'],
            Self::File => ['\u{2}', 'f', '\0'],
        }
    }
}

/// Two bits per gram, by FNV-1a with a final mix.
fn bits(gram: &[char; 3]) -> [u16; 2] {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in gram.iter().flat_map(|c| u32::from(*c).to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^= hash >> 32;
    let bit = |shift: u32| u16::try_from((hash >> shift) % BITS as u64).unwrap_or_default();
    [bit(0), bit(20)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_match(term: &Term, content: &str) -> bool {
        let set: Vec<u16> = Signature::of([content], [Attribute::From(7)]).bits().collect();
        required_bits(std::slice::from_ref(term), [Attribute::From(7)]).iter().all(|bit| set.contains(bit))
    }

    #[test]
    fn matching_texts_are_never_missed() {
        for (word, content) in [
            ("schiff", "Donaudampfschifffahrtsgesellschaft"),
            ("do", "I do"),
            ("a", "what a day"),
            ("東京", "私は東京都に住んでいます"),
            ("京", "私は東京都に住んでいます"),
            ("สวัสดี", "บอกว่าสวัสดีครับ"),
            ("서울", "우리는 서울에서 만나요"),
            ("👍", "yes👍🏽!"),
            ("iphone手机", "新的iPhone手机到了"),
            ("手机app", "用手机app付款"),
            ("don't", "Don’t"),
            ("lodz", "Łódź"),
            ("eau", "l’eau"),
            ("leau", "l'eau"),
            ("hawaii", "Hawaiʻi"),
            ("c++", "I like C++!"),
            ("$100", "for $ 100"),
            ("100%", "100 %"),
            (".net", "ASP.NET"),
            ("#tag", "#tagged"),
            ("👩‍🚀", "👩🏽‍🚀"),
            ("1️⃣", "1️⃣"),
            ("🇪🇸", "🇩🇪🇪🇸"),
        ] {
            for phrase in [false, true] {
                let term = Term::new(word, phrase).unwrap();
                if super::super::terms::matches(std::slice::from_ref(&term), content, &[]).is_some() {
                    assert!(may_match(&term, content), "{word} in {content}");
                } else {
                    assert!(phrase, "{word} in {content}");
                }
            }
        }
    }

    #[test]
    fn other_bits_need_another_version() {
        let texts = ["Łódź, l'eau, C++ für $100 🇪🇸 1️⃣ 👩🏽‍🚀", "東京タワー 서울 الكتاب สวัสดี", "Don’t mind the STRASSE: ½ №5"];
        let of_all: Vec<u16> = Signature::of(texts, [Attribute::From(7), Attribute::Link]).bits().collect();
        let sum = of_all.iter().fold(0_u64, |sum, bit| sum.wrapping_mul(1_000_003).wrapping_add(u64::from(*bit)));
        assert_eq!((FOLDING, sum), (1, 17_957_016_478_236_801_825), "raise FOLDING when texts set other bits, then this sum");
    }

    #[test]
    fn most_texts_that_do_not_match_are_skipped() {
        for word in ["schiff", "elephant", "大阪", "👎"] {
            let term = Term::new(word, false).unwrap();
            assert!(!may_match(&term, "Hello there, how are you? 東京 👍"), "{word}");
        }
        let of = |user| required_bits(&[], [Attribute::From(user)]);
        assert_ne!(of(1), of(2));
        assert_ne!(of(1), of(1 << 20));
    }
}
