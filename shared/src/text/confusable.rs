//! Names that look alike: Unicode's skeletons (UTS #39), compared without case, as short keys.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

/// Returns the keys of a name. Two names look alike when they have a key in common. The first key compares letters without case; the second, where it
/// differs, as they are written, because capitals look like other letters than their small forms do (Greek Ν like N, ν like v).
pub fn keys(name: &str) -> Vec<String> {
    let compatible: String = name.nfkc().collect();
    let mut keys = vec![key(&compatible.to_lowercase()), key(&compatible)];
    keys.dedup();
    keys.retain(|key| !key.is_empty());
    keys
}

fn key(name: &str) -> String {
    let mut hash = Fnv::default();
    let mut has_any = false;
    for c in skeleton(name).flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()) {
        has_any = true;
        // A capital I looks like a small L, and case makes no difference.
        hash.add(if c == 'i' { 'l' } else { c });
    }
    if has_any { format!("{:016x}", hash.0) } else { String::new() }
}

/// FNV-1a with 64 bits. A collision shows a username more.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, c: char) {
        for byte in u32::from(c).to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_alike(one: &str, other: &str) -> bool {
        keys(one).iter().any(|key| keys(other).contains(key))
    }

    #[test]
    fn names_that_look_alike_have_a_key_in_common() {
        for (one, other) in [
            ("Ann", "ann"),
            ("Ann", "Аnn"),
            ("Alice", "AIice"),
            ("alice", "ALICE"),
            ("Nick", "Νick"),
            ("Bob", "Воb"),
            ("Вова", "вова"),
            ("ΝΙΚΟΣ", "νικος"),
            ("paypal", "раураl"),
            ("Ann", "Ａｎｎ"),
            ("Ann", "A\u{ad}nn"),
            ("Ann", "An\u{200d}n"),
            ("Ann Lee", "Ann\u{a0}Lee"),
            ("modern", "rnodern"),
            ("Jo 0", "Jo O"),
            ("é", "e\u{301}"),
            ("𝐀𝐧𝐧", "Ann"),
        ] {
            assert!(look_alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn other_names_have_none() {
        let names = ["Ann", "Anna", "Änn", "Bob", "Nan", "Van", "山田", "山本", "Ольга", "Олег", "Lukasz", "😀", "😁"];
        for (at, one) in names.iter().enumerate() {
            for other in &names[at + 1..] {
                assert!(!look_alike(one, other), "{one} {other}");
            }
        }
        assert!(keys("").is_empty());
        assert_eq!(keys("山田").len(), 1);
    }
}
