//! Passwords: argon2id with OWASP's parameters, on blocking threads. Verifying without an account takes as long as with one.

mod guessable;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Error, Result, Violation};

/// OWASP's second set: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
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
    run_blocking(move || {
        Ok(argon2()?.hash_password(password.as_bytes()).map_err(|error| Error::internal(error.to_string()))?.to_string())
    })
    .await
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
    run_blocking(move || {
        let hash = PasswordHash::new(&hash).map_err(|error| Error::internal(error.to_string()))?;
        let argon2 = argon2()?;
        Ok(spellings.iter().any(|spelling| argon2.verify_password(spelling.as_bytes(), &hash).is_ok()) && real)
    })
    .await
}

fn normalized(password: &str) -> String {
    password.nfc().collect()
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashing occupies a core for tens of milliseconds, so it leaves the async thread.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let earlier =
            argon2().unwrap_or_default().hash_password(apart.as_bytes()).map(|hash| hash.to_string()).unwrap_or_default();
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
