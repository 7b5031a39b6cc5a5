//! The tokens people hold. An access token is a JWT of ten minutes, signed with HS256. A refresh
//! token is `session ‖ generation ‖ HMAC`: its successor is derived, so the same one can be given
//! again when an answer was lost. Keys of their own for each purpose come from the one secret.

use crate::error::{Refusal, Result};
use crate::folder::Secret;
use crate::store::mails::Slip;
use anyhow::anyhow;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, TenantId, UserId};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an access token lasts.
pub const ACCESS_MS: i64 = 10 * 60 * 1000;
/// Issuer and audience: another program with the same secret is not us.
const ISSUER: &str = "hallway";
/// Names the key; a second one will let the secret be changed without signing anyone out.
const KEY_ID: &str = "1";

/// What an access token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    tenant: TenantId,
    /// Text, as RFC 7519 wants it: the library passes over a `sub` that is a number.
    sub: String,
    session: String,
    /// Generation of the refresh token it was given with.
    generation: i64,
    /// Unix seconds.
    exp: i64,
}

/// Makes and reads tokens.
pub struct Tokens {
    clock: Clock,
    sign: EncodingKey,
    read: DecodingKey,
    rules: Validation,
    refresh: [u8; 32],
    mail: [u8; 32],
}

/// Who a valid access token speaks of.
#[derive(Clone, Debug)]
pub struct Access {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its person.
    pub user: UserId,
    /// Its session.
    pub session: String,
    /// Generation of the refresh token it was given with.
    pub generation: i64,
}

impl Tokens {
    /// Keys of their own for each purpose, from the one secret.
    pub fn new(secret: &Secret, clock: Clock) -> Self {
        let access = secret.derived("access");
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The age is checked below by our own clock, which tests can turn.
        rules.validate_exp = false;
        Tokens {
            clock,
            sign: EncodingKey::from_secret(&access),
            read: DecodingKey::from_secret(&access),
            rules,
            refresh: secret.derived("refresh"),
            mail: secret.derived("mail"),
        }
    }

    /// An access token for a session.
    pub fn access(&self, of: &Access) -> Result<String> {
        let header = Header { kid: Some(KEY_ID.into()), ..Header::new(Algorithm::HS256) };
        let claims = Claims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            tenant: of.tenant,
            sub: of.user.to_string(),
            session: of.session.clone(),
            generation: of.generation,
            exp: (self.clock.now() + ACCESS_MS) / 1000,
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.sign);
        token.map_err(|error| Refusal::Broken(anyhow!("cannot sign: {error}")))
    }

    /// Reads an access token; whatever is wrong with it, it is no token.
    pub fn read(&self, token: &str) -> Result<Access> {
        let token = jsonwebtoken::decode::<Claims>(token, &self.read, &self.rules)
            .map_err(|_| Refusal::SignedOut)?;
        let claims = token.claims;
        let known = token.header.kid.as_deref() == Some(KEY_ID);
        if !known || claims.exp.saturating_mul(1000) <= self.clock.now() {
            return Err(Refusal::SignedOut);
        }
        let Claims { tenant, sub, session, generation, .. } = claims;
        let user = sub.parse().map_err(|_| Refusal::SignedOut)?;
        Ok(Access { tenant, user, session, generation })
    }

    /// The refresh token of a generation of a session.
    pub fn refresh(&self, session: &str, generation: i64) -> String {
        let proof = mac(&self.refresh, &[session.as_bytes(), &generation.to_be_bytes()]);
        format!("{session}.{generation}.{}", BASE64_URL_SAFE_NO_PAD.encode(proof))
    }

    /// What is stored of it.
    pub fn hash(&self, session: &str, generation: i64) -> [u8; 32] {
        digest(&self.refresh(session, generation))
    }

    /// Session and generation of a refresh token that we made.
    pub fn read_refresh(&self, token: &str) -> Result<(String, i64)> {
        let forged = || Refusal::SignedOut;
        let mut parts = token.splitn(3, '.');
        let session = parts.next().ok_or_else(forged)?;
        let generation: i64 = parts.next().and_then(|n| n.parse().ok()).ok_or_else(forged)?;
        let proof = parts.next().and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        let expected = keyed(&self.refresh, &[session.as_bytes(), &generation.to_be_bytes()]);
        match proof {
            Some(proof) if expected.verify_slice(&proof).is_ok() => {
                Ok((session.to_owned(), generation))
            }
            _ => Err(forged()),
        }
    }
}

