//! Secrets that the server has to read again: of webhooks, second factors, push. In the database, and
//! so in every backup, they stand sealed under a key derived from the server's own secret, which is
//! in neither. Each is bound to its place: what is moved to another row does not open.
//!
//! AES-256-GCM with random nonces (NIST SP 800-38D); good for 2³² of them under one key.

use crate::folder::{Secret, random};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// Bytes of a nonce.
const NONCE: usize = 12;

/// Seals and opens.
pub struct Seal(Aes256Gcm);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// With the server's secret.
    pub fn new(secret: &Secret) -> Seal {
        Seal(Aes256Gcm::new(&secret.derived("seal").into()))
    }

    /// `bytes` as text for the row `place`, which names kind and id, as `webhook:12`.
    pub fn seal(&self, place: &str, bytes: &[u8]) -> Result<String> {
        let nonce = random::<NONCE>()?;
        let payload = Payload { msg: bytes, aad: place.as_bytes() };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| anyhow!("{place} is too long to be sealed"))?;
        Ok(BASE64_STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What was sealed for `place`. An error where the text is another's, was changed, or was sealed
    /// with another secret.
    pub fn open(&self, place: &str, text: &str) -> Result<Vec<u8>> {
        let sealed = || {
            let bytes = BASE64_STANDARD_NO_PAD.decode(text).ok()?;
            let (nonce, msg) = bytes.split_first_chunk::<NONCE>()?;
            let payload = Payload { msg, aad: place.as_bytes() };
            self.0.decrypt(&Nonce::from(*nonce), payload).ok()
        };
        sealed().with_context(|| {
            format!("what is sealed for {place} does not open: was the server's secret changed?")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_in_its_place_alone_and_never_after_a_change() {
        let seal = Seal::new(&Secret(random().unwrap()));
        let text = seal.seal("webhook:1", b"tea").unwrap();
        assert_eq!(seal.open("webhook:1", &text).unwrap(), b"tea");
        assert_ne!(seal.seal("webhook:1", b"tea").unwrap(), text);
        seal.open("webhook:2", &text).unwrap_err();
        Seal::new(&Secret(random().unwrap())).open("webhook:1", &text).unwrap_err();
        let mut bytes = BASE64_STANDARD_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            seal.open("webhook:1", &BASE64_STANDARD_NO_PAD.encode(&bytes)).unwrap_err();
            bytes[at] ^= 1;
        }
        for short in ["", "AAAA", "tea!"] {
            seal.open("webhook:1", short).unwrap_err();
        }
    }
}
