//! Access tokens: HS256 JWTs signed with our own keys. The token's header selects nothing but the key.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use crate::config::{self, Secret, SecretReader};
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

const ISSUER: &str = "conchat";
const AUDIENCE: &str = "conchat";
/// RFC 9068: keeps other kinds of tokens out.
const TYPE: &str = "at+jwt";
/// Issued tokens have about 300 bytes, 400 with the longest key id.
const MAX_LENGTH: usize = 4096;
/// Seconds by which clocks of instances may differ.
const LEEWAY: i64 = 5;
/// Maximum lifetime that the configuration allows.
const MAX_LIFETIME: i64 = 31_536_000;
/// The published development secret of an older backend.
const DEVELOPMENT_SECRET: &str = "dev-super-secret-change-me";
/// Interval after which the secret is read again, to follow rotations.
const RELOAD_AFTER: Duration = Duration::from_mins(5);
/// Minimum interval between reads for unknown keys, against forged tokens.
const MIN_RELOAD_INTERVAL: Duration = Duration::from_secs(5);
/// A shorter HMAC-SHA256 key is weaker than its digest.
const MIN_SECRET: usize = 32;

/// The keys that sign and verify: the first signs, all verify.
#[derive(Clone)]
pub struct TokenKeys {
    ring: Arc<RwLock<Vec<TokenKey>>>,
    source: Option<Arc<KeySource>>,
}

struct KeySource {
    again: SecretReader,
    is_real: bool,
    /// Times of the last read, and of the last read for an unknown key.
    read_at: Mutex<(Instant, Option<Instant>)>,
}

#[derive(Clone)]
struct TokenKey {
    kid: String,
    sign: EncodingKey,
    verify: DecodingKey,
    mac: hmac::Key,
}

/// Issues tokens: the keys and the lifetimes.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub keys: TokenKeys,
    /// Lifetimes of access tokens and sessions.
    pub lifetimes: config::TokenConfig,
}

/// The claims of a verified access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    pub user: UserId,
    pub session: SessionId,
}

/// Why the configured secret is unusable; never contains the secret.
#[derive(Debug, PartialEq, Eq)]
struct BadSecret(&'static str);

const EMPTY: BadSecret = BadSecret("JWT_SECRET is empty");

impl TokenKeys {
    /// Parses one secret, or comma-separated `kid:secret` pairs. Weak or published secrets are refused on AWS.
    pub fn new(secret: &Secret, is_real: bool) -> Result<Self> {
        Self::reloading(secret, is_real, None)
    }

    /// The same, with a source that [`Self::reload`] reads again.
    pub fn reloading(secret: &Secret, is_real: bool, again: Option<SecretReader>) -> Result<Self> {
        let ring = parse_keys(secret.expose(), is_real).map_err(Error::internal)?;
        let source = again.map(|again| Arc::new(KeySource { again, is_real, read_at: Mutex::new((Instant::now(), None)) }));
        Ok(Self { ring: Arc::new(RwLock::new(ring)), source })
    }

    /// Reads the keys again every five minutes, or at once for an unknown key, with a minimum interval.
    pub async fn reload(&self, known: bool) {
        self.reload_at(known, Instant::now()).await;
    }

    async fn reload_at(&self, known: bool, now: Instant) {
        let Some(source) = self.source.as_ref().filter(|source| source.is_due(known, now)) else { return };
        let ring =
            source.again.read().await.and_then(|secret| parse_keys(secret.expose(), source.is_real).map_err(Error::internal));
        match ring {
            Ok(ring) => *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring,
            Err(error) => {
                tracing::warn!(error = error.causes(), "the token keys could not be reloaded");
            }
        }
    }

    /// Returns whether the token's key is known. Text that is no token needs no other key.
    pub fn knows(&self, token: &str) -> bool {
        let kid = if token.len() > MAX_LENGTH { None } else { decode_header(token).ok().and_then(|header| header.kid) };
        kid.is_none_or(|kid| !is_kid(&kid) || self.ring().iter().any(|key| key.kid == kid))
    }

    fn ring(&self) -> RwLockReadGuard<'_, Vec<TokenKey>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn sign(&self, claims: Claims, life: Duration, now: Timestamp) -> Result<String> {
        let ring = self.ring();
        let key = first(&ring)?;
        let exp = now.seconds().saturating_add_unsigned(life.as_secs());
        let (sub, sid) = (claims.user.to_string(), claims.session.to_string());
        let body = ClaimsBody { sub, sid, iat: now.seconds(), exp, iss: ISSUER.into(), aud: AUDIENCE.into() };
        encode(&header(&key.kid), &body, &key.sign).map_err(Error::internal)
    }

    /// Verifies a token at `now` and returns its claims.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims> {
        let body = self.decode_claims(token).ok_or(Error::Unauthenticated("unauthenticated"))?;
        let claims = body.claims().ok_or(Error::Unauthenticated("unauthenticated"))?;
        let lasting = body.exp.checked_sub(body.iat).is_some_and(|life| (1..=MAX_LIFETIME).contains(&life));
        if body.iss != ISSUER || body.aud != AUDIENCE || !lasting || body.iat > now.seconds() + LEEWAY {
            return Err(Error::Unauthenticated("unauthenticated"));
        }
        if now.seconds() > body.exp + LEEWAY {
            return Err(Error::Unauthenticated("token_expired"));
        }
        Ok(claims)
    }

    /// Returns a MAC of `text`.
    pub(crate) fn mac_of(&self, text: &str) -> Result<hmac::Tag> {
        Ok(hmac::sign(&first(&self.ring())?.mac, text.as_bytes()))
    }

    /// Returns the MACs of `other` by all keys, first the key that made `mac` of `text`; empty if none did.
    pub(crate) fn macs_of(&self, text: &str, mac: &[u8], other: &str) -> Vec<hmac::Tag> {
        let ring = self.ring();
        let Some(at) = ring.iter().position(|key| hmac::verify(&key.mac, text.as_bytes(), mac).is_ok()) else {
            return Vec::new();
        };
        let rest = ring.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, key)| key);
        std::iter::once(&ring[at]).chain(rest).map(|key| hmac::sign(&key.mac, other.as_bytes())).collect()
    }

    fn decode_claims(&self, token: &str) -> Option<ClaimsBody> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let given = decode_header(token).ok()?;
        let ring = self.ring();
        let key = ring.iter().find(|key| Some(&key.kid) == given.kid.as_ref())?;
        // Exactly the issued header: no `crit`, `jwk`, `jku`, `x5u`, `x5c` or other algorithm.
        if given != header(&key.kid) {
            return None;
        }
        // The library checks the signature only. It accepts missing and mistyped claims, so they are checked here.
        let mut signature_alone = Validation::new(Algorithm::HS256);
        signature_alone.required_spec_claims.clear();
        signature_alone.validate_exp = false;
        signature_alone.validate_aud = false;
        decode(token, &key.verify, &signature_alone).ok().map(|opened| opened.claims)
    }
}

