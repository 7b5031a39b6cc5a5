//! Tenants: made and suspended by the operator, set up by their owners, erased when they are over.

use crate::accounts::checked;
use crate::admin::{Run, secret};
use crate::app::App;
use crate::config::is_origin;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::routes::done;
use crate::store::pages::cut;
use crate::store::tenants::{self, Tenant};
use crate::store::{self, Needs};
use crate::tokens::digest;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{NUMBER_MAX, TenantId};
use hallway_protocol::limits::{DISPLAY_NAME_MAX, TEXT_BYTES_MAX};
use hallway_protocol::rest::{
    ConfigPatch, Items, NewTenant, TenantConfig, TenantInfo, TenantPatch,
};
use hallway_protocol::text;

/// Origins of one tenant.
const ORIGINS: usize = 50;
/// One origin, bytes: a host name is no longer.
const ORIGIN_MAX: usize = 270;
/// The switches of a tenant as JSON, bytes.
const FLAGS_BYTES: usize = 4 * 1024;
/// Messages may be kept a century.
const DAYS_MAX: i64 = 36_500;
/// Calls a second that a tenant may be given.
const RATE_MAX: u32 = 1_000_000;

/// `POST /admin/tenants`: a tenant, and the token that makes its owner.
pub async fn create(
    State(app): State<App>,
    Run(admin): Run,
    Once(key): Once,
    Json(body): Json<NewTenant>,
) -> Result<Response> {
    let token = secret(&app, "owner", &admin, key.as_ref())?;
    let new = newcomer(&body, digest(&token))?;
    let made =
        app.store.write(Needs::default(), move |tx| tenants::found(tx, &admin, key.as_ref(), &new));
    let store::Once { again, answer } = made.await?;
    let answer = TenantInfo { owner_token: Some(token), ..answer.info() };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// `GET /admin/tenants`: those the caller runs.
pub async fn list(
    State(app): State<App>,
    Run(admin): Run,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<TenantInfo>>> {
    let limit = part.limit();
    let after = match part.next.as_deref().map(str::parse::<TenantId>) {
        None => TenantId(0),
        Some(Ok(after)) => after,
        Some(Err(_)) => return Err(Refusal::invalid("next", "is no place in this list")),
    };
    let found = app.store.read(move |read| tenants::list(read, &admin, after, limit + 1)).await?;
    let (found, next) = cut(found, limit, |last| last.id.to_string());
    let items = found.into_iter().map(Tenant::info).collect();
    Ok(axum::Json(Items { items, next }))
}

/// `GET /admin/tenants/{id}`.
pub async fn show(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<TenantId>,
) -> Result<axum::Json<TenantInfo>> {
    let found = app.store.read(move |read| tenants::show(read, &admin, id)).await?;
    Ok(axum::Json(found.info()))
}

/// `PATCH /admin/tenants/{id}`: of `config` what is named.
pub async fn update(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<TenantId>,
    Once(key): Once,
    Json(body): Json<TenantPatch>,
) -> Result<Response> {
    let patch = patch(body)?;
    let changed = app
        .store
        .write(Needs::tenant(id), move |tx| tenants::update(tx, &admin, key.as_ref(), id, &patch));
    let store::Once { again, answer } = changed.await?;
    Ok(done(store::Once { again, answer: answer.info() }, StatusCode::OK))
}

/// `DELETE /admin/tenants/{id}`: one that is suspended; a job erases what was its own.
pub async fn destroy(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<TenantId>,
    Once(key): Once,
) -> Result<Response> {
    let gone = app
        .store
        .write(Needs::tenant(id), move |tx| tenants::destroy(tx, &admin, key.as_ref(), id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

fn newcomer(body: &NewTenant, owner_hash: [u8; 32]) -> Result<tenants::NewTenant> {
    let name = checked("name", text::name(&body.name))?;
    let title = match &body.title {
        Some(title) => title_of(title)?,
        None => name.clone(),
    };
    let mut config = TenantConfig::default();
    if let Some(given) = &body.config {
        bounded(given)?;
        tenants::apply(&mut config, given);
    }
    Ok(tenants::NewTenant { name, title, registration: body.registration, config, owner_hash })
}

fn title_of(given: &str) -> Result<String> {
    checked("title", text::label(given, DISPLAY_NAME_MAX))
}

fn patch(body: TenantPatch) -> Result<TenantPatch> {
    let title = body.title.as_deref().map(title_of).transpose()?;
    if let Some(config) = &body.config {
        bounded(config)?;
    }
    Ok(TenantPatch { title, ..body })
}

/// Refuses a configuration that no tenant can have.
fn bounded(config: &ConfigPatch) -> Result<()> {
    fn within<T: PartialOrd + std::fmt::Display>(
        name: &str,
        given: Option<Option<T>>,
        least: T,
        most: T,
    ) -> Result<()> {
        match given.flatten() {
            Some(given) if given < least || given > most => {
                Err(wrong(format!("{name} must be {least} to {most}")))
            }
            _ => Ok(()),
        }
    }
    within("text_max", config.text_max, 1, TEXT_BYTES_MAX)?;
    within("file_max", config.file_max, 1, NUMBER_MAX)?;
    within("quota_bytes", config.quota_bytes, 0, NUMBER_MAX)?;
    within("requests_per_second", config.requests_per_second, 1, RATE_MAX)?;
    within("retention_days", config.retention_days, 1, DAYS_MAX)?;
    let origins = config.origins.as_ref().and_then(Option::as_ref);
    let mut origins = origins.into_iter().flatten();
    if origins.clone().count() > ORIGINS {
        return Err(wrong(format!("origins are more than {ORIGINS}")));
    }
    if let Some(odd) = origins.find(|origin| !is_origin(origin) || origin.len() > ORIGIN_MAX) {
        return Err(wrong(format!("origins: {odd} is not an origin")));
    }
    let flags = config.flags.as_ref().and_then(Option::as_ref);
    let size = flags.and_then(|flags| serde_json::to_string(flags).ok()).map_or(0, |s| s.len());
    if size > FLAGS_BYTES {
        return Err(wrong(format!("flags are too long ({size} of {FLAGS_BYTES} bytes)")));
    }
    if flags.is_some_and(|flags| serde_json::to_string(flags).is_ok_and(|s| s.contains("\\u0000")))
    {
        return Err(wrong("flags have a character that is not allowed".into()));
    }
    Ok(())
}

/// A refusal is of a field of the body; which part of it stands in the words.
fn wrong(what: String) -> Refusal {
    Refusal::invalid("config", format!("at {what}"))
}
