//! Who we are, to push services (VAPID, RFC 8292): a key made once for this data set, and a short
//! token signed with it for each service. It lies sealed in the database, so all nodes have the same.

use super::message::secret;
use crate::seal::Seal;
use crate::store::{Needs, Store, endpoints};
use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hallway_protocol::ids::Millis;
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use serde_json::json;
use tokio::sync::OnceCell;

/// Where it is sealed.
const PLACE: &str = "vapid";
/// A token is good for so long; a service takes none of more than a day.
const GOOD: Millis = 12 * 3_600_000;

/// The key, once it was asked for.
#[derive(Default)]
pub struct Vapid(OnceCell<SecretKey>);

impl std::fmt::Debug for Vapid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vapid")
    }
}

/// Whether a key that lies in a database opens, and is one.
pub fn opens(seal: &Seal, sealed: &str) -> Result<()> {
    read(seal, sealed).map(drop)
}

fn read(seal: &Seal, sealed: &str) -> Result<SecretKey> {
    let key = SecretKey::from_slice(&seal.open(PLACE, sealed)?);
    key.context("the key for push services is none")
}

impl Vapid {
    /// The public key, as browsers are given it.
    pub async fn public(&self, store: &Store, seal: &Seal) -> Result<String> {
        let key = self.key(store, seal).await?;
        Ok(BASE64.encode(key.public_key().to_encoded_point(false).as_bytes()))
    }

    /// The header that says who we are to the service at this origin; `subject` is where people find
    /// us.
    pub async fn header(
        &self,
        store: &Store,
        seal: &Seal,
        (origin, subject): (&str, Option<&str>),
        now: Millis,
    ) -> Result<String> {
        let key = self.key(store, seal).await?;
        let mut claims = json!({"aud": origin, "exp": (now + GOOD) / 1_000});
        if let Some(subject) = subject {
            claims["sub"] = json!(subject);
        }
        let part = |of: &serde_json::Value| BASE64.encode(of.to_string());
        let signed = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "ES256"})), part(&claims));
        let signature: Signature = SigningKey::from(key).sign(signed.as_bytes());
        let token = format!("{signed}.{}", BASE64.encode(signature.to_bytes()));
        let public = BASE64.encode(key.public_key().to_encoded_point(false).as_bytes());
        Ok(format!("vapid t={token}, k={public}"))
    }

    /// The key of this data set; made where there is none.
    async fn key(&self, store: &Store, seal: &Seal) -> Result<&SecretKey> {
        let find = async {
            let new = seal.seal(PLACE, &secret()?.to_bytes())?;
            let kept = store.write(Needs::default(), move |tx| endpoints::vapid(tx, &new)).await?;
            read(seal, &kept)
        };
        self.0.get_or_try_init(|| find).await
    }
}
