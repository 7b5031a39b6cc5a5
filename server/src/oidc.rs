//! Sign-in with a provider (OpenID Connect, authorization code with PKCE). A browser goes there and
//! comes back, in the same browser and once; what it comes back with is exchanged and looked at here,
//! and ends as a code of one minute in a link that the app opens. The app exchanges that for a
//! session, or links the two accounts.
//!
//! Nonce and verifier are derived from the state, of which the hash alone is stored: who reads the
//! database finishes nobody's sign-in.

mod provider;
mod settings;

pub use provider::{Provider, Why};
pub use settings::Settings;

use crate::accounts::{self, checked, new_session, own_password};
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Language, Once, Query};
use crate::folder::random_token;
use crate::front::{Caller, Origin};
use crate::routes::{PREFIX, done};
use crate::store::accounts::own_credentials;
use crate::store::oidc::{self, Begun, Come, Presented, Proven, Terms};
use crate::store::{Me, Needs, tenants};
use crate::tokens::digest;
use crate::totp;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_protocol::limits::DEVICE_MAX;
use hallway_protocol::rest::{OidcInfo, OidcLink, OidcSession, OidcUnlink, SignedIn};
use hallway_protocol::text;
use provider::{Asked, Given};
use serde::Deserialize;

/// What the page may do: show itself. Its link is the person's to press.
const PAGE: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// Leads to the app, by itself where a browser lets it.
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// `GET /auth/oidc`: which provider, and where to begin.
pub async fn show(State(app): State<App>) -> Result<axum::Json<OidcInfo>> {
    let name = provider(&app)?.settings.name.clone();
    Ok(axum::Json(OidcInfo { name, start: here(&app, "start") }))
}

/// What an app says when it begins.
#[derive(Debug, Default, Deserialize)]
pub struct Start {
    device: Option<String>,
    /// SHA-256 of a verifier of the app's own, base64url: without it nobody else's app can use the
    /// code that the link brings.
    challenge: Option<String>,
}

/// `GET /auth/oidc/start`: sends a browser to the provider.
pub async fn start(
    State(app): State<App>,
    caller: Caller,
    language: Language,
    Query(asked): Query<Start>,
) -> Result<Response> {
    app.rates.sign_in(caller.address, None)?;
    let provider = provider(&app)?;
    let tenant = tenant(&app, &Origin(None)).await?.id;
    let state = random_token().map_err(Refusal::Broken)?;
    let browser = random_token().map_err(Refusal::Broken)?;
    let begun = begun(&asked, &state, &browser)?;
    let (nonce, verifier) = derived(&app, &state);
    let (back, challenge) = (here(&app, "callback"), hashed(&verifier));
    let asked = Asked { back: &back, state: &state, nonce: &nonce, challenge: &challenge };
    let address = match provider.address(&asked).await {
        Ok(address) => address,
        Err(why) => {
            tracing::warn!(%why, "a sign-in did not begin");
            return page(&app, &language, &Said::Away);
        }
    };
    app.store.write(Needs::tenant(tenant), move |tx| oidc::begin(tx, tenant, &begun)).await?;
    let place = HeaderValue::from_str(address.as_str());
    let place = place.map_err(|error| Refusal::Broken(error.into()))?;
    let cookie = cookie(&app, &browser, oidc::STATE / 1000)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, place), (header::SET_COOKIE, cookie)])
        .into_response())
}

