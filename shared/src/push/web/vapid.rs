//! VAPID (RFC 8292): identifies this server to push services with key pairs derived from secrets. New subscriptions use the first secret; those of
//! another listed secret stay valid.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::config::{Secret, looks_random};
use crate::error::{Error, Result};
use crate::push::web::encryption::expand;
use crate::time::Timestamp;

/// Tokens live 12 hours of the allowed 24; they are renewed in their last hour.
const LIFE: i64 = 12 * 3600;
const REST: i64 = 3600;
/// Maximum number of cached tokens; there are few push services.
const KEPT: usize = 64;
/// Shorter secrets can be guessed.
const MIN_SECRET: usize = 24;

/// The key id stored with a subscription.
pub type KeyId = [u8; 8];

/// The key pairs of this deployment.
pub struct VapidKeys {
    ring: Vec<Pair>,
    tokens: Mutex<HashMap<(KeyId, String), (String, i64)>>,
}

struct Pair {
    id: KeyId,
    public: String,
    signs: EcdsaKeyPair,
}

impl fmt::Debug for VapidKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ring.iter().map(|pair| &pair.public)).finish()
    }
}

impl VapidKeys {
    /// Derives one pair per secret of a comma-separated list. On AWS weak secrets are refused.
    pub fn new(secret: &Secret, is_real: bool) -> Result<Self> {
        let secrets: Vec<_> = secret.expose().split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
        if secrets.is_empty() || secrets.iter().any(|text| text.len() < MIN_SECRET) {
            return Err(Error::internal("the secret of push notifications must have 24 characters or more"));
        }
        if is_real && !secrets.iter().all(|text| looks_random(text)) {
            return Err(Error::internal("the secret of push notifications must be random: openssl rand -base64 48 makes one"));
        }
        let ring = secrets.into_iter().map(Pair::derive).collect::<Result<_, _>>().map_err(Error::internal)?;
        Ok(Self { ring, tokens: Mutex::default() })
    }

    /// The public key for new subscriptions.
    pub fn public_key(&self) -> &str {
        self.ring.first().map_or("", |pair| &pair.public)
    }

    /// Returns the id of a known public key, or of the current one when none is given.
    pub fn id(&self, public: Option<&str>) -> Option<KeyId> {
        let mut ring = self.ring.iter();
        let found = match public {
            None => ring.next(),
            Some(public) => ring.find(|pair| pair.public == public.trim_end_matches('=')),
        };
        found.map(|pair| pair.id)
    }

    /// Returns the `Authorization` header; none for an unknown key.
    pub(super) fn authorization(&self, key: &[u8], origin: &str, contact: &str, now: Timestamp) -> Result<Option<String>> {
        let Some(pair) = self.ring.iter().find(|pair| pair.id == key) else { return Ok(None) };
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (pair.id, origin.to_owned());
        if let Some((token, _)) = tokens.get(&place).filter(|(_, expires)| expires - now.seconds() > REST) {
            return Ok(Some(token.clone()));
        }
        let expires = now.seconds() + LIFE;
        let token = pair.token(&json!({ "aud": origin, "exp": expires, "sub": contact }).to_string()).map_err(Error::internal)?;
        let value = format!("vapid t={token}, k={}", pair.public);
        if tokens.len() >= KEPT {
            tokens.clear();
        }
        tokens.insert(place, (value.clone(), expires));
        Ok(Some(value))
    }
}

impl Pair {
    fn derive(secret: &str) -> Result<Self, Unspecified> {
        let prk = Salt::new(HKDF_SHA256, b"conchat").extract(secret.as_bytes());
        // One of 2^32 values is not a valid private key.
        let found = (0..=u8::MAX).find_map(|round| {
            let scalar = expand::<32>(&prk, &[b"vapid", &[round]]).ok()?;
            PrivateKey::from_private_key(&ECDH_P256, &scalar).ok().map(|key| (scalar, key))
        });
        let (scalar, key) = found.ok_or(Unspecified)?;
        let public = key.compute_public_key()?;
        let signs = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &scalar, public.as_ref())
            .map_err(|_| Unspecified)?;
        let mut id = KeyId::default();
        id.copy_from_slice(&digest::digest(&digest::SHA256, public.as_ref()).as_ref()[..8]);
        Ok(Self { id, public: URL_SAFE_NO_PAD.encode(public.as_ref()), signs })
    }

    fn token(&self, claims: &str) -> Result<String, Unspecified> {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signs.sign(&SystemRandom::new(), text.as_bytes())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    const ONE: &str = "a-secret-of-some-length-1";
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn keys(text: &str) -> VapidKeys {
        VapidKeys::new(&Secret::new(text), false).expect("keys")
    }

    #[test]
    fn a_token_is_signed_with_the_key_that_it_names() {
        let keys = keys(ONE);
        let id = keys.id(None).expect("a key");
        let value =
            keys.authorization(&id, "https://push.example", "mailto:a@b.cc", NOW).expect("signed").expect("a key of ours");
        let (token, public) = value.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k=")).expect("both");
        assert_eq!(public, keys.public_key());
        let (text, signature) = token.rsplit_once('.').expect("three parts");
        let public = URL_SAFE_NO_PAD.decode(public).expect("base64url");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(text.as_bytes(), &signature).expect("it holds");
        let claims = URL_SAFE_NO_PAD.decode(text.split('.').nth(1).expect("claims")).expect("base64url");
        let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!(claims, json!({ "aud": "https://push.example", "exp": 1_800_043_200, "sub": "mailto:a@b.cc" }));
        let ask = |now| keys.authorization(&id, "https://push.example", "mailto:a@b.cc", now).expect("signed");
        assert_eq!(ask(NOW.plus_seconds(3600)), Some(value.clone()), "push services want few tokens");
        assert_ne!(ask(NOW.plus_seconds(11 * 3600 + 1)), Some(value));
    }

    #[test]
    fn another_first_secret_leaves_old_subscriptions_as_they_are_until_theirs_is_gone() {
        let (old, both) = (keys(ONE), keys(&format!("another-secret-of-some-length, {ONE}")));
        assert_eq!(old.public_key(), keys(ONE).public_key(), "a secret always gives the same pair");
        assert_ne!(old.public_key(), both.public_key());
        let id = both.id(Some(old.public_key())).expect("still ours");
        assert_eq!(Some(id), old.id(None));
        assert!(both.authorization(&id, "https://x.example", "", NOW).is_ok_and(|value| value.is_some()));
        let gone = keys("another-secret-of-some-length");
        assert!(gone.authorization(&id, "https://x.example", "", NOW).is_ok_and(|value| value.is_none()));
        assert_eq!(gone.id(Some(old.public_key())), None);
    }

    #[test]
    fn short_secrets_are_refused() {
        for text in ["", ",", "short", "a-secret-of-some-length-1,short"] {
            assert!(VapidKeys::new(&Secret::new(text), false).is_err(), "{text}");
        }
        let weak = "a-secret-".repeat(5);
        for (text, real, taken) in [(weak.as_str(), false, true), (&weak, true, false), ("mH3vQ0pX9sT7bLkZ2wYc5RfN", true, true)]
        {
            assert_eq!(VapidKeys::new(&Secret::new(text), real).is_ok(), taken, "{text}");
        }
    }
}
