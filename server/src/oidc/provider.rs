//! The provider, as the server talks to it: what it says of itself and its keys (kept, and asked for
//! anew when a key is unknown), the exchange of its code, and the reading of its token. Only a token
//! signed with RS256 or ES256 by a key it publishes, for us, now, and for the sign-in that was begun
//! here is believed.

use super::settings::Settings;
use crate::config::Config;
use crate::outbound::{self, Answer, Call, Fault, Outbound};
use anyhow::Result;
use axum::http::{HeaderValue, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hallway_kit::Clock;
use hallway_protocol::ids::Millis;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::Mutex;
use url::Url;

/// What it says of itself and its keys is asked for anew after so long.
const FRESH: Millis = 3_600_000;
/// An unknown key has the keys asked for anew, not more often than this.
const AGAIN: Millis = 10_000;
/// Clocks differ by so many seconds.
const LEEWAY: i64 = 60;
/// A token was made for the sign-in that ends with it, at most so many seconds ago.
const OLDEST: i64 = 600;
/// OpenID Connect Core §2: a subject is no longer.
const SUBJECT_MAX: usize = 255;

/// Why a sign-in with the provider came to nothing; for the log, never for the page.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// It cannot be reached, or answers nonsense.
    #[error("the provider cannot be used: {0}")]
    Away(String),
    /// Its answer is not to be believed.
    #[error("the provider's token is refused: {0}")]
    Token(&'static str),
}

impl From<Fault> for Why {
    fn from(fault: Fault) -> Self {
        Why::Away(fault.to_string())
    }
}

/// What a provider says of itself (OpenID Connect Discovery §3), as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Clone)]
struct Known {
    says: Discovered,
    keys: Vec<Jwk>,
    at: Millis,
}

/// Whom a token speaks of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The provider's own name for them; nothing else tells two people apart.
    pub subject: String,
    /// An address that the provider has verified.
    pub email: Option<String>,
    /// As they are called.
    pub name: Option<String>,
    /// The user name they would like.
    pub wanted: Option<String>,
}

/// The provider that is configured.
pub struct Provider {
    /// As configured.
    pub settings: Settings,
    clock: Clock,
    outbound: Outbound,
    known: Mutex<Option<Arc<Known>>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provider")
    }
}

/// What a browser takes to the provider.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Where it comes back to.
    pub back: &'a str,
    /// Proves that it is the same sign-in.
    pub state: &'a str,
    /// Binds the token to it.
    pub nonce: &'a str,
    /// S256 of the verifier (RFC 7636).
    pub challenge: &'a str,
}

/// What is given for a token.
#[derive(Debug)]
pub struct Given<'a> {
    /// The provider's code.
    pub code: &'a str,
    /// As it was in [`Asked`].
    pub back: &'a str,
    /// Proves that we began it (RFC 7636).
    pub verifier: &'a str,
    /// As it was in [`Asked`].
    pub nonce: &'a str,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// A key set, of which a key of a kind we do not know is passed over.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// One or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Audience,
    #[serde(default)]
    azp: Option<String>,
    exp: f64,
    iat: f64,
    #[serde(default)]
    nbf: Option<f64>,
    nonce: String,
    #[serde(default)]
    email: Option<String>,
    /// A boolean; some say it as text.
    #[serde(default)]
    email_verified: serde_json::Value,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    preferred_username: Option<String>,
}

impl Provider {
    /// As configured; nothing is asked of it yet. None: nobody signs in so.
    pub fn open(config: &Config, outbound: &Outbound, clock: &Clock) -> Result<Option<Provider>> {
        let provider = |settings| Provider {
            settings,
            clock: clock.clone(),
            outbound: outbound.clone(),
            known: Mutex::new(None),
        };
        Ok(Settings::read(config)?.map(provider))
    }

