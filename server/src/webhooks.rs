//! Webhooks: a tenant's own programs are called when something happens in its rooms. What a call
//! says is read when it leaves; it is signed, so that whoever is called knows who calls.

use crate::accounts::checked;
use crate::admin::{Manage, secret};
use crate::app::App;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::jobs::outside::Done;
use crate::outbound::{Answer, Call, Fault, address};
use crate::routes::done;
use crate::store::deliveries::{self, Due, Tried};
use crate::store::jobs::{self, Job};
use crate::store::webhooks::{self, Changes, NewHook};
use crate::store::{self, Needs};
use anyhow::{Context, bail};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use hallway_kit::Clock;
use hallway_protocol::ids::{Millis, RoomId, TenantId};
use hallway_protocol::rest::{
    Delivery, DeliveryError, HookEvent, HookState, Items, NewWebhook, Webhook, WebhookPatch,
};
use hallway_protocol::text;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A secret that somebody chose, characters.
const SECRET: (usize, usize) = (16, 200);
/// Rooms that one webhook names.
const ROOMS: usize = 100;
/// So much of what a receiver answers is read, bytes: only its status counts.
const READ: usize = 4_096;
/// Over what a call was signed, and when.
pub const SIGNATURE: HeaderName = HeaderName::from_static("hallway-signature");
/// Which delivery it is, the same each time it is tried.
pub const DELIVERY: HeaderName = HeaderName::from_static("hallway-delivery");

