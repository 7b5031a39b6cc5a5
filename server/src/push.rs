//! Web Push: browsers that are not open hear that there is something for their person. A message
//! names the room and how many are waiting, never what was said, and is sealed for the one browser.
//! It waits a little: who is there has it by then, and it is not sent. One for each room and time
//! away; when the person reads elsewhere the browsers are told to take it back.

pub mod message;
pub mod vapid;

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::jobs::outside::Done;
use crate::outbound::{self, Call, Fault};
use crate::routes::done;
use crate::store::endpoints::{self, NewEndpoint, Sealed};
use crate::store::jobs::Job;
use crate::store::pushes::{self, Due, What};
use crate::store::{self, Needs};
use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, URL_SAFE};
use base64::{alphabet, engine};
use hallway_protocol::rest::{Endpoint, EndpointMade, Items, NewPushEndpoint, PushKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

/// A push service keeps what it cannot hand over for so long, seconds.
const KEPT: &str = "259200";
/// The answer of a push service says nothing we need.
const ANSWER: usize = 4 * 1024;
/// Base64 as browsers write it, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
);

/// What is kept of a browser, sealed: who knows it may write to it.
#[derive(Serialize, Deserialize)]
struct Browser {
    url: String,
    p256dh: String,
    auth: String,
}

/// `POST /push/endpoints`: this session's browser wants to hear.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(new): Json<NewPushEndpoint>,
) -> Result<Response> {
    let browser = browser(&new)?;
    let id = format!("{:032x}", rand::random::<u128>());
    let text = serde_json::to_vec(&browser).map_err(|error| Refusal::Broken(error.into()))?;
    let sealed = app.seal.seal("push", &text).map_err(Refusal::Broken)?;
    let hash = Sha256::digest(browser.url.as_bytes()).into();
    let host = host(&browser.url);
    let new = NewEndpoint { id, hash, host, sealed };
    let made = app
        .store
        .write(Needs::person(me.user), move |tx| endpoints::create(tx, &me, key.as_ref(), &new));
    let made = made.await?;
    let answer = EndpointMade { id: made.answer };
    Ok(done(store::Once { again: made.again, answer }, StatusCode::CREATED))
}

/// An endpoint that can be written to; the address is one of the world, over TLS.
fn browser(new: &NewPushEndpoint) -> Result<Browser> {
    let url = outbound::address(&new.url);
    let url = url.map_err(Fault::of_url)?;
    if url.scheme() != "https" {
        return Err(Refusal::invalid("url", "is not https"));
    }
    let decode = |text: &str| BASE64.decode(text).unwrap_or_default();
    let (p256dh, auth) = (decode(&new.p256dh), decode(&new.auth));
    if auth.len() != message::AUTH {
        return Err(Refusal::invalid("auth", "is not 16 bytes in base64url"));
    }
    if !message::is_browser(&p256dh, &auth) {
        return Err(Refusal::invalid("p256dh", "is no public key of P-256 in base64url"));
    }
    let text = |bytes: &[u8]| URL_SAFE.encode(bytes);
    Ok(Browser { url: url.to_string(), p256dh: text(&p256dh), auth: text(&auth) })
}

fn host(url: &str) -> String {
    let url = Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// `GET /push/endpoints`: where this person's browsers are.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Endpoint>>> {
    part.read(&app, move |read, next, limit| endpoints::list(read, &me, next, limit)).await
}

/// `DELETE /push/endpoints/{id}`: it hears nothing more.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let needs = Needs::person(me.user);
    let gone = app.store.write(needs, move |tx| endpoints::destroy(tx, &me, key.as_ref(), &id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// `GET /push/key`: with which a browser subscribes.
pub async fn key(State(app): State<App>, Session(_): Session) -> Result<axum::Json<PushKey>> {
    let key = app.vapid.public(&app.store, &app.seal).await.map_err(Refusal::Broken)?;
    Ok(axum::Json(PushKey { key }))
}

/// Tells the browsers of a person what the job is for, if there is still anything to tell.
pub async fn send(app: &App, job: &Job) -> anyhow::Result<Done> {
    let (target, now) = (job.target.clone(), app.clock.now());
    let due = app.store.read(move |read| pushes::due(read, &target)).await?;
    let Some(due) = due else { return Ok(Done::Finished) };
    let quiet = due.alerts.hours.as_ref().and_then(|hours| hours.end(&due.alerts.zone, now));
    if let (Some(end), What::Show(_)) = (quiet, &due.what) {
        return Ok(Done::Later(end));
    }
    let mut failed = None;
    for sealed in &due.endpoints {
        match told(app, &due, sealed).await {
            Ok(true) => {}
            // The browser is gone, or its address never was one.
            Ok(false) => {
                let id = sealed.id.clone();
                app.store.write(Needs::default(), move |tx| endpoints::gone(tx, &id)).await?;
            }
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let needs = Needs::person(due.person);
    let more = app.store.write(needs, move |tx| pushes::told(tx, &due)).await?;
    Ok(more.map_or(Done::Finished, Done::Later))
}

/// Writes to one browser; whether it is there.
async fn told(app: &App, due: &Due, sealed: &Sealed) -> anyhow::Result<bool> {
    let browser: Browser = serde_json::from_slice(&app.seal.open("push", &sealed.sealed)?)?;
    let text = due.what.text().to_string();
    let decode = |text: &str| BASE64.decode(text).context("not base64");
    let body =
        message::sealed(text.as_bytes(), &decode(&browser.p256dh)?, &decode(&browser.auth)?)?;
    let origin = Url::parse(&browser.url)?.origin().ascii_serialization();
    let subject = subject(app);
    let us = (origin.as_str(), subject.as_deref());
    let token = app.vapid.header(&app.store, &app.seal, us, app.clock.now()).await?;
    let call = Call::post("push", &browser.url, "application/octet-stream", body)?
        .of(due.tenant)
        .at_most(ANSWER)
        .secret(header::AUTHORIZATION, HeaderValue::try_from(token)?)
        .header(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"))
        .header(HeaderName::from_static("ttl"), HeaderValue::from_static(KEPT))
        .header(HeaderName::from_static("urgency"), HeaderValue::from_static(due.what.urgency()))
        .header(HeaderName::from_static("topic"), HeaderValue::try_from(due.topic())?);
    match app.outbound.call(call).await {
        Ok(answer) => match answer.status.as_u16() {
            200..300 => Ok(true),
            400 | 404 | 410 => Ok(false),
            status => anyhow::bail!("a push service answered {status}"),
        },
        Err(Fault::Address(_) | Fault::Private) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

/// Where people of a push service find whoever runs this server.
fn subject(app: &App) -> Option<String> {
    app.config.base_url.clone().filter(|base| base.starts_with("https://"))
}
