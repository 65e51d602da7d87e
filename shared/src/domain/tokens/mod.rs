//! Access tokens: HS256 JWTs that only our own keys sign. Nothing in a token's header chooses anything but which of those keys.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use crate::config::{self, Again, Secret};
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

const ISSUER: &str = "conchat";
const AUDIENCE: &str = "conchat";
/// RFC 9068: so no other kind of token is taken for an access token.
const TYPE: &str = "at+jwt";
/// Ours are 300 bytes; a key id of 32 makes them no longer than 400.
const MAX_LENGTH: usize = 4096;
/// Clocks of instances may differ by so many seconds.
const LEEWAY: i64 = 5;
/// The longest life that the configuration can give.
const MAX_LIFE: i64 = 31_536_000;
/// What an older backend's document prints as the development secret: known to all, so worth nothing.
const DEVELOPMENT_SECRET: &str = "dev-super-secret-change-me";
/// A secret that was rotated is followed within this time.
const FRESH: Duration = Duration::from_mins(5);
/// Forged tokens make nobody read the secret oftener.
const BETWEEN_READINGS: Duration = Duration::from_secs(5);
/// HMAC-SHA256 with a shorter key is weaker than its digest.
const MIN_SECRET: usize = 32;

/// The keys that sign and verify: the first signs, all verify.
#[derive(Clone)]
pub struct Keys {
    ring: Arc<RwLock<Vec<Key>>>,
    source: Option<Arc<Source>>,
}

/// Where the keys come from.
struct Source {
    again: Again,
    is_real: bool,
    /// When they were read, and when they were last read for an unknown key.
    read_at: Mutex<(Instant, Option<Instant>)>,
}

#[derive(Clone)]
struct Key {
    kid: String,
    sign: EncodingKey,
    verify: DecodingKey,
    mac: hmac::Key,
}

/// Issues tokens: the keys, and how long what they sign is good for.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The keys.
    pub keys: Keys,
    /// Lives of access tokens and of sessions.
    pub lives: config::Tokens,
}

/// What an access token says, once its signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The person.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

