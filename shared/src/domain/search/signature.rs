//! What the index knows of a message: a thousand bits, some of them set by the message's letters. A message that matches has all bits of the
//! query; one that has them probably matches, and its text decides. Nothing of a text can be read back from it.

use super::text::{Class, Plain, class};
use super::words::Needle;
use crate::store::search::SLICES;

/// Bits of a signature.
pub(super) const BITS: usize = SLICES as usize;
/// Bits of a query that are looked at: each one more halves the doubt and costs another row for every segment.
const MOST_BITS: usize = 24;

/// The bits of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature([u64; BITS / 64]);

/// Something that a message has besides its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Its sender's number.
    From(u64),
    /// A link in its text.
    Link,
    /// A picture.
    Image,
    /// A file.
    File,
}

impl Signature {
    /// The signature of a text with these marks.
    pub(super) fn of(content: &str, marks: impl IntoIterator<Item = Mark>) -> Self {
        let mut signature = Self([0; BITS / 64]);
        let mut set = |bits: [u16; 2]| bits.into_iter().for_each(|bit| signature.0[usize::from(bit) / 64] |= 1 << (bit % 64));
        grams(Plain::of(content).text(), |gram| set(bits(&gram)));
        for mark in marks {
            set(bits(&mark.gram()));
        }
        signature
    }

    /// The bits that are set.
    pub(super) fn bits(&self) -> impl Iterator<Item = u16> + '_ {
        (0_u16..)
            .zip(&self.0)
            .flat_map(|(word, bits)| (0..64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| word * 64 + bit))
    }
}

/// The bits that every message with these words and marks has.
pub(super) fn asked(needles: &[Needle], marks: impl IntoIterator<Item = Mark>) -> Vec<u16> {
    let mut all: Vec<u16> = marks.into_iter().flat_map(|mark| bits(&mark.gram())).collect();
    for needle in needles {
        let mut first = true;
        grams(needle.text(), |gram| {
            // Where it is found inside of words, the beginning of one says nothing.
            if !(first && needle.inside() && gram[0] == ' ') {
                all.extend(bits(&gram));
            }
            first = false;
        });
    }
    let mut distinct: Vec<u16> = Vec::with_capacity(all.len());
    for bit in all {
        if !distinct.contains(&bit) {
            distinct.push(bit);
        }
    }
    // Of a long query bits from everywhere: which of its words is the rare one is not known.
    let some = distinct.len().min(MOST_BITS);
    (0..some).map(|index| distinct[index * distinct.len() / some]).collect()
}

/// Beginnings of words, three letters in a row; of scripts without blanks and of emoji one and two.
fn grams(plain: &str, mut each: impl FnMut([char; 3])) {
    const NONE: char = '\0';
    let mut chars = plain.chars();
    let (mut before, mut here, mut next, mut third) = (Class::Gap, chars.next(), chars.next(), chars.next());
    while let Some(c) = here {
        let one = class(c);
        let joined = next.filter(|next| class(*next) == one);
        match (one, joined) {
            (Class::Dense, joined) => {
                each([c, NONE, NONE]);
                if let Some(next) = joined {
                    each([c, next, NONE]);
                }
            }
            (Class::Word, Some(next)) => {
                if before != Class::Word {
                    each([' ', c, next]);
                }
                if let Some(third) = third.filter(|third| class(*third) == Class::Word) {
                    each([c, next, third]);
                }
            }
            (Class::Word, None) | (Class::Gap, _) => {}
        }
        (before, here, next, third) = (one, next, third, chars.next());
    }
}

impl Mark {
    /// A gram that no text has: control characters are never part of one.
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

/// Two bits for each gram, by FNV-1a with a final mix. Stored signatures depend on it: whoever changes it seals all segments anew.
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

    fn may_match(words: &[(&str, bool)], content: &str) -> bool {
        let needles: Vec<_> = words.iter().filter_map(|(word, phrase)| Needle::new(word, *phrase)).collect();
        let set: Vec<u16> = Signature::of(content, [Mark::From(7)]).bits().collect();
        asked(&needles, [Mark::From(7)]).iter().all(|bit| set.contains(bit))
    }

    #[test]
    fn what_matches_is_never_passed_over() {
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
        ] {
            for phrase in [false, true] {
                let needle = Needle::new(word, phrase).unwrap();
                if super::super::words::highlights(std::slice::from_ref(&needle), content).is_some() {
                    assert!(may_match(&[(word, phrase)], content), "{word} in {content}");
                } else {
                    assert!(phrase, "{word} in {content}");
                }
            }
        }
    }

    #[test]
    fn most_of_what_does_not_match_is_passed_over() {
        for word in ["schiff", "elephant", "大阪", "👎"] {
            assert!(!may_match(&[(word, false)], "Hello there, how are you? 東京 👍"), "{word}");
        }
        let of = |user| asked(&[], [Mark::From(user)]);
        assert_ne!(of(1), of(2));
        assert_ne!(of(1), of(1 << 20));
    }
}
