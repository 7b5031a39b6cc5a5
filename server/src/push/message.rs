//! A push message as the push service carries it and cannot read it (RFC 8291, `aes128gcm` of
//! RFC 8188): sealed for one browser, by a key made for this message alone.

use crate::folder::random;
use aes_gcm::aead::Aead;
use aes_gcm::{Aes128Gcm, KeyInit, Nonce};
use anyhow::{Context, Result, anyhow, ensure};
use hkdf::Hkdf;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{PublicKey, SecretKey, ecdh};
use sha2::Sha256;

/// A public key, uncompressed.
pub const POINT: usize = 65;
/// What a browser shares with whoever may write to it.
pub const AUTH: usize = 16;
const SALT: usize = 16;
/// The one record's size: a service takes no larger message (RFC 8291 §4).
const RECORD: u32 = 4_096;
/// The longest text: a record less its header, its mark and its tag.
pub const LONGEST: usize = 4_096 - 86 - 1 - 16;

/// Whether these are the keys of a browser.
pub fn is_browser(p256dh: &[u8], auth: &[u8]) -> bool {
    p256dh.len() == POINT && auth.len() == AUTH && PublicKey::from_sec1_bytes(p256dh).is_ok()
}

/// The text, sealed for one browser.
pub fn sealed(text: &[u8], p256dh: &[u8], auth: &[u8]) -> Result<Vec<u8>> {
    let (key, salt) = (secret()?, random::<SALT>()?);
    seal(text, p256dh, auth, &key, &salt)
}

/// A private key. Of 2²⁵⁶ numbers nearly all are one.
pub fn secret() -> Result<SecretKey> {
    loop {
        if let Ok(key) = SecretKey::from_slice(&random::<32>()?) {
            return Ok(key);
        }
    }
}

fn seal(
    text: &[u8],
    p256dh: &[u8],
    auth: &[u8],
    key: &SecretKey,
    salt: &[u8; SALT],
) -> Result<Vec<u8>> {
    ensure!(text.len() <= LONGEST, "the message is too long");
    let theirs = PublicKey::from_sec1_bytes(p256dh).context("not a browser's key")?;
    let ours = key.public_key().to_encoded_point(false);
    let shared = ecdh::diffie_hellman(key.to_nonzero_scalar(), theirs.as_affine());
    let info = [b"WebPush: info\0", p256dh, ours.as_bytes()].concat();
    let material: [u8; 32] = derived(auth, shared.raw_secret_bytes(), &info)?;
    let content: [u8; 16] = derived(salt, &material, b"Content-Encoding: aes128gcm\0")?;
    let nonce: [u8; 12] = derived(salt, &material, b"Content-Encoding: nonce\0")?;
    let plain = [text, b"\x02"].concat();
    let sealed = Aes128Gcm::new(&content.into()).encrypt(&Nonce::from(nonce), &plain[..]);
    let sealed = sealed.map_err(|_| anyhow!("the message is too long"))?;
    let length = u8::try_from(POINT)?;
    Ok([&salt[..], &RECORD.to_be_bytes(), &[length], ours.as_bytes(), &sealed].concat())
}

fn derived<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<[u8; N]> {
    let mut out = [0; N];
    let expanded = Hkdf::<Sha256>::new(Some(salt), secret).expand(info, &mut out);
    expanded.map_err(|_| anyhow!("too many bytes from one key"))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64.decode(text).unwrap()
    }

    /// RFC 8291, §5 and Appendix A.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let key = SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"));
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let theirs = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SR\
            pkNtoIAiw4";
        let auth = bytes("BTBZMqHH6r4Tts7J_aSIgg");
        let text = b"When I grow up, I want to be a watermelon";
        let sealed = seal(text, &bytes(theirs), &auth, &key.unwrap(), &salt).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll\
            6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLW\
            youBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64.encode(sealed), expected);
    }

    #[test]
    fn no_two_are_alike_and_only_a_browser_is_written_to() {
        let key = secret().unwrap().public_key().to_encoded_point(false);
        let (p256dh, auth) = (key.as_bytes(), [7; AUTH]);
        assert!(is_browser(p256dh, &auth));
        let one = sealed(b"tea?", p256dh, &auth).unwrap();
        assert_ne!(one, sealed(b"tea?", p256dh, &auth).unwrap());
        assert_eq!(sealed(&[b'x'; LONGEST], p256dh, &auth).unwrap().len(), 4_096);
        sealed(&[b'x'; LONGEST + 1], p256dh, &auth).unwrap_err();
        let mut off = p256dh.to_vec();
        off[40] ^= 1;
        for (p256dh, auth) in [(&off[..], &auth[..]), (&p256dh[..33], &auth), (p256dh, &auth[1..])]
        {
            assert!(!is_browser(p256dh, auth));
        }
    }
}
