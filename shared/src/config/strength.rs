//! Whether a secret can have been made by chance: its length alone says nothing of one that repeats itself or counts.

/// What the estimate must reach. 128 random bits in hexadecimal have about 115 by it, the shortest secrets that generators make more.
const LEAST_BITS: f64 = 80.0;
/// A piece of so many characters that stood there before adds nothing.
const PIECE: usize = 3;

/// Whether a text looks random enough to sign with.
pub fn looks_random(text: &str) -> bool {
    bits(text) >= LEAST_BITS
}

/// How much there is to guess: for each character that does not follow from those before it what one of its kind tells in this text.
fn bits(text: &str) -> f64 {
    let bytes = text.as_bytes();
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let length = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let each: f64 =
        counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length).map(|p| -p * p.log2()).sum();
    let new = (0..bytes.len()).filter(|at| !follows(bytes, *at)).count();
    each * f64::from(u32::try_from(new).unwrap_or(u32::MAX))
}

/// Whether a character goes on with something: a piece that was there before, or a row such as `aaa`, `123`, `cba`.
fn follows(bytes: &[u8], at: usize) -> bool {
    let Some(from) = (at + 1).checked_sub(PIECE) else { return false };
    let piece = &bytes[from..=at];
    let step = |two: &[u8]| i16::from(two[1]) - i16::from(two[0]);
    let row = matches!(step(&piece[..2]), -1..=1) && step(&piece[..2]) == step(&piece[1..]);
    row || bytes[..at].windows(PIECE).any(|before| before == piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_or_counts_is_no_secret_however_long() {
        for weak in [
            "",
            "short",
            &"a".repeat(32),
            &"ab".repeat(500),
            &"password".repeat(8),
            &"changeme-".repeat(10),
            "0123456789012345678901234567890123456789",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "zyxwvutsrqponmlkjihgfedcba9876543210",
            &"correct horse ".repeat(6),
        ] {
            assert!(!looks_random(weak), "{weak}: {}", bits(weak));
        }
    }

    #[test]
    fn what_generators_make_is_taken() {
        let mut seed = 1_u64;
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed % 4096).unwrap_or_default()
        };
        let kinds = [
            ("0123456789abcdef", 32),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 24),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 64),
            ("abcdefghijklmnopqrstuvwxyz", 32),
        ];
        for (letters, length) in kinds {
            for _ in 0..500 {
                let text: String = (0..length).filter_map(|_| letters.chars().nth(next() % letters.len())).collect();
                assert!(looks_random(&text), "{text}: {}", bits(&text));
            }
        }
    }
}