/// What a browser comes back with.
#[derive(Debug, Default, Deserialize)]
pub struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// `GET /auth/oidc/callback`: back from the provider. What is wrong is said in plain words.
pub async fn callback(
    State(app): State<App>,
    caller: Caller,
    language: Language,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response> {
    app.rates.sign_in(caller.address, None)?;
    let provider = provider(&app)?;
    let tenant = tenant(&app, &Origin(None)).await?.id;
    let said = match returned(&app, provider, tenant, &headers, &back).await? {
        Ok(come) => {
            let code = random_token().map_err(Refusal::Broken)?;
            let hash = digest(&code);
            let kept = move |tx: &mut crate::store::Tx<'_>| oidc::keep(tx, tenant, &hash, &come);
            app.store.write(Needs::tenant(tenant), kept).await?;
            Said::Done(app.sign_in_link(&code))
        }
        Err(said) => {
            let from = caller.address;
            let failed = move |tx: &mut crate::store::Tx<'_>| oidc::failed(tx, tenant, from);
            app.store.write(Needs::tenant(tenant), failed).await?;
            said
        }
    };
    page(&app, &language, &said)
}

/// Whom the provider sends, or what to tell the browser.
async fn returned(
    app: &App,
    provider: &Provider,
    tenant: hallway_protocol::ids::TenantId,
    headers: &HeaderMap,
    back: &Back,
) -> Result<std::result::Result<Come, Said>> {
    let (Some(state), Some(browser)) = (&back.state, held(app, headers)) else {
        return Ok(Err(Said::Spent));
    };
    let hashes = (digest(state), digest(&browser));
    let begun = app
        .store
        .write(Needs::tenant(tenant), move |tx| oidc::returned(tx, tenant, hashes.0, hashes.1));
    let Some(begun) = begun.await? else { return Ok(Err(Said::Spent)) };
    // RFC 9207: an answer of another provider than the one that was asked.
    let other = back.iss.as_ref().is_some_and(|iss| *iss != provider.settings.issuer);
    let Some(code) = back.code.as_deref().filter(|_| back.error.is_none() && !other) else {
        tracing::info!(error = back.error, other, "the provider sent somebody back without a code");
        return Ok(Err(Said::Refused));
    };
    let (nonce, verifier) = derived(app, state);
    let place = here(app, "callback");
    let given = Given { code, back: &place, verifier: &verifier, nonce: &nonce };
    let found = match provider.identity(&given).await {
        Ok(found) => found,
        Err(why) => {
            tracing::warn!(%why, "a sign-in came to nothing");
            let said = if matches!(why, Why::Token(_)) { Said::Refused } else { Said::Away };
            return Ok(Err(said));
        }
    };
    Ok(Ok(Come {
        issuer: provider.settings.issuer.clone(),
        subject: found.subject,
        email: found.email.and_then(|email| accounts::email(email.trim()).ok()),
        name: found.name,
        wanted: found.wanted,
        device: begun.device,
        challenge: begun.challenge,
    }))
}

/// `POST /auth/oidc/session`: the app's part of it, a session for a code.
pub async fn session(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    language: Language,
    Json(body): Json<OidcSession>,
) -> Result<axum::Json<SignedIn>> {
    app.rates.sign_in(caller.address, None)?;
    let registers = provider(&app)?.settings.registers;
    let tenant = tenant(&app, &origin).await?.id;
    let new = new_session(&app, None, &caller)?;
    let presented = presented(&body.code, body.verifier.as_deref());
    let terms = Terms { registers, language: language.0, mail: app.mailer.is_on() };
    let factor = totp::given(&app, body.factor.as_deref(), &caller);
    let id = new.id.clone();
    let signed = app.store.write(Needs::tenant(tenant), move |tx| {
        oidc::session(tx, tenant, &presented, &terms, &new, &factor)
    });
    let user = signed.await?.map_err(|wrong| totp::refused("factor", wrong))?;
    Ok(axum::Json(accounts::enters(&app, tenant, user, id).await?))
}

/// `POST /users/me/oidc`: the account that a code speaks of opens mine from now on.
pub async fn link(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<OidcLink>,
) -> Result<Response> {
    provider(&app)?;
    if accounts::done_before(&app, &me, key.clone(), "oidc-link").await? {
        return Ok(StatusCode::OK.into_response());
    }
    let by = proven(&app, &me, body.password, &caller).await?;
    let presented = presented(&body.code, body.verifier.as_deref());
    let linked = app.store.write(Needs::person(me.user), move |tx| {
        oidc::link(tx, &me, key.as_ref(), &presented, &by)
    });
    Ok(done(linked.await?, StatusCode::NO_CONTENT))
}

/// `DELETE /users/me/oidc`: my password alone opens my account.
pub async fn unlink(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<OidcUnlink>,
) -> Result<Response> {
    if accounts::done_before(&app, &me, key.clone(), "oidc-unlink").await? {
        return Ok(StatusCode::OK.into_response());
    }
    let by = proven(&app, &me, body.password, &caller).await?;
    let needs = Needs::person(me.user);
    let unlinked = app.store.write(needs, move |tx| oidc::unlink(tx, &me, key.as_ref(), &by));
    Ok(done(unlinked.await?, StatusCode::NO_CONTENT))
}

/// The caller, by their password. Who has none came by the provider, and would be locked out.
async fn proven(app: &App, me: &Me, password: String, caller: &Caller) -> Result<Proven> {
    let asked = me.clone();
    let own = app.store.read(move |read| own_credentials(read, &asked)).await?;
    if own.password.is_none() {
        return Err(Refusal::Conflict("your account has no password; set one first"));
    }
    let seen = own_password(app, me, password).await?;
    Ok(Proven { seen, from: caller.address, mail: app.mailer.is_on() })
}

fn provider(app: &App) -> Result<&Provider> {
    app.oidc.as_ref().ok_or(Refusal::NotFound("provider"))
}

async fn tenant(app: &App, origin: &Origin) -> Result<tenants::Tenant> {
    accounts::tenant(app, Some(provider(app)?.settings.tenant.clone()), origin).await
}

/// An address of this part of the interface, as people reach it.
fn here(app: &App, what: &str) -> String {
    format!("{}{PREFIX}/auth/oidc/{what}", app.base())
}

fn begun(asked: &Start, state: &str, browser: &str) -> Result<Begun> {
    let device = match asked.device.as_deref().map(str::trim) {
        None | Some("") => String::new(),
        Some(label) => checked("device", text::label(label, DEVICE_MAX))?,
    };
    let challenge = asked.challenge.as_deref().map(|text| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
            Refusal::invalid("challenge", "is no SHA-256 in base64url without padding")
        })
    });
    let challenge = challenge.transpose()?;
    Ok(Begun { hash: digest(state), browser: digest(browser), device, challenge })
}

