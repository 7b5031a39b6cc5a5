//! Addresses of our own that somebody may use for a few minutes without signing in. What one may be
//! used for stands in it, under an HMAC: method, object, and of an upload its length and media type.
//! Of a download it says who it was made for; whether they may still read is asked when it is used.

use crate::folder::Secret;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_protocol::ids::{Millis, TenantId, UserId};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// An address is good for so long.
pub const GOOD_MS: Millis = 5 * 60_000;

/// What an address may be used for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "m")]
pub enum Use {
    /// To put bytes somewhere.
    #[serde(rename = "PUT")]
    Put {
        /// Whose file: the media id.
        i: String,
        /// Where the bytes go.
        p: String,
        /// How many.
        s: i64,
        /// Of what media type.
        t: String,
        /// Until when.
        e: Millis,
    },
    /// To get the bytes of a file, or its thumbnail.
    #[serde(rename = "GET")]
    Get {
        /// The media id.
        i: String,
        /// The thumbnail.
        h: bool,
        /// Who may: tenant,
        n: TenantId,
        /// person,
        u: UserId,
        /// and session.
        o: String,
        /// Until when.
        e: Millis,
    },
}

impl Use {
    fn until(&self) -> Millis {
        match self {
            Use::Put { e, .. } | Use::Get { e, .. } => *e,
        }
    }
}

/// Signs and reads addresses.
pub struct Signer([u8; 32]);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// With a key of its own from the server's secret.
    pub fn new(secret: &Secret) -> Signer {
        Signer(secret.derived("files"))
    }

    /// The last part of an address.
    pub fn sign(&self, to: &Use) -> anyhow::Result<String> {
        let said = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(to)?);
        let proof = BASE64_URL_SAFE_NO_PAD.encode(self.mac(&said).finalize().into_bytes());
        Ok(format!("{said}.{proof}"))
    }

    /// What an address of ours may be used for now.
    pub fn read(&self, token: &str, now: Millis) -> Option<Use> {
        let (said, proof) = token.split_once('.')?;
        let proof = BASE64_URL_SAFE_NO_PAD.decode(proof).ok()?;
        self.mac(said).verify_slice(&proof).ok()?;
        let to: Use = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        // One that is good for longer was signed by a clock that was wrong.
        (now < to.until() && to.until() <= now + GOOD_MS).then_some(to)
    }

    /// A word that stands for another, and from which nobody learns that one.
    pub fn tag(&self, of: &str) -> String {
        // A dot stands in no address before its end: no proof of one is ever a tag.
        hex::encode(&self.mac(&format!(".{of}")).finalize().into_bytes()[..16])
    }

    fn mac(&self, said: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(said.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_good_for_what_it_says_and_as_long() {
        let signer = Signer::new(&Secret([7; 32]));
        let put =
            |s| Use::Put { i: "a".into(), p: "1/a/in/0".into(), s, t: "a/b".into(), e: 1_000 };
        let token = signer.sign(&put(5)).unwrap();
        assert_eq!(signer.read(&token, 999), Some(put(5)));
        assert_eq!(signer.read(&token, 1_000), None, "it has expired");
        assert_eq!(signer.read(&token, -GOOD_MS), None, "it is of another time");
        assert_eq!(Signer::new(&Secret([8; 32])).read(&token, 999), None, "another's");
        let other = signer.sign(&put(6)).unwrap();
        let (said, proof) = (other.split_once('.').unwrap().0, token.split_once('.').unwrap().1);
        assert_eq!(signer.read(&format!("{said}.{proof}"), 999), None, "forged");
        let tag = signer.tag("1-2-3");
        assert_eq!((tag.len(), &tag), (32, &signer.tag("1-2-3")));
        assert_ne!(tag, signer.tag("1-2-4"));
        assert_ne!(tag, Signer::new(&Secret([8; 32])).tag("1-2-3"));
        for odd in ["", ".", "a.b", &token[..token.len() - 1]] {
            assert_eq!(signer.read(odd, 999), None, "{odd}");
        }
    }
}