impl KeySource {
    fn is_due(&self, known: bool, now: Instant) -> bool {
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        let for_unknown = !known && read_at.1.is_none_or(|time| now.duration_since(time) >= MIN_RELOAD_INTERVAL);
        let due = for_unknown || now.duration_since(read_at.0) >= RELOAD_AFTER;
        if due {
            *read_at = (now, if known { read_at.1 } else { Some(now) });
        }
        due
    }
}

fn first(ring: &[TokenKey]) -> Result<&TokenKey> {
    ring.first().ok_or_else(|| Error::internal("there is no signing key"))
}

fn parse_keys(text: &str, is_real: bool) -> Result<Vec<TokenKey>, BadSecret> {
    let pairs = parse_pairs(text)?;
    let mut ring: Vec<TokenKey> = Vec::with_capacity(pairs.len());
    for (kid, secret) in pairs {
        if is_real && secret == DEVELOPMENT_SECRET {
            return Err(BadSecret("JWT_SECRET is the published development secret"));
        }
        if is_real && secret.len() < MIN_SECRET {
            return Err(BadSecret("each secret in JWT_SECRET must have at least 32 bytes"));
        }
        if is_real && !config::looks_random(secret) {
            return Err(BadSecret("each secret in JWT_SECRET must be random: openssl rand -base64 48 makes one"));
        }
        if ring.iter().any(|key| key.kid == kid) {
            return Err(BadSecret("JWT_SECRET names a key id twice"));
        }
        ring.push(TokenKey {
            kid: kid.to_owned(),
            sign: EncodingKey::from_secret(secret.as_bytes()).map_err(|_| EMPTY)?,
            verify: DecodingKey::from_secret(secret.as_bytes()).map_err(|_| EMPTY)?,
            mac: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        });
    }
    Ok(ring)
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ring().iter().map(|key| &key.kid)).finish()
    }
}

impl fmt::Display for BadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadSecret {}

/// The claims on the wire; no others are accepted. Ids are strings, as RFC 7519 requires for `sub`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ClaimsBody {
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
    iss: String,
    aud: String,
}

impl ClaimsBody {
    fn claims(&self) -> Option<Claims> {
        Some(Claims { user: self.sub.parse().ok()?, session: self.sid.parse().ok()? })
    }
}

fn header(kid: &str) -> Header {
    Header { typ: Some(TYPE.into()), kid: Some(kid.into()), ..Header::new(Algorithm::HS256) }
}

/// Parses `secret`, or `kid:secret,kid:secret`. A text without colons is one secret with the id `1`.
fn parse_pairs(text: &str) -> Result<Vec<(&str, &str)>, BadSecret> {
    let text = text.trim();
    if text.is_empty() {
        return Err(EMPTY);
    }
    if !text.contains(':') {
        return Ok(vec![("1", text)]);
    }
    text.split(',')
        .map(|part| part.trim().split_once(':').filter(|(kid, secret)| is_kid(kid) && !secret.is_empty()))
        .collect::<Option<_>>()
        .ok_or(BadSecret("JWT_SECRET must be one secret, or kid:secret pairs separated by commas"))
}

fn is_kid(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
pub(super) mod tests;