    /// Whether it says of itself what is configured; how many keys it publishes by which it
    /// can sign.
    pub async fn reaches(&self) -> Result<usize, Why> {
        let known = self.known(None).await?;
        let of = |algorithm| known.keys.iter().filter(move |key| fits(key, algorithm));
        Ok(of(Algorithm::RS256).chain(of(Algorithm::ES256)).count())
    }

    /// Where a browser is sent to.
    pub async fn address(&self, asked: &Asked<'_>) -> Result<Url, Why> {
        let known = self.known(None).await?;
        let mut url = outbound::address(&known.says.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", asked.back)
            .append_pair("scope", &self.settings.scopes)
            .append_pair("state", asked.state)
            .append_pair("nonce", asked.nonce)
            .append_pair("code_challenge", asked.challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Whom the provider's code speaks of.
    pub async fn identity(&self, given: &Given<'_>) -> Result<Identity, Why> {
        let known = self.known(None).await?;
        let token = self.token(&known, given).await?;
        let header = jsonwebtoken::decode_header(&token);
        let header = header.map_err(|_| Why::Token("it is no signed token"))?;
        let known = match is_among(&known.keys, header.kid.as_deref()) {
            true => known,
            false => self.known(Some(known.at)).await?,
        };
        let claims = self.read(&known, &token, header.alg, header.kid.as_deref())?;
        self.judge(&claims, given.nonce)?;
        let verified = [serde_json::Value::Bool(true), "true".into()];
        let verified = verified.contains(&claims.email_verified);
        Ok(Identity {
            subject: claims.sub,
            email: claims.email.filter(|_| verified),
            name: claims.name,
            wanted: claims.preferred_username,
        })
    }

    /// Exchanges the code.
    async fn token(&self, known: &Known, given: &Given<'_>) -> Result<String, Why> {
        let (id, secret) = (&self.settings.client_id, &self.settings.client_secret);
        // Basic is what a provider must know; it says so where it wants the secret in the body.
        let ways = known.says.token_endpoint_auth_methods_supported.as_deref();
        let basic = ways.is_none_or(|ways| ways.iter().any(|way| way == "client_secret_basic"));
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", given.code),
            ("redirect_uri", given.back),
            ("code_verifier", given.verifier),
        ];
        if secret.is_none() || !basic {
            form.push(("client_id", id));
        }
        if let Some(secret) = secret.as_ref().filter(|_| !basic) {
            form.push(("client_secret", &secret.0));
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let kind = "application/x-www-form-urlencoded";
        let mut call = Call::post("sign-in", &known.says.token_endpoint, kind, body)?;
        if let Some(secret) = secret.as_ref().filter(|_| basic) {
            // RFC 6749 §2.3.1: both are encoded as in a form first.
            let word =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let both = BASE64_STANDARD.encode(format!("{}:{}", word(id), word(&secret.0)));
            let both = HeaderValue::from_str(&format!("Basic {both}"));
            let both = both.map_err(|_| Why::Away("its secret is no text".into()))?;
            call = call.secret(header::AUTHORIZATION, both);
        }
        let said = self.asked(call, &known.says.token_endpoint).await?;
        Ok(parsed::<Tokens>(&said)?.id_token)
    }

    /// What is known of the provider; asked for when nothing is, when that was long ago, or when
    /// what was known at `stale` lacked a key.
    async fn known(&self, stale: Option<Millis>) -> Result<Arc<Known>, Why> {
        let mut held = self.known.lock().await;
        let now = self.clock.ticks();
        if let Some(known) = held.as_ref() {
            let again = stale == Some(known.at) && now - known.at >= AGAIN;
            if !again && now - known.at < FRESH {
                return Ok(known.clone());
            }
        }
        let issuer = &self.settings.issuer;
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let said = self.asked(Call::get("sign-in", &place)?, &place).await?;
        let says = parsed::<Discovered>(&said)?;
        if says.issuer != *issuer {
            return Err(Why::Away(format!("it calls itself {}, not {issuer}", says.issuer)));
        }
        for place in [&says.authorization_endpoint, &says.token_endpoint, &says.jwks_uri] {
            if issuer.starts_with("https:") && !place.starts_with("https:") {
                return Err(Why::Away(format!("{place} is not https")));
            }
        }
        let said = self.asked(Call::get("sign-in", &says.jwks_uri)?, &says.jwks_uri).await?;
        let keys = parsed::<KeySet>(&said)?.keys.into_iter();
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok()).collect();
        let known = Arc::new(Known { says, keys, at: now });
        *held = Some(known.clone());
        Ok(known)
    }

    /// Calls the provider, which the operator named and which may so be anywhere.
    async fn asked(&self, call: Call, place: &str) -> Result<Answer, Why> {
        let json = HeaderValue::from_static("application/json");
        let call = call.header(header::ACCEPT, json).trusting(&outbound::address(place)?);
        let said = self.outbound.call(call).await?;
        match said.status.is_success() && !said.cut {
            true => Ok(said),
            false => Err(Why::Away(format!("it answers {}", said.status))),
        }
    }

    /// The claims of a token that one of the provider's keys signed.
    fn read(
        &self,
        known: &Known,
        token: &str,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Claims, Why> {
        let meant = |key: &&Jwk| id.is_none() || key.common.key_id.as_deref() == id;
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&self.settings.issuer]);
        rules.set_audience(&[&self.settings.client_id]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Its times are judged by our own clock, which tests can turn.
        rules.validate_exp = false;
        for key in known.keys.iter().filter(meant).filter(|key| fits(key, algorithm)) {
            let Ok(key) = DecodingKey::from_jwk(key) else { continue };
            if let Ok(token) = jsonwebtoken::decode::<Claims>(token, &key, &rules) {
                return Ok(token.claims);
            }
        }
        Err(Why::Token("its signature, issuer or audience is wrong"))
    }

    /// Whether claims that were signed are for us, now, and for this sign-in.
    fn judge(&self, claims: &Claims, nonce: &str) -> Result<(), Why> {
        let now = self.clock.now() / 1000;
        let ours = &self.settings.client_id;
        let refused = |why| Err(Why::Token(why));
        let several = matches!(&claims.aud, Audience::Several(all) if all.len() > 1);
        if let Audience::One(one) = &claims.aud
            && one != ours
        {
            return refused("it is for another client");
        }
        match &claims.azp {
            Some(azp) if azp != ours => return refused("it was given to another client"),
            None if several => return refused("it does not say to which client it was given"),
            _ => {}
        }
        let (exp, iat) = (claims.exp as i64, claims.iat as i64);
        if exp <= now - LEEWAY {
            return refused("it has expired");
        }
        if iat > now + LEEWAY || iat < now - OLDEST {
            return refused("it was not made now");
        }
        if claims.nbf.is_some_and(|nbf| nbf as i64 > now + LEEWAY) {
            return refused("its time has not come");
        }
        if claims.nonce != nonce {
            return refused("it is of another sign-in");
        }
        if claims.sub.is_empty() || claims.sub.len() > SUBJECT_MAX || claims.sub.contains('\0') {
            return refused("its subject is none");
        }
        Ok(())
    }
}

/// Whether a key signs in this way.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match algorithm {
        Algorithm::RS256 => matches!(key.algorithm, AlgorithmParameters::RSA(_)),
        Algorithm::ES256 => matches!(key.algorithm, AlgorithmParameters::EllipticCurve(_)),
        // Above all no secret that two share, and no signature that is none.
        _ => false,
    };
    kind && !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))
}

/// Whether a key of this id is known; where a token names none, any will do.
fn is_among(keys: &[Jwk], id: Option<&str>) -> bool {
    match id {
        Some(id) => keys.iter().any(|key| key.common.key_id.as_deref() == Some(id)),
        None => !keys.is_empty(),
    }
}

fn parsed<T: DeserializeOwned>(said: &Answer) -> Result<T, Why> {
    serde_json::from_slice(&said.body).map_err(|error| Why::Away(format!("its answer: {error}")))
}
