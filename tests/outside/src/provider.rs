//! A sign-in provider, small and real: it says what it is, publishes its keys, asks no questions of
//! whoever comes to it, gives codes that are good once, and exchanges them for signed tokens when the
//! client and its verifier are right. What a test wants to go wrong, it is told.

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hallway_kit::{Clock, Tasks};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use tokio::net::TcpListener;

/// How the provider knows the server.
pub const CLIENT: &str = "hallway & co";
/// What the server proves it with.
pub const SECRET: &str = "a secret: with %signs";

/// Finding primes takes a while; once is enough.
static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key");
    key.to_pkcs1_der().expect("its bytes").as_bytes().to_vec()
});

/// A key it signs with.
#[derive(Clone)]
struct Signing {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signing {
    fn rsa(id: &str) -> Signing {
        Signing { id: id.into(), algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_der(&RSA) }
    }

    fn ec(id: &str) -> Signing {
        let key = rcgen::KeyPair::generate().expect("a key").serialize_der();
        Signing { id: id.into(), algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(&key) }
    }

    fn published(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a public half");
        jwk.common.key_id = Some(self.id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        serde_json::to_value(jwk).expect("JSON")
    }
}

/// What it may be told to do.
#[derive(Clone)]
pub struct Manner {
    /// Claims that go over the right ones; null takes one away.
    pub claims: Value,
    /// Fields of the token's head that go over the right ones.
    pub unsigned: bool,
    /// Signed with the client's secret, which everybody who runs a client of it could do.
    pub with_secret: bool,
    /// Signed with a key that is not published, under the name of one that is.
    pub forged: bool,
    /// It is out of order.
    pub down: bool,
    /// What it says of itself, over the right.
    pub says: Value,
}

struct Granted {
    client: String,
    back: String,
    challenge: String,
    nonce: String,
    claims: Value,
}

struct Inner {
    clock: Clock,
    address: SocketAddr,
    signing: Mutex<Vec<Signing>>,
    manner: Mutex<Manner>,
    person: Mutex<Value>,
    granted: Mutex<HashMap<String, Granted>>,
    asked: Mutex<Vec<String>>,
}

/// It runs until it is dropped.
pub struct Provider {
    inner: Arc<Inner>,
    _tasks: Tasks,
}

impl Provider {
    /// With this clock, an RSA key and nobody in particular.
    pub async fn open(clock: &Clock) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner {
            clock: clock.clone(),
            address,
            signing: Mutex::new(vec![Signing::rsa("one")]),
            manner: Mutex::new(Manner {
                claims: json!({}),
                unsigned: false,
                with_secret: false,
                forged: false,
                down: false,
                says: json!({}),
            }),
            person: Mutex::new(json!({"sub": "u-1", "preferred_username": "ada"})),
            granted: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(inner.clone());
        let tasks = Tasks::default();
        tasks.once("provider", async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Provider { inner, _tasks: tasks }
    }

    /// As it names itself.
    pub fn issuer(&self) -> String {
        self.inner.issuer()
    }

    /// From now on this is who comes.
    pub fn is(&self, person: Value) {
        *self.inner.person.lock() = person;
    }

    /// From now on it behaves so.
    pub fn behaves(&self, change: impl FnOnce(&mut Manner)) {
        let mut manner = Manner {
            claims: json!({}),
            unsigned: false,
            with_secret: false,
            forged: false,
            down: false,
            says: json!({}),
        };
        change(&mut manner);
        *self.inner.manner.lock() = manner;
    }

    /// Its keys are new ones, of the other kind.
    pub fn rotates(&self, id: &str) {
        *self.inner.signing.lock() = vec![Signing::ec(id)];
    }

    /// The paths it was asked for since this was last looked at.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.asked.lock())
    }

