//! Passwords: argon2id with OWASP's parameters, one at a time, off the async thread. Verifying without an account takes as long as with one.

mod arena;
mod guessable;

use arena::Arena;
use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Result, Violation};

/// Checked before hashing, so long inputs cost nothing.
const ALLOWED_LENGTH: std::ops::RangeInclusive<usize> = 8..=128;
/// A hash with the same parameters that no password matches.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$B81jzsi4vLNPtIRme2afNA$dhyM+fkPeYqCwh8POo2GhIwUuL9/lHTU3OJNmJHuD9s";

/// Validates a new password. `names` are the user's names and address, which it must not consist of.
pub(crate) fn violation(field: &str, password: &str, names: &[&str]) -> Option<Violation> {
    let length = normalized(password).chars().count();
    let (code, detail) = if length < *ALLOWED_LENGTH.start() {
        ("too_short", "must have at least 8 characters")
    } else if length > *ALLOWED_LENGTH.end() {
        ("too_long", "must have at most 128 characters")
    } else if guessable::is_guessable(&normalized(password), names) {
        ("too_common", "is too easy to guess")
    } else {
        return None;
    };
    Some(Violation { field: field.to_owned(), code, detail: detail.to_owned() })
}

/// Returns the PHC string with a random salt. Passwords are NFC-normalized, because keyboards encode the same letters differently.
pub(crate) async fn hash(password: &str) -> Result<String> {
    let password = normalized(password);
    arena::run(move |arena: &mut Arena| arena.hash(password.as_bytes())).await
}

/// Verifies a password. Without a hash the answer is no, after the same time.
pub(crate) async fn verify(password: &str, hash: Option<&str>) -> Result<bool> {
    let composed = normalized(password);
    let possible = ALLOWED_LENGTH.contains(&composed.chars().count()) || ALLOWED_LENGTH.contains(&password.chars().count());
    let hash = hash.filter(|_| possible);
    let (real, hash) = (hash.is_some(), hash.unwrap_or(DUMMY_HASH).to_owned());
    let mut spellings = if possible { vec![composed] } else { vec![String::new()] };
    // Hashes from earlier releases were made without normalization.
    if possible && spellings.iter().all(|composed| composed != password) {
        spellings.push(password.to_owned());
    }
    arena::run(move |arena: &mut Arena| {
        for spelling in spellings {
            if arena.matches(spelling.as_bytes(), &hash)? {
                return Ok(real);
            }
        }
        Ok(false)
    })
    .await
}

fn normalized(password: &str) -> String {
    password.nfc().collect()
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::phc::PasswordHash;
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
    use argon2::{Algorithm, Argon2, Params, Version};

    use super::*;

    /// The library's own interface, which earlier releases used.
    fn argon2() -> Argon2<'static> {
        let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }

    #[tokio::test]
    async fn hashes_are_those_of_the_library_whatever_the_memory_held_before() {
        for password in ["correct horse battery", "another horse"] {
            let made = hash(password).await.unwrap_or_default();
            let parsed = PasswordHash::new(&made);
            assert!(parsed.is_ok_and(|parsed| argon2().verify_password(password.as_bytes(), &parsed).is_ok()), "{made}");
            let theirs = argon2().hash_password(password.as_bytes()).map(|hash| hash.to_string()).unwrap_or_default();
            assert!(verify(password, Some(&theirs)).await.unwrap_or_default(), "{theirs}");
        }
        // Of other parameters: more memory, less, and another length.
        for (memory, output) in [(20 * 1024, None), (64, Some(16))] {
            let other = Params::new(memory, 1, 2, output).map(Argon2::from);
            let hash = other.ok().and_then(|argon2| argon2.hash_password(b"of another system").ok());
            let hash = hash.map(|hash| hash.to_string()).unwrap_or_default();
            assert!(verify("of another system", Some(&hash)).await.unwrap_or_default(), "{hash}");
            assert!(!verify("of another sisstem", Some(&hash)).await.unwrap_or(true), "{hash}");
        }
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_does_not_block_the_others() {
        let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(verify("correct horse battery", None))).collect();
        for caller in &mut waiting {
            assert_eq!(futures_util::future::poll_immediate(caller).await.map(Result::ok), None);
        }
        drop(waiting);
        assert!(!verify("correct horse battery", None).await.unwrap_or(true));
    }

    #[tokio::test]
    async fn a_password_matches_only_its_own_hash() {
        let hash = hash("correct horse battery").await.unwrap_or_default();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse battery", Some(&hash)).await.unwrap_or_default());
        assert!(!verify("correct horse batterx", Some(&hash)).await.unwrap_or(true));
        assert!(!verify("Correct horse battery", Some(&hash)).await.unwrap_or(true));
    }

    #[tokio::test]
    async fn no_password_matches_a_missing_account() {
        for password in ["", "password", "correct horse battery"] {
            assert!(!verify(password, None).await.unwrap_or(true), "{password}");
        }
        let parsed = PasswordHash::new(DUMMY_HASH).map(|stand_in| stand_in.to_string());
        assert_eq!(parsed.ok().as_deref(), Some(DUMMY_HASH));
    }

    #[tokio::test]
    async fn composed_and_decomposed_letters_are_equal() {
        let (composed, apart) = ("ein sch\u{f6}nes Passwort", "ein scho\u{308}nes Passwort");
        let hash = hash(apart).await.unwrap_or_default();
        for typed in [composed, apart] {
            assert!(verify(typed, Some(&hash)).await.unwrap_or_default(), "{typed}");
        }
        // As an earlier release hashed it.
        let earlier = argon2().hash_password(apart.as_bytes()).map(|hash| hash.to_string()).unwrap_or_default();
        assert!(verify(apart, Some(&earlier)).await.unwrap_or_default());
        assert!(!verify(composed, Some(&earlier)).await.unwrap_or(true), "nobody could log in so before");
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        let code = |password: &str| violation("password", password, &["ann"]).map(|violation| violation.code);
        assert_eq!(code("ßüöäßüö"), Some("too_short"));
        assert_eq!(code("ßüöäkmvw"), None);
        assert_eq!(code(&"ü1x".repeat(43)), Some("too_long"));
        assert_eq!(code("password"), Some("too_common"));
        assert_eq!(code("o\u{308}o\u{308}o\u{308}x"), Some("too_short"), "four letters");
    }
}
