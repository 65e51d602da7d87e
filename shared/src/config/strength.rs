//! Estimates whether a secret is random: length alone does not reveal repetitions and sequences.

/// The required estimate. 128 random bits in hexadecimal score about 115; secrets of common generators score more.
const LEAST_BITS: f64 = 80.0;
/// A repeated run of this many characters adds nothing.
const PIECE: usize = 3;

/// Whether a text looks random enough to sign with.
pub fn looks_random(text: &str) -> bool {
    bits(text) >= LEAST_BITS
}

/// Estimates the entropy: each unpredictable character counts with the entropy of its frequency in the text.
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

/// Whether a character is predictable: part of a repeated run, or of a sequence such as `aaa`, `123`, `cba`.
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
    fn repetitions_and_sequences_are_weak_at_any_length() {
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
    fn generated_secrets_are_accepted() {
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
