//! Refresh tokens: `v1.<session>.<secret>.<proof>`. The proof is a MAC that recognizes every token ever issued without storing it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::auth::secrets;
use crate::domain::auth::tokens::TokenKeys;
use crate::error::Result;
use crate::id::SessionId;
use crate::store::sessions::RefreshHash;

/// Issued tokens have at most 107 bytes.
const MAX_LENGTH: usize = 128;

/// The secret part of a new refresh token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RefreshSecret(String);

/// A refresh token with a valid proof, current or not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PresentedToken {
    pub(crate) session: SessionId,
    /// The hash in the session's row if this is its current token.
    pub(crate) hash: RefreshHash,
    /// The successor. It is derived from the token, so concurrent refreshes get the same one.
    pub(crate) successor: RefreshSecret,
    /// Successors that instances with other keys may have derived.
    other_successors: Vec<RefreshSecret>,
}

impl PresentedToken {
    /// Returns the successor with the hash in the session's row.
    pub(crate) fn successor_with(&self, hash: &[u8]) -> Option<&RefreshSecret> {
        std::iter::once(&self.successor).chain(&self.other_successors).find(|fresh| fresh.hash() == hash)
    }
}

impl RefreshSecret {
    /// 256 random bits.
    pub(crate) fn random() -> Result<Self> {
        secrets::random_token().map(Self)
    }

    /// The hash that the session's row stores.
    pub(crate) fn hash(&self) -> RefreshHash {
        secrets::digest(&self.0)
    }

    /// Returns the whole token.
    pub(crate) fn to_token(&self, keys: &TokenKeys, session: SessionId) -> Result<String> {
        let text = format!("v1.{session}.{}", self.0);
        let proof = keys.mac_of(&text)?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(proof)))
    }
}

/// Parses a token and verifies its proof.
pub(crate) fn parse(keys: &TokenKeys, token: &str) -> Option<PresentedToken> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let (text, proof) = token.rsplit_once('.')?;
    let (session, secret) = text.strip_prefix("v1.")?.split_once('.')?;
    // The successor by the key that wrote the proof comes first: every instance that can read the token has that key.
    let macs = keys.macs_of(text, &URL_SAFE_NO_PAD.decode(proof).ok()?, &format!("next.{text}"));
    let mut successors = macs.into_iter().map(|mac| RefreshSecret(URL_SAFE_NO_PAD.encode(mac)));
    let (successor, other_successors) = (successors.next()?, successors.collect());
    Some(PresentedToken { session: session.parse().ok()?, hash: secrets::digest(secret), successor, other_successors })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::auth::tokens::tests::keys;

    fn token(keys: &TokenKeys) -> (String, RefreshHash) {
        let Ok(fresh) = RefreshSecret::random() else { panic!("no randomness") };
        let Ok(token) = fresh.to_token(keys, SessionId(7)) else { panic!("no key") };
        (token, fresh.hash())
    }

    #[test]
    fn a_token_names_its_session_and_its_hash() {
        let keys = keys("one-secret");
        let (token, hash) = token(&keys);
        let presented = parse(&keys, &token).expect("ours");
        assert_eq!((presented.session, presented.hash), (SessionId(7), hash));
    }

    #[test]
    fn a_token_of_an_older_key_is_valid() {
        let (token, _) = token(&keys("old:secret-one"));
        assert!(parse(&keys("new:secret-two,old:secret-one"), &token).is_some());
        assert!(parse(&keys("new:secret-two"), &token).is_none());
    }

    #[test]
    fn instances_with_a_common_key_derive_the_same_successor() {
        let (token, hash) = token(&keys("old:secret-one"));
        let next = |secret: &str| parse(&keys(secret), &token).expect("ours").successor;
        let one = next("old:secret-one");
        assert_eq!(one, next("new:secret-two,old:secret-one"), "a key was added");
        assert_ne!(one.hash(), hash);
        // Proofs of two instances may differ during a key rotation; either finds the other's successor.
        let (before, after) = (keys("old:secret-one"), keys("new:secret-two,old:secret-one"));
        let two = one.to_token(&after, SessionId(7)).expect("bound");
        let first = parse(&after, &one.to_token(&before, SessionId(7)).expect("bound")).expect("ours").successor;
        let found = parse(&after, &two).expect("ours");
        assert_ne!(found.successor, first);
        assert_eq!(found.successor_with(&first.hash()), Some(&first));
        assert_eq!(found.successor_with(&hash), None);
    }

    #[test]
    fn a_forged_token_is_refused() {
        let keys = keys("one-secret");
        let (token, _) = token(&keys);
        let other_session = token.replacen("v1.7.", "v1.8.", 1);
        let (text, proof) = token.rsplit_once('.').unwrap_or_default();
        for forged in
            ["", "v1", "v1.7", "v1.7.x", "v1.7.x.y", "v1...", &other_session, text, &format!("{text}."), &format!("{token}=")]
        {
            assert_eq!(parse(&keys, forged), None, "{forged}");
        }
        assert_eq!(parse(&keys, &format!("{text}.{proof}{proof}{proof}")), None);
    }
}
