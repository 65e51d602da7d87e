//! Limit on duplicate texts of one user in one room. Digests of the last few texts are in the member's row, which sending reads and writes
//! anyway; several of them are kept, so alternating texts count, too.

use aws_lc_rs::digest::{SHA256, digest};

use crate::error::{Error, Limit, Result};
use crate::time::Timestamp;

/// Texts remembered per member.
const MAX_REMEMBERED: usize = 4;
/// Bytes of an entry: digest, first time, count.
const ENTRY_BYTES: usize = 18;
/// Texts up to this many letters ("ok", "thanks") are repeated legitimately,
const SHORT_LENGTH: usize = 8;
/// and may occur this many times more often.
const SHORT_FACTOR: u32 = 4;

#[derive(Clone, Copy)]
struct RecentText {
    digest: u64,
    since: Timestamp,
    times: u16,
}

/// Counts a text. Returns the new entries, or an error if the text occurs too often within the limit's window.
pub(crate) fn count(entries: &[u8], content: &str, limit: Limit, now: Timestamp) -> Result<Vec<u8>> {
    let plain = normalized(content);
    let most = if plain.chars().count() <= SHORT_LENGTH { limit.quota.saturating_mul(SHORT_FACTOR) } else { limit.quota };
    let digest = digest_of(&plain);
    let window_ms = i64::from(limit.window) * 1000;
    let mut recent: Vec<_> = decode(entries).filter(|entry| (0..window_ms).contains(&now.since(entry.since))).collect();
    match recent.iter().position(|entry| entry.digest == digest) {
        Some(at) => {
            let mut again = recent.remove(at);
            if u32::from(again.times) >= most {
                let left_ms = window_ms - now.since(again.since);
                return Err(Error::Repeated { retry_after: u32::try_from((left_ms + 999) / 1000).unwrap_or(u32::MAX) });
            }
            again.times = again.times.saturating_add(1);
            recent.insert(0, again);
        }
        None => recent.insert(0, RecentText { digest, since: now, times: 1 }),
    }
    recent.truncate(MAX_REMEMBERED);
    Ok(recent.iter().flat_map(|entry| encode(*entry)).collect())
}

/// Normalizes a text: no case, space, punctuation, invisible characters or drawn-out letters. Digits stay, so counting is not repetition. A text
/// without letters and digits only loses its spaces.
fn normalized(content: &str) -> String {
    let mut plain = String::with_capacity(content.len());
    for letter in content.chars().flat_map(char::to_lowercase).filter(|letter| letter.is_alphanumeric()) {
        if letter.is_numeric() || !plain.ends_with(letter) {
            plain.push(letter);
        }
    }
    if plain.is_empty() { content.split_whitespace().collect() } else { plain }
}

fn digest_of(text: &str) -> u64 {
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn decode(entries: &[u8]) -> impl Iterator<Item = RecentText> {
    entries.chunks_exact(ENTRY_BYTES).filter_map(|entry| {
        Some(RecentText {
            digest: u64::from_be_bytes(entry.get(..8)?.try_into().ok()?),
            since: Timestamp(i64::from_be_bytes(entry.get(8..16)?.try_into().ok()?)),
            times: u16::from_be_bytes(entry.get(16..)?.try_into().ok()?),
        })
    })
}

fn encode(entry: RecentText) -> impl Iterator<Item = u8> {
    entry.digest.to_be_bytes().into_iter().chain(entry.since.0.to_be_bytes()).chain(entry.times.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { quota: 3, window: 60 };
    const START: Timestamp = Timestamp(1_700_000_000_000);

    /// Returns how many of these texts, a second apart, are accepted.
    fn passed<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
        let mut entries = Vec::new();
        let mut passed = 0;
        for (second, text) in (0..).zip(texts) {
            if let Ok(after) = count(&entries, text, LIMIT, START.plus_seconds(second)) {
                entries = after;
                passed += 1;
            }
            assert!(entries.len() <= MAX_REMEMBERED * ENTRY_BYTES);
        }
        passed
    }

    #[test]
    fn a_text_is_accepted_up_to_its_quota_per_window() {
        let mut entries = Vec::new();
        for _ in 0..3 {
            entries = count(&entries, "Buy gold here", LIMIT, START).expect("not too often yet");
        }
        let again = |second| count(&entries, "Buy gold here", LIMIT, START.plus_seconds(second));
        assert!(matches!(again(59), Err(Error::Repeated { retry_after: 1 })));
        assert!(matches!(again(20), Err(Error::Repeated { retry_after: 40 })));
        assert!(again(60).is_ok());
    }

    #[test]
    fn decorated_texts_count_as_duplicates() {
        let dressed =
            ["Buy gold here", "BUY GOLD HERE!!!", "b.u.y g-o-l-d h e r e", "buy\u{200b}gold  here 💰", "Buuuy gooold heeere"];
        assert_eq!(passed(dressed), 3);
        assert_eq!(
            passed([
                "Sprich lauter, bitte",
                "sprich LAUTER bitte.",
                "Sprich leiser, bitte",
                "SPRICH LAUTER, BITTE",
                "sprich lauter bitte"
            ]),
            4
        );
    }

    #[test]
    fn alternating_texts_count_and_normal_conversation_does_not() {
        assert_eq!(passed(["first spam text", "second spam text"].into_iter().cycle().take(20)), 6);
        let talk: Vec<_> = (0..200).map(|number| format!("Message number {number}")).collect();
        assert_eq!(passed(talk.iter().map(String::as_str)), 200);
    }

    #[test]
    fn short_texts_may_repeat_more_often_but_not_forever() {
        assert_eq!(passed(std::iter::repeat_n("ok", 30)), 12);
        assert_eq!(passed(std::iter::repeat_n("👍", 30)), 12);
        assert_eq!(passed(["👍", "🎉", "?", "!"].into_iter().cycle().take(40)), 40);
    }
}
