//! Those who run the server or a tenant of it: who they are, and what they look at. The operator is
//! whoever holds the token in `DATA/operator`; an owner runs the own tenant, by the same routes.

use crate::access::{self, Admin, AdminAct};
use crate::app::App;
use crate::auth::{Session, bearer};
use crate::error::{Refusal, Result};
use crate::extract::{Once, Path, Query, many, page_size};
use crate::front::Caller;
use crate::hub::line::Line;
use crate::keys;
use crate::routes::done;
use crate::store::audit::{self, Actor, Find};
use crate::store::pages::cut;
use crate::store::{self, Needs, letters};
use crate::tokens::digest;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_protocol::ids::{Key, TenantId};
use hallway_protocol::rest::{DeadLetter, Items, Stats};
use hallway_protocol::rows::TenantRole;
use serde::Deserialize;

/// The media type of JSON lines.
const LINES: &str = "application/x-ndjson";

/// The caller, who runs the server or a tenant.
#[derive(Clone, Debug)]
pub struct Run(pub Admin);

impl FromRequestParts<App> for Run {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let address = parts.extensions.get::<Caller>().map(|caller| caller.address);
        if bearer(&parts.headers).is_some_and(|token| same(&digest(token), &app.operator)) {
            return Ok(Run(Admin { actor: Actor::Operator, tenant: None, address }));
        }
        if let Some(admin) = keys::runs(app, parts).await? {
            return Ok(Run(admin));
        }
        let Session(me) = Session::from_request_parts(parts, app).await?;
        // What a key does for an owner over a socket is not what the owner does.
        if me.role < TenantRole::Owner || store::keys::of_session(&me.session).is_some() {
            return Err(Refusal::Forbidden("only who runs the server or owns the tenant may"));
        }
        Ok(Run(Admin { actor: Actor::Person(me.user), tenant: Some(me.tenant), address }))
    }
}

/// The caller, who looks after a tenant: an owner or admin of it, or a key with `admin`.
#[derive(Clone, Debug)]
pub struct Manage(pub Admin);

impl FromRequestParts<App> for Manage {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        if let Some(admin) = keys::runs(app, parts).await? {
            return Ok(Manage(admin));
        }
        let Session(me) = Session::from_request_parts(parts, app).await?;
        if me.role < TenantRole::Admin || store::keys::of_session(&me.session).is_some() {
            return Err(Refusal::Forbidden("only an owner or admin of the tenant may"));
        }
        let address = parts.extensions.get::<Caller>().map(|caller| caller.address);
        Ok(Manage(Admin { actor: Actor::Person(me.user), tenant: Some(me.tenant), address }))
    }
}

