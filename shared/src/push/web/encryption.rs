//! Encryption of push messages: RFC 8291 (`aes128gcm`), one record per message.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// The body size that every push service accepts.
const MOST_BODY: usize = 4096;
/// Salt, record size, key length, key.
const HEADER: usize = 16 + 4 + 1 + 65;
const TAG: usize = 16;
/// The largest plaintext; one byte delimits it.
pub const MOST_TEXT: usize = MOST_BODY - HEADER - TAG - 1;
/// Plaintexts are padded to multiples of this, which hides their length.
const STEP: usize = 256;

/// Encrypts a text for a device with its public key, its secret, and an ephemeral key.
pub fn encrypt(text: &[u8], public: &[u8], auth: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|_| Unspecified)?;
    let record = (text.len() + 1).next_multiple_of(STEP).min(MOST_TEXT + 1);
    let padding = record.checked_sub(text.len() + 1).ok_or(Unspecified)?;
    seal(text, padding, Recipient { public, auth }, &PrivateKey::generate(&ECDH_P256)?, salt)
}

/// The keys of a device.
#[derive(Clone, Copy)]
struct Recipient<'a> {
    public: &'a [u8],
    auth: &'a [u8],
}

fn seal(text: &[u8], padding: usize, to: Recipient<'_>, key: &PrivateKey, salt: [u8; 16]) -> Result<Vec<u8>, Unspecified> {
    let Recipient { public, auth } = to;
    let ours = key.compute_public_key()?;
    let shared = agree(key, UnparsedPublicKey::new(&ECDH_P256, public), Unspecified, |secret| {
        let prk = Salt::new(HKDF_SHA256, auth).extract(secret);
        expand::<32>(&prk, &[b"WebPush: info\0", public, ours.as_ref()])
    })?;
    let prk = Salt::new(HKDF_SHA256, &salt).extract(&shared);
    let content_key = expand::<16>(&prk, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce = expand::<12>(&prk, &[b"Content-Encoding: nonce\0"])?;

    let mut record = Vec::with_capacity(text.len() + 1 + padding + TAG);
    record.extend_from_slice(text);
    // The delimiter of the last record; padding follows.
    record.push(2);
    record.resize(record.len() + padding, 0);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content_key)?);
    cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)?;

    let mut body = Vec::with_capacity(HEADER + record.len());
    body.extend_from_slice(&salt);
    body.extend_from_slice(&4096_u32.to_be_bytes());
    body.push(65);
    body.extend_from_slice(ours.as_ref());
    body.append(&mut record);
    Ok(body)
}

/// Derives `N` bytes from a key.
pub(super) fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = [0_u8; N];
    prk.expand(info, Length(N))?.fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    const PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    #[test]
    fn the_example_of_rfc_8291_comes_out_byte_by_byte() {
        let key = PrivateKey::from_private_key(&ECDH_P256, &bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).expect("a key");
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().expect("16 bytes");
        let text = b"When I grow up, I want to be a watermelon";
        let body = seal(text, 0, Recipient { public: &bytes(PUBLIC), auth: &bytes(AUTH) }, &key, salt).expect("sealed");
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl\
                        7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body), expected);
    }

    #[test]
    fn a_body_has_at_most_4096_bytes_and_its_length_tells_little() {
        let length = |text: usize| encrypt(&vec![b'x'; text], &bytes(PUBLIC), &bytes(AUTH)).map(|body| body.len()).ok();
        assert_eq!((length(0), length(255)), (Some(HEADER + TAG + 256), Some(HEADER + TAG + 256)));
        assert_eq!((length(MOST_TEXT), length(MOST_TEXT + 1)), (Some(4096), None));
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_is_refused() {
        let mut wrong = bytes(PUBLIC);
        wrong[64] ^= 1;
        for public in [wrong, vec![4; 65], vec![0; 65], Vec::new()] {
            assert!(encrypt(b"x", &public, &bytes(AUTH)).is_err());
        }
    }
}