    /// A browser comes to it with what the server sent along; the query it is sent back with.
    pub fn visit(&self, location: &str) -> String {
        let url = url::Url::parse(location).expect("an address");
        assert_eq!(url.path(), "/authorize");
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let back = self.inner.grant(&query).expect("a right question");
        let back = url::Url::parse(&back).expect("an address");
        back.query().expect("a query").to_owned()
    }
}

impl Inner {
    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets whoever asks in; where they are sent back to.
    fn grant(&self, query: &HashMap<String, String>) -> Result<String, String> {
        let of = |name: &str| query.get(name).cloned().ok_or(format!("{name} is missing"));
        if of("response_type")? != "code" || of("code_challenge_method")? != "S256" {
            return Err("another flow".into());
        }
        if of("client_id")? != CLIENT || !of("scope")?.split(' ').any(|scope| scope == "openid") {
            return Err("another client, or another scope".into());
        }
        let granted = Granted {
            client: of("client_id")?,
            back: of("redirect_uri")?,
            challenge: of("code_challenge")?,
            nonce: of("nonce")?,
            claims: self.person.lock().clone(),
        };
        let (code, mut back) =
            (random(), url::Url::parse(&granted.back).map_err(|error| error.to_string())?);
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &of("state")?)
            .append_pair("iss", &self.issuer());
        self.granted.lock().insert(code, granted);
        Ok(back.into())
    }

    fn signed(&self, granted: &Granted) -> String {
        let manner = self.manner.lock().clone();
        let now = self.clock.now() / 1000;
        let mut claims = json!({"iss": self.issuer(), "aud": granted.client, "iat": now,
            "exp": now + 300, "nonce": granted.nonce});
        for (name, value) in
            [&granted.claims, &manner.claims].into_iter().filter_map(Value::as_object).flatten()
        {
            match value {
                Value::Null => claims.as_object_mut().and_then(|all| all.remove(name)),
                value => {
                    claims.as_object_mut().and_then(|all| all.insert(name.clone(), value.clone()))
                }
            };
        }
        let signing = self.signing.lock().last().cloned().expect("a key");
        let id = Some(signing.id.clone());
        if manner.unsigned {
            let head = json!({"alg": "none", "typ": "JWT", "kid": id});
            let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
            return format!("{}.{}.", part(&head), part(&claims));
        }
        let (algorithm, key) = if manner.with_secret {
            (Algorithm::HS256, EncodingKey::from_secret(SECRET.as_bytes()))
        } else if manner.forged {
            let other = Signing::ec("other");
            (other.algorithm, other.key)
        } else {
            (signing.algorithm, signing.key)
        };
        let head = Header { kid: id, ..Header::new(algorithm) };
        jsonwebtoken::encode(&head, &claims, &key).expect("a token")
    }
}

type Here = State<Arc<Inner>>;

async fn discovery(State(here): Here) -> Response {
    here.asked.lock().push("discovery".into());
    let manner = here.manner.lock().clone();
    if manner.down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let at = |path: &str| format!("{}{path}", here.issuer());
    let mut says = json!({"issuer": here.issuer(), "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"), "jwks_uri": at("/keys"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"]});
    for (name, value) in manner.says.as_object().into_iter().flatten() {
        says[name] = value.clone();
    }
    Json(says).into_response()
}

async fn keys(State(here): Here) -> Json<Value> {
    here.asked.lock().push("keys".into());
    // A key of a kind that nobody knows stands among them, as it does at real ones.
    let mut keys = vec![json!({"kty": "XYZ", "kid": "odd", "use": "sig", "x": 1})];
    keys.extend(here.signing.lock().iter().map(Signing::published));
    Json(json!({"keys": keys}))
}

async fn authorize(State(here): Here, Query(query): Query<HashMap<String, String>>) -> Response {
    match here.grant(&query) {
        Ok(back) => Redirect::to(&back).into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

async fn token(
    State(here): Here,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    here.asked.lock().push("token".into());
    let refused =
        |why: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response();
    let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let in_body = here.manner.lock().says["token_endpoint_auth_methods_supported"]
        == json!(["client_secret_post"]);
    let known = match in_body {
        true => (of("client_id"), of("client_secret")) == (CLIENT, SECRET),
        false => basic(&headers) == Some((CLIENT.into(), SECRET.into())),
    };
    if !known {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"})))
            .into_response();
    }
    // A code is good once, whatever comes of it.
    let Some(granted) = here.granted.lock().remove(of("code")) else {
        return refused("invalid_grant");
    };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier")));
    let right = of("grant_type") == "authorization_code"
        && of("redirect_uri") == granted.back
        && challenge == granted.challenge;
    if !right {
        return refused("invalid_grant");
    }
    let token = here.signed(&granted);
    Json(json!({"access_token": "a", "token_type": "Bearer", "id_token": token})).into_response()
}

/// Name and secret of the client, each encoded as in a form (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    let plain = |text: &str| {
        let pair = format!("x={text}");
        let found =
            url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into());
        found.unwrap_or_default()
    };
    Some((plain(name), plain(secret)))
}

/// Text that nobody guesses.
fn random() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}