/// Whether two hashes are the same, however long it takes to see that they are not.
pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// 256 bits that nobody else can make. A call repeated with its key gets the same ones, so that a
/// secret shown once is not lost with an answer, though only its hash is kept.
pub fn secret(app: &App, purpose: &str, admin: &Admin, key: Option<&Key>) -> Result<String> {
    let bytes = match key {
        Some(key) => app.tokens.derived(purpose, &admin.name(), key),
        None => crate::folder::random::<32>().map_err(Refusal::Broken)?,
    };
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Which lines of the record.
#[derive(Debug, Default, Deserialize)]
pub struct Which {
    actor: Option<String>,
    act: Option<String>,
    before: Option<String>,
    next: Option<String>,
    tenant: Option<TenantId>,
    #[serde(default, deserialize_with = "many")]
    limit: Option<usize>,
}

/// `GET /admin/audit`: the record, newest first; as JSON lines for who asks for them.
pub async fn audit(
    State(app): State<App>,
    Run(admin): Run,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response> {
    access::may_run(&admin, AdminAct::Watch, which.tenant)?;
    let line = |field, given: Option<String>| {
        let line = given.map(|given| given.parse::<i64>()).transpose();
        line.map_err(|_| Refusal::invalid(field, "is no id of a line"))
    };
    let before = line("before", which.before)?.or(line("next", which.next)?);
    let limit = page_size(which.limit);
    let tenant = admin.tenant.or(which.tenant);
    let find = Find { tenant, actor: which.actor, act: which.act, before, limit };
    if wants_lines(&headers) {
        return Ok(lines(app, find));
    }
    let find = Find { limit: limit + 1, ..find };
    let found = app.store.read(move |read| audit::list(read, &find)).await?;
    let (items, next) = cut(found, limit, |last| last.id.clone());
    Ok(axum::Json(Items { items, next }).into_response())
}

fn wants_lines(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.split([',', ';']).any(|kind| kind.trim() == LINES))
}

/// The whole record, a page at a time as the reader takes it: it may be longer than memory.
fn lines(app: App, find: Find) -> Response {
    let pages = futures_util::stream::try_unfold(Some(find), move |find| {
        let app = app.clone();
        async move {
            let Some(find) = find else { return Ok::<_, Refusal>(None) };
            let asked = Find { limit: PAGE, ..find.clone() };
            let page = app.store.read(move |read| audit::list(read, &asked)).await?;
            let text = page.iter().filter_map(|line| serde_json::to_string(line).ok());
            let text: String = text.map(|line| line + "\n").collect();
            let last = page.last().filter(|_| page.len() == PAGE);
            let before = last.and_then(|last| last.id.parse().ok());
            Ok(Some((text, before.map(|before| Find { before: Some(before), ..find }))))
        }
    });
    ([(header::CONTENT_TYPE, LINES)], axum::body::Body::from_stream(pages)).into_response()
}

/// Lines read at once for an export.
const PAGE: usize = 500;

/// Which dead letters.
#[derive(Debug, Default, Deserialize)]
pub struct Letters {
    kind: Option<String>,
    next: Option<String>,
    #[serde(default, deserialize_with = "many")]
    limit: Option<usize>,
}

/// `GET /admin/dead-letters`: jobs that were given up, the last first.
pub async fn dead_letters(
    State(app): State<App>,
    Run(admin): Run,
    Query(which): Query<Letters>,
) -> Result<axum::Json<Items<DeadLetter>>> {
    let limit = page_size(which.limit);
    let after = which.next.as_deref().map(|next| {
        let (at, id) = next.split_once('.')?;
        Some((at.parse().ok()?, id.to_owned()))
    });
    if after == Some(None) {
        return Err(Refusal::invalid("next", "is no place in this list"));
    }
    let find = letters::Find { kind: which.kind, after: after.flatten(), limit: limit + 1 };
    let found = app.store.read(move |read| letters::list(read, &admin, &find)).await?;
    let (items, next) = cut(found, limit, |last| format!("{}.{}", last.dead_at, last.id));
    Ok(axum::Json(Items { items, next }))
}

/// `POST /admin/dead-letters/{id}/retry`: it is tried again, from the beginning.
pub async fn retry(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response> {
    let needs = Needs::default();
    let tried = app.store.write(needs, move |tx| letters::retry(tx, &admin, key.as_ref(), &id));
    Ok(done(tried.await?, StatusCode::ACCEPTED))
}

/// `DELETE /admin/dead-letters/{id}`: it will not be done.
pub async fn drop_letter(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response> {
    let needs = Needs::default();
    let gone = app.store.write(needs, move |tx| letters::destroy(tx, &admin, key.as_ref(), &id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// `GET /admin/stats`: figures of the server, or of the tenant that one runs.
pub async fn stats(State(app): State<App>, Run(admin): Run) -> Result<axum::Json<Stats>> {
    let tenant = admin.tenant;
    let counted = app.store.read(move |read| letters::stats(read, &admin)).await?;
    let is_of = |line: &Line| tenant.is_none_or(|tenant| line.tenant == tenant);
    let connections = i64::try_from(app.hub.count_where(is_of)).unwrap_or(i64::MAX);
    Ok(axum::Json(Stats { connections, uptime_ms: app.clock.ticks(), ..counted }))
}