fn presented(code: &str, verifier: Option<&str>) -> Presented {
    Presented { hash: digest(code), verifier: verifier.map(digest) }
}

/// Nonce and verifier of a sign-in.
fn derived(app: &App, state: &str) -> (String, String) {
    let made = |purpose| BASE64_URL_SAFE_NO_PAD.encode(app.tokens.bound(purpose, state));
    (made("oidc-nonce"), made("oidc-verifier"))
}

/// S256 of RFC 7636.
fn hashed(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(verifier))
}

/// What browsers know the cookie as: by https a name that no other host and no clear page can set.
fn cookie_name(app: &App) -> &'static str {
    if app.config.is_https() { "__Host-hallway-sign-in" } else { "hallway-sign-in" }
}

/// The cookie that binds a sign-in to its browser. `Lax`: the way back begins at the provider.
fn cookie(app: &App, value: &str, seconds: i64) -> Result<HeaderValue> {
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let name = cookie_name(app);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map_err(|error| Refusal::Broken(error.into()))
}

/// The cookie that came along.
fn held(app: &App, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(app);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// What the page says.
enum Said {
    /// Come in, by this link.
    Done(String),
    /// Too late, twice, or in another browser.
    Spent,
    /// The provider said no, or what it said is not believed.
    Refused,
    /// The provider does not answer.
    Away,
}

fn page(app: &App, language: &Language, said: &Said) -> Result<Response> {
    let (status, word) = match said {
        Said::Done(_) => (StatusCode::OK, "done"),
        Said::Spent => (StatusCode::BAD_REQUEST, "spent"),
        Said::Refused => (StatusCode::BAD_REQUEST, "refused"),
        Said::Away => (StatusCode::BAD_GATEWAY, "away"),
    };
    let link = if let Said::Done(link) = said { link } else { "" };
    let page = match language.0.as_str() {
        "de" => include_str!("../pages/signin.de.html"),
        _ => include_str!("../pages/signin.en.html"),
    };
    let again = here(app, "start");
    let page =
        page.replace("{{said}}", word).replace("{{again}}", &again).replace("{{link}}", link);
    let kind = "text/html; charset=utf-8";
    let mut answer =
        (status, [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, PAGE)], page)
            .into_response();
    answer.headers_mut().insert(header::SET_COOKIE, cookie(app, "", 0)?);
    if let Ok(to) = HeaderValue::from_str(&format!("0;url={link}"))
        && !link.is_empty()
    {
        answer.headers_mut().insert(REFRESH, to);
    }
    Ok(answer)
}