impl Tokens {
    /// Bytes that only we can make of somebody and the key of their call, the same each time.
    pub fn derived(&self, purpose: &str, who: &str, key: &Key) -> [u8; 32] {
        mac(&self.refresh, &[purpose.as_bytes(), who.as_bytes(), key.as_str().as_bytes()])
    }

    /// Bytes that only we can make of a secret that somebody else holds.
    pub fn bound(&self, purpose: &str, secret: &str) -> [u8; 32] {
        mac(&self.refresh, &[purpose.as_bytes(), secret.as_bytes()])
    }
}

impl Tokens {
    /// The token in the link of a mail; the same whenever the mail is made.
    pub fn mail(&self, id: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(mac(&self.mail, &[id.as_bytes()]))
    }

    /// A mail with a link, in blank.
    pub fn slip(&self) -> Slip {
        let id = format!("{:032x}", rand::random::<u128>());
        let hash = digest(&self.mail(&id));
        Slip { id, hash }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        // Lengths go in, so that two rows of parts never make one text.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

/// HMAC-SHA256 over parts that cannot run into one another.
pub fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    keyed(key, parts).finalize().into_bytes().into()
}

/// What is stored of a secret that somebody else holds.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn tokens() -> (Tokens, Clock) {
        let clock = Clock::system();
        (Tokens::new(&Secret([7; 32]), clock.clone()), clock)
    }

    fn access() -> Access {
        Access { tenant: TenantId(1), user: UserId(3), session: "s".into(), generation: 4 }
    }

    #[test]
    fn a_token_lasts_ten_minutes_and_only_ours_is_one() {
        let (tokens, clock) = tokens();
        let token = tokens.access(&access()).unwrap();
        assert_eq!(tokens.read(&token).unwrap().generation, 4);
        let other = Tokens::new(&Secret([8; 32]), clock.clone());
        assert!(other.read(&token).is_err());
        assert!(tokens.read("").is_err());
        clock.turn(Duration::from_millis(ACCESS_MS as u64));
        assert!(tokens.read(&token).is_err());
    }

    #[test]
    fn another_algorithm_or_key_is_refused_and_so_is_a_missing_claim() {
        let (tokens, clock) = tokens();
        let claims = |aud: &str| Claims {
            iss: ISSUER.into(),
            aud: aud.into(),
            tenant: TenantId(1),
            sub: "3".into(),
            session: "s".into(),
            generation: 0,
            exp: clock.now() / 1000 + 60,
        };
        let make = |header: &Header, claims: &Claims| {
            jsonwebtoken::encode(header, claims, &tokens.sign).unwrap()
        };
        let kid = |algorithm| Header { kid: Some(KEY_ID.into()), ..Header::new(algorithm) };
        assert!(tokens.read(&make(&kid(Algorithm::HS256), &claims(ISSUER))).is_ok());
        assert!(tokens.read(&make(&kid(Algorithm::HS512), &claims(ISSUER))).is_err());
        assert!(tokens.read(&make(&Header::new(Algorithm::HS256), &claims(ISSUER))).is_err());
        assert!(tokens.read(&make(&kid(Algorithm::HS256), &claims("other"))).is_err());
        let part =
            serde_json::json!({"iss": ISSUER, "aud": ISSUER, "sub": "3", "exp": 99999999999_i64});
        let short = jsonwebtoken::encode(&kid(Algorithm::HS256), &part, &tokens.sign).unwrap();
        assert!(tokens.read(&short).is_err());
    }

    #[test]
    fn a_refresh_token_is_the_same_each_time_and_no_other_is_believed() {
        let (tokens, _) = tokens();
        let token = tokens.refresh("abc", 3);
        assert_eq!(token, tokens.refresh("abc", 3));
        assert_eq!(tokens.read_refresh(&token).unwrap(), ("abc".into(), 3));
        assert!(tokens.read_refresh(&token.replace(".3.", ".4.")).is_err());
        assert!(tokens.read_refresh("abc.3").is_err());
        assert!(tokens.read_refresh("").is_err());
    }
}
