//! Refresh tokens: `v1.<session>.<secret>.<proof>`. The proof tells one of ours, however old, from a forgery without keeping any of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::secrets;
use crate::domain::tokens::Keys;
use crate::error::Result;
use crate::id::SessionId;
use crate::store::sessions::RefreshHash;

/// Ours are at most 107 bytes.
const MAX_LENGTH: usize = 128;

/// The secret part of a refresh token that is being made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fresh(String);

/// A refresh token that we made, at some time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Presented {
    /// The session that it names.
    pub(super) session: SessionId,
    /// What the session's row holds if this is its present token.
    pub(super) hash: RefreshHash,
    /// What comes after it: always the same, so that whoever presents it at the same time gets the same.
    pub(super) next: Fresh,
    /// What another instance may have let come after it that knows other keys.
    others: Vec<Fresh>,
}

impl Presented {
    /// The successor that a session's row holds, if it is one of ours.
    pub(super) fn next_of(&self, hash: &[u8]) -> Option<&Fresh> {
        std::iter::once(&self.next).chain(&self.others).find(|fresh| fresh.hash() == hash)
    }
}

impl Fresh {
    /// 256 random bits.
    pub(super) fn random() -> Result<Self> {
        secrets::random().map(Self)
    }

    /// What the session's row keeps.
    pub(super) fn hash(&self) -> RefreshHash {
        secrets::digest(&self.0)
    }

    /// The whole token, as the client gets it.
    pub(super) fn bind(&self, keys: &Keys, session: SessionId) -> Result<String> {
        let text = format!("v1.{session}.{}", self.0);
        let proof = keys.prove(&text)?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(proof)))
    }
}

/// Reads a token; none when it is not one of ours.
pub(super) fn read(keys: &Keys, token: &str) -> Option<Presented> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let (text, proof) = token.rsplit_once('.')?;
    let (session, secret) = text.strip_prefix("v1.")?.split_once('.')?;
    // The key that wrote the proof comes first: whoever can read the token has it, whatever keys were added or taken away since.
    let macs = keys.rewrite(text, &URL_SAFE_NO_PAD.decode(proof).ok()?, &format!("next.{text}"));
    let mut successors = macs.into_iter().map(|mac| Fresh(URL_SAFE_NO_PAD.encode(mac)));
    let (next, others) = (successors.next()?, successors.collect());
    Some(Presented { session: session.parse().ok()?, hash: secrets::digest(secret), next, others })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tokens::tests::keys;

    fn token(keys: &Keys) -> (String, RefreshHash) {
        let Ok(fresh) = Fresh::random() else { panic!("no randomness") };
        let Ok(token) = fresh.bind(keys, SessionId(7)) else { panic!("no key") };
        (token, fresh.hash())
    }

    #[test]
    fn a_token_names_its_session_and_its_hash() {
        let keys = keys("one-secret");
        let (token, hash) = token(&keys);
        let presented = read(&keys, &token).expect("ours");
        assert_eq!((presented.session, presented.hash), (SessionId(7), hash));
    }

    #[test]
    fn a_token_of_an_older_key_is_still_ours() {
        let (token, _) = token(&keys("old:secret-one"));
        assert!(read(&keys("new:secret-two,old:secret-one"), &token).is_some());
        assert!(read(&keys("new:secret-two"), &token).is_none());
    }

    #[test]
    fn what_comes_after_a_token_is_the_same_for_everybody_whose_keys_can_read_it() {
        let (token, hash) = token(&keys("old:secret-one"));
        let next = |secret: &str| read(&keys(secret), &token).expect("ours").next;
        let one = next("old:secret-one");
        assert_eq!(one, next("new:secret-two,old:secret-one"), "a key was added");
        assert_ne!(one.hash(), hash);
        // The proofs of two instances may differ while a key is being exchanged; either finds what the other let follow.
        let (before, after) = (keys("old:secret-one"), keys("new:secret-two,old:secret-one"));
        let two = one.bind(&after, SessionId(7)).expect("bound");
        let first = read(&after, &one.bind(&before, SessionId(7)).expect("bound")).expect("ours").next;
        let found = read(&after, &two).expect("ours");
        assert_ne!(found.next, first);
        assert_eq!(found.next_of(&first.hash()), Some(&first));
        assert_eq!(found.next_of(&hash), None);
    }

    #[test]
    fn a_token_that_we_did_not_write_is_none_of_ours() {
        let keys = keys("one-secret");
        let (token, _) = token(&keys);
        let other_session = token.replacen("v1.7.", "v1.8.", 1);
        let (text, proof) = token.rsplit_once('.').unwrap_or_default();
        for forged in
            ["", "v1", "v1.7", "v1.7.x", "v1.7.x.y", "v1...", &other_session, text, &format!("{text}."), &format!("{token}=")]
        {
            assert_eq!(read(&keys, forged), None, "{forged}");
        }
        assert_eq!(read(&keys, &format!("{text}.{proof}{proof}{proof}")), None);
    }
}
