//! Text that people write for others: which characters show something, one spelling for what looks the same, and usernames. Decided by Unicode's
//! properties, never by lists of code points.
//!
//! The data are Unicode 18.0 (`icu_properties`, `unicode-normalization`, `unicode-security`) and Emoji 18.0 (`emojis`).

pub mod confusable;
pub mod emoji;
pub mod line;
pub mod usernames;
pub mod visible;

use unicode_normalization::UnicodeNormalization as _;

/// The version of the Unicode Standard whose data decide here.
pub const UNICODE_VERSION: (u32, u32) = (18, 0);

/// Composes letters with their accents (NFC), so that what keyboards encode differently is one text.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_data_are_of_the_stated_version() {
        let (major, minor) = UNICODE_VERSION;
        assert_eq!(emojis::UNICODE_VERSION, emojis::UnicodeVersion::new(major, minor));
        assert_eq!(unicode_security::UNICODE_VERSION, (u64::from(major), u64::from(minor), 0));
        let (normalization, ..) = unicode_normalization::UNICODE_VERSION;
        assert_eq!(u32::from(normalization), major);
    }
}