/// `POST /webhooks`: its secret is shown this once.
pub async fn create(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Json(body): Json<NewWebhook>,
) -> Result<Response> {
    let made = || secret(&app, "webhook", &admin, key.as_ref());
    let plain = body.secret.map_or_else(made, chosen)?;
    let id = hex::encode(crate::folder::random::<8>().map_err(Refusal::Broken)?);
    let new = NewHook {
        url: url(&app, &body.url)?,
        events: events(body.events)?,
        rooms: rooms(body.rooms)?,
        secret: sealed(&app, &id, &plain)?,
        id,
    };
    let needs = needs(admin.tenant);
    let made = app.store.write(needs, move |tx| webhooks::create(tx, &admin, key.as_ref(), &new));
    let store::Once { again, answer } = made.await?;
    let answer = Webhook { secret: Some(plain), ..answer };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// `GET /webhooks`.
pub async fn list(
    State(app): State<App>,
    Manage(admin): Manage,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Webhook>>> {
    part.read(&app, move |read, next, limit| webhooks::list(read, &admin, next, limit)).await
}

/// `GET /webhooks/{id}`.
pub async fn show(
    State(app): State<App>,
    Manage(admin): Manage,
    Path(id): Path<String>,
) -> Result<axum::Json<Webhook>> {
    Ok(axum::Json(app.store.read(move |read| webhooks::show(read, &admin, &id)).await?))
}

/// `PATCH /webhooks/{id}`: a secret that is given or made is shown this once.
pub async fn update(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Path(id): Path<String>,
    Json(body): Json<WebhookPatch>,
) -> Result<Response> {
    let made = || secret(&app, "webhook", &admin, key.as_ref());
    let plain = body.secret.map(|given| given.map_or_else(made, chosen)).transpose()?;
    let changes = Changes {
        url: body.url.as_deref().map(|given| url(&app, given)).transpose()?,
        events: body.events.map(events).transpose()?,
        rooms: body.rooms.map(rooms).transpose()?,
        secret: plain.as_deref().map(|plain| sealed(&app, &id, plain)).transpose()?,
        on: body.state.map(on).transpose()?,
    };
    let changed = app.store.write(needs(admin.tenant), move |tx| {
        webhooks::update(tx, &admin, key.as_ref(), &id, &changes)
    });
    let store::Once { again, answer } = changed.await?;
    let answer = Webhook { secret: plain, ..answer };
    Ok(done(store::Once { again, answer }, StatusCode::OK))
}

/// `DELETE /webhooks/{id}`.
pub async fn destroy(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let needs = needs(admin.tenant);
    let gone = app.store.write(needs, move |tx| webhooks::destroy(tx, &admin, key.as_ref(), &id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// `GET /webhooks/{id}/deliveries`: what it was called for, the last first.
pub async fn deliveries(
    State(app): State<App>,
    Manage(admin): Manage,
    Path(id): Path<String>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Delivery>>> {
    part.read(&app, move |read, next, limit| deliveries::list(read, &admin, &id, next, limit)).await
}

/// `POST /webhooks/{id}/deliveries/{delivery}/replay`: once more, as things are now.
pub async fn replay(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Response> {
    let again = app.store.write(needs(admin.tenant), move |tx| {
        deliveries::replay(tx, &admin, key.as_ref(), &id, &delivery)
    });
    Ok(done(again.await?, StatusCode::ACCEPTED))
}

/// The tenant's lane.
pub fn needs(tenant: Option<TenantId>) -> Needs {
    tenant.map(Needs::tenant).unwrap_or_default()
}

/// An address to call.
pub fn url(app: &App, given: &str) -> Result<String> {
    let url = address(given).map_err(Fault::of_url)?;
    app.outbound.leads_out(&url).map_err(Fault::of_url)?;
    Ok(url.into())
}

fn events(given: Vec<HookEvent>) -> Result<Vec<HookEvent>> {
    if given.is_empty() { Err(Refusal::invalid("events", "are none")) } else { Ok(given) }
}

fn rooms(mut given: Vec<RoomId>) -> Result<Vec<RoomId>> {
    given.sort_unstable();
    given.dedup();
    match given.len() {
        0..=ROOMS => Ok(given),
        many => Err(Refusal::invalid("rooms", format!("are too many ({many} of {ROOMS})"))),
    }
}

fn chosen(given: String) -> Result<String> {
    checked("secret", text::checked(&given, SECRET.1))?;
    match given.chars().count() {
        few if few < SECRET.0 => {
            Err(Refusal::invalid("secret", format!("is too short ({few} of {})", SECRET.0)))
        }
        _ => Ok(given),
    }
}

fn on(state: HookState) -> Result<bool> {
    match state {
        HookState::Active => Ok(true),
        HookState::Off => Ok(false),
        HookState::Failing => Err(Refusal::invalid("state", "is active or off")),
    }
}

fn sealed(app: &App, id: &str, plain: &str) -> Result<String> {
    app.seal.seal(&place(id), plain.as_bytes()).map_err(Refusal::Broken)
}

fn place(id: &str) -> String {
    format!("webhook:{id}")
}

/// Makes the call of a job.
pub async fn send(app: &App, job: &Job) -> anyhow::Result<Done> {
    let id = job.target.clone();
    let Some(due) = app.store.read(move |read| deliveries::due(read, &id)).await? else {
        return Ok(Done::Finished);
    };
    if due.off {
        tried(app, job, &due, Tried::Off).await?;
        return Ok(Done::GiveUp("the webhook is off".into()));
    }
    if due.call.is_none() {
        tried(app, job, &due, Tried::Withheld).await?;
        return Ok(Done::Finished);
    }
    let answer = match call(app, &due) {
        Ok(Ok(call)) => app.outbound.call(call).await,
        Ok(Err(fault)) => Err(fault),
        Err(broken) => {
            ended(app, job, &due, DeliveryError::Broken, None).await?;
            return Err(broken);
        }
    };
    match answer {
        Ok(answer) if answer.status.is_success() => {
            tried(app, job, &due, Tried::Arrived(answer.status.as_u16())).await?;
            Ok(Done::Finished)
        }
        // Nobody was called: that is no attempt.
        Err(Fault::Shut(after)) => Ok(Done::Later(soon(&app.clock, after))),
        Err(Fault::Busy) => Ok(Done::Later(soon(&app.clock, 1_000))),
        other => failed(app, job, &due, other).await,
    }
}

async fn failed(
    app: &App,
    job: &Job,
    due: &Due,
    answer: Result<Answer, Fault>,
) -> anyhow::Result<Done> {
    let status = answer.as_ref().ok().map(|answer| answer.status);
    let off = ended(app, job, due, error(&answer), status).await?;
    let why = match answer {
        Ok(answer) => format!("it was answered with {}", answer.status),
        Err(fault) => fault.to_string(),
    };
    match off {
        _ if status == Some(StatusCode::GONE) => Ok(Done::Finished),
        true => Ok(Done::GiveUp(format!("{why}, and the webhook is off now"))),
        false => bail!(why),
    }
}

/// Writes down that a call did not arrive; true: the webhook is off, and it is given up.
async fn ended(
    app: &App,
    job: &Job,
    due: &Due,
    error: DeliveryError,
    status: Option<StatusCode>,
) -> Result<bool, store::StoreError> {
    let gone = status == Some(StatusCode::GONE);
    let (answer, last) = (status.map(|status| status.as_u16()), jobs::is_last(job));
    let off = tried(app, job, due, Tried::Failed { error, answer, last, gone }).await?;
    if off {
        tracing::warn!(webhook = due.webhook, "a webhook is off: its calls do not arrive");
    }
    Ok(off)
}

/// As those who look after the webhook are told it.
fn error(answer: &Result<Answer, Fault>) -> DeliveryError {
    match answer {
        Ok(_) => DeliveryError::Answer,
        Err(Fault::Private) => DeliveryError::Private,
        Err(Fault::Slow) => DeliveryError::Slow,
        // A call follows no redirects, and where nobody was called there is no end to write down.
        Err(Fault::Address(_) | Fault::Redirects) => DeliveryError::Address,
        Err(Fault::Unreached | Fault::Shut(_) | Fault::Busy) => DeliveryError::Unreached,
    }
}

async fn tried(app: &App, job: &Job, due: &Due, how: Tried) -> Result<bool, store::StoreError> {
    let (id, webhook) = (job.target.clone(), due.webhook.clone());
    let written =
        app.store.write(Needs::default(), move |tx| deliveries::tried(tx, &id, &webhook, how));
    written.await
}

/// Later than asked by up to a fifth, so that what waits together does not come together.
fn soon(clock: &Clock, after: Millis) -> Millis {
    clock.now() + after + rand::random_range(0..=after / 5)
}

/// The call as it leaves; a fault where its address is none any more.
fn call(app: &App, due: &Due) -> anyhow::Result<Result<Call, Fault>> {
    let said = due.call.as_ref().context("nothing to say")?;
    let body = serde_json::to_string(said)?;
    let secret = app.seal.open(&place(&due.webhook), &due.secret)?;
    let signature = signature(&secret, app.clock.now(), &body);
    let call = Call::post("webhook", &due.url, "application/json", body);
    let signature = HeaderValue::try_from(signature)?;
    let delivery = HeaderValue::try_from(said.id.as_str())?;
    Ok(call.map(|call| {
        let call = call.of(said.tenant).at_most(READ);
        call.secret(SIGNATURE, signature).header(DELIVERY, delivery)
    }))
}

/// `t=<seconds>,v1=<hex hmac-sha256 of "t.body">`.
pub fn signature(secret: &[u8], now: Millis, body: &str) -> String {
    let seconds = now / 1_000;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret)
        .expect("a key of any length is good for HMAC");
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}