/// The configured secret cannot be used; says why, and never shows it.
#[derive(Debug, PartialEq, Eq)]
struct BadSecret(&'static str);

const EMPTY: BadSecret = BadSecret("JWT_SECRET is empty");

impl Keys {
    /// Reads one secret, or several `kid:secret` pairs parted by commas. The real cloud takes no weak or published one.
    pub fn new(secret: &Secret, is_real: bool) -> Result<Self> {
        Self::following(secret, is_real, None)
    }

    /// The same; [`Self::follow`] reads them again.
    pub fn following(secret: &Secret, is_real: bool, again: Option<Again>) -> Result<Self> {
        let ring = read(secret.expose(), is_real).map_err(Error::internal)?;
        let source = again.map(|again| Arc::new(Source { again, is_real, read_at: Mutex::new((Instant::now(), None)) }));
        Ok(Self { ring: Arc::new(RwLock::new(ring)), source })
    }

    /// Reads the keys again: every five minutes, and for what none of them wrote at once, but not over and over.
    pub async fn follow(&self, known: bool) {
        self.follow_at(known, Instant::now()).await;
    }

    async fn follow_at(&self, known: bool, now: Instant) {
        let Some(source) = self.source.as_ref().filter(|source| source.is_due(known, now)) else { return };
        let ring = source.again.read().await.and_then(|secret| read(secret.expose(), source.is_real).map_err(Error::internal));
        match ring {
            Ok(ring) => *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring,
            Err(error) => {
                tracing::warn!(error = error.source().map(ToString::to_string), "the keys of tokens could not be read again");
            }
        }
    }

    /// Whether the key that a token names is one of ours. What is no token names none, and no key would help it.
    pub fn knows(&self, token: &str) -> bool {
        let kid = if token.len() > MAX_LENGTH { None } else { decode_header(token).ok().and_then(|header| header.kid) };
        kid.is_none_or(|kid| !is_kid(&kid) || self.ring().iter().any(|key| key.kid == kid))
    }

    fn ring(&self) -> RwLockReadGuard<'_, Vec<Key>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs an access token of a session.
    pub fn sign(&self, claims: Claims, life: Duration, now: Timestamp) -> Result<String> {
        let ring = self.ring();
        let key = first(&ring)?;
        let exp = now.seconds().saturating_add_unsigned(life.as_secs());
        let (sub, sid) = (claims.user.to_string(), claims.session.to_string());
        let body = Body { sub, sid, iat: now.seconds(), exp, iss: ISSUER.into(), aud: AUDIENCE.into() };
        encode(&header(&key.kid), &body, &key.sign).map_err(Error::internal)
    }

    /// What a token says, if one of our keys signed it and it is good at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims> {
        let body = self.open(token).ok_or(Error::Unauthenticated("unauthenticated"))?;
        let claims = body.claims().ok_or(Error::Unauthenticated("unauthenticated"))?;
        let lasting = body.exp.checked_sub(body.iat).is_some_and(|life| (1..=MAX_LIFE).contains(&life));
        if body.iss != ISSUER || body.aud != AUDIENCE || !lasting || body.iat > now.seconds() + LEEWAY {
            return Err(Error::Unauthenticated("unauthenticated"));
        }
        if now.seconds() > body.exp + LEEWAY {
            return Err(Error::Unauthenticated("token_expired"));
        }
        Ok(claims)
    }

    /// A proof that we wrote `text`.
    pub(super) fn prove(&self, text: &str) -> Result<hmac::Tag> {
        Ok(hmac::sign(&first(&self.ring())?.mac, text.as_bytes()))
    }

    /// The proofs of another text by all our keys, that first which wrote this proof of `text`; none when none of them did.
    pub(super) fn rewrite(&self, text: &str, mac: &[u8], other: &str) -> Vec<hmac::Tag> {
        let ring = self.ring();
        let Some(at) = ring.iter().position(|key| hmac::verify(&key.mac, text.as_bytes(), mac).is_ok()) else {
            return Vec::new();
        };
        let rest = ring.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, key)| key);
        std::iter::once(&ring[at]).chain(rest).map(|key| hmac::sign(&key.mac, other.as_bytes())).collect()
    }

    fn open(&self, token: &str) -> Option<Body> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let given = decode_header(token).ok()?;
        let ring = self.ring();
        let key = ring.iter().find(|key| Some(&key.kid) == given.kid.as_ref())?;
        // Exactly what we write and nothing besides: no `crit`, no `jwk`, no `jku`, no `x5u`, no `x5c`, no other algorithm.
        if given != header(&key.kid) {
            return None;
        }
        // The library checks the signature. The claims are ours to check: it takes absent and oddly typed ones for good.
        let mut signature_alone = Validation::new(Algorithm::HS256);
        signature_alone.required_spec_claims.clear();
        signature_alone.validate_exp = false;
        signature_alone.validate_aud = false;
        decode(token, &key.verify, &signature_alone).ok().map(|opened| opened.claims)
    }
}

impl Source {
    fn is_due(&self, known: bool, now: Instant) -> bool {
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = !known && read_at.1.is_none_or(|time| now.duration_since(time) >= BETWEEN_READINGS);
        let due = asked || now.duration_since(read_at.0) >= FRESH;
        if due {
            *read_at = (now, if known { read_at.1 } else { Some(now) });
        }
        due
    }
}

fn first(ring: &[Key]) -> Result<&Key> {
    ring.first().ok_or_else(|| Error::internal("there is no signing key"))
}

fn read(text: &str, is_real: bool) -> Result<Vec<Key>, BadSecret> {
    let pairs = pairs(text)?;
    let mut ring: Vec<Key> = Vec::with_capacity(pairs.len());
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
        ring.push(Key {
            kid: kid.to_owned(),
            sign: EncodingKey::from_secret(secret.as_bytes()).map_err(|_| EMPTY)?,
            verify: DecodingKey::from_secret(secret.as_bytes()).map_err(|_| EMPTY)?,
            mac: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        });
    }
    Ok(ring)
}

impl fmt::Debug for Keys {
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

/// The claims on the wire, all of them and no other. Ids are texts there, as RFC 7519 has `sub`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Body {
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
    iss: String,
    aud: String,
}

impl Body {
    fn claims(&self) -> Option<Claims> {
        Some(Claims { user: self.sub.parse().ok()?, session: self.sid.parse().ok()? })
    }
}

fn header(kid: &str) -> Header {
    Header { typ: Some(TYPE.into()), kid: Some(kid.into()), ..Header::new(Algorithm::HS256) }
}

/// `secret`, or `kid:secret,kid:secret`. Without any colon the whole text is one secret of the id `1`.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, BadSecret> {
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
        .ok_or(BadSecret("JWT_SECRET must be one secret, or kid:secret pairs parted by commas"))
}

fn is_kid(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
pub(super) mod tests;
