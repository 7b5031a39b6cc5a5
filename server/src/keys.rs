//! API keys: how a tenant's backend comes in, and how it acts for its people. A key is
//! `hw_ID_SECRET`; what it may open is decided by [`crate::access::key_may`] alone, from the rule of
//! the route. A key removed is refused from that moment on, and its connections end.

use crate::access::{self, Admin};
use crate::accounts::{checked, enters, new_session};
use crate::admin::{Run, same, secret};
use crate::app::App;
use crate::auth::admit;
use crate::error::{Refusal, Result};
use crate::extract::{Given, Json, Once, Part, Path, Query};
use crate::front::Caller;
use crate::routes::{self, Rule, done};
use crate::store::audit::Actor;
use crate::store::keys::{self, Known, NewKey, Who};
use crate::store::{self, Me, Needs, Store, StoreError, mails};
use crate::tokens::digest;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, TenantId, UserId};
use hallway_protocol::limits::DISPLAY_NAME_MAX;
use hallway_protocol::rest::{ApiKey, Items, MintSession, NewApiKey, Scope};
use hallway_protocol::rows::TenantRole;
use hallway_protocol::text;
use parking_lot::Mutex;
use std::collections::HashMap;

/// How a key begins, so that one that leaked is found by its looks.
pub const PREFIX: &str = "hw_";
/// A name that a backend has for a person, characters.
const EXTERNAL_MAX: usize = 200;
/// After this a key is looked up anew, in case its end was not heard of.
const CACHED_MS: i64 = 60_000;
/// Keys remembered; beyond it all are looked up anew.
const CACHE: usize = 10_000;

/// The keys in use.
#[derive(Debug)]
pub struct Keys {
    clock: Clock,
    /// None: removed; an older answer must not bring it back.
    known: Mutex<HashMap<String, (Option<Known>, i64)>>,
}

impl Keys {
    /// None is known yet.
    pub fn new(clock: Clock) -> Self {
        Keys { clock, known: Mutex::default() }
    }

    /// A key was removed.
    pub fn ended(&self, id: &str) {
        let now = self.clock.ticks();
        self.known.lock().insert(id.to_owned(), (None, now));
    }

    /// The key that this text is; part of one is none.
    pub async fn read(&self, store: &Store, text: &str) -> Result<Known> {
        let id = text.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
        let id = id.filter(|id| !id.is_empty()).ok_or(Refusal::SignedOut)?.to_owned();
        let known = match self.cached(&id) {
            Some(known) => known,
            None => {
                let asked = id.clone();
                let found = store.read(move |read| keys::known(read, &asked)).await?;
                // What is not there is not remembered: there are too many of those.
                found.and_then(|found| self.keep(found))
            }
        };
        known.filter(|known| same(&known.hash, &digest(text))).ok_or(Refusal::SignedOut)
    }

    fn cached(&self, id: &str) -> Option<Option<Known>> {
        let now = self.clock.ticks();
        match self.known.lock().get(id) {
            Some((None, _)) => Some(None),
            Some((known, at)) if now - at < CACHED_MS => Some(known.clone()),
            _ => None,
        }
    }

    fn keep(&self, found: Known) -> Option<Known> {
        let now = self.clock.ticks();
        let mut known = self.known.lock();
        if known.len() >= CACHE {
            known.retain(|_, (known, at)| known.is_none() && now - *at < CACHED_MS);
        }
        if let Some((None, _)) = known.get(&found.id) {
            return None;
        }
        known.insert(found.id.clone(), (Some(found.clone()), now));
        Some(found)
    }
}

/// A tenant's backend, on a route that is a backend's: nobody in particular.
#[derive(Clone, Debug)]
pub struct Backend(pub Admin);

impl FromRequestParts<App> for Backend {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Some(known) = presented(app, &parts.headers).await? else {
            crate::auth::Session::from_request_parts(parts, app).await?;
            return Err(Refusal::Forbidden("this is for a tenant's backend, by its key"));
        };
        access::key_may(&known.scopes, routes::rule(parts), false)?;
        admit(app, &nobody(&known), None, parts.headers.get(header::ORIGIN)).await?;
        Ok(Backend(admin(known, parts)))
    }
}

/// A key with `admin`, as one who runs its tenant.
pub async fn runs(app: &App, parts: &Parts) -> Result<Option<Admin>> {
    let Some(known) = presented(app, &parts.headers).await? else { return Ok(None) };
    access::key_may(&known.scopes, Rule::Runs, false)?;
    admit(app, &nobody(&known), None, parts.headers.get(header::ORIGIN)).await?;
    Ok(Some(admin(known, parts)))
}

/// Whom a request with a key speaks for: the person it names, or nobody in particular. None: it has
/// no key.
pub async fn caller(app: &App, headers: &HeaderMap, rule: Rule) -> Result<Option<Me>> {
    let Some(known) = presented(app, headers).await? else { return Ok(None) };
    let who = named(headers)?;
    access::key_may(&known.scopes, rule, who.is_some())?;
    let me = match who {
        Some(who) => person(app, &known, who).await?,
        // What an admin of the tenant would see there.
        None if rule == Rule::Oversees => Me { role: TenantRole::Admin, ..nobody(&known) },
        None => nobody(&known),
    };
    admit(app, &me, None, headers.get(header::ORIGIN)).await?;
    Ok(Some(me))
}

/// The key that a request carries, which must be one.
async fn presented(app: &App, headers: &HeaderMap) -> Result<Option<Known>> {
    let Some(value) = headers.get("x-api-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Refusal::SignedOut)?;
    let known = app.keys.read(&app.store, text).await?;
    // A bot is nobody's backend.
    if known.person.is_some() { Err(Refusal::SignedOut) } else { Ok(Some(known)) }
}

/// The person that a request names.
fn named(headers: &HeaderMap) -> Result<Option<Who>> {
    let Some(value) = headers.get("x-user-id") else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Refusal::NotFound("person"))?;
    who(text).map(Some)
}

fn who(text: &str) -> Result<Who> {
    match text.strip_prefix("ext:") {
        Some(name) => checked("X-User-Id", text::label(name, EXTERNAL_MAX)).map(Who::Theirs),
        None => text.parse().map(Who::Ours).map_err(|_| Refusal::NotFound("person")),
    }
}

/// The person a backend names; made on first use, where the tenant has it so. Who may not sign in
/// before their mail address is verified is not acted for either.
async fn person(app: &App, known: &Known, who: Who) -> Result<Me> {
    let (tenant, key, asked) = (known.tenant, known.id.clone(), who.clone());
    let mail = app.mailer.is_on();
    let found = app.store.read(move |read| {
        let found = keys::person(read, tenant, &key, &asked)?;
        match &found {
            Some(me) if mail && !me.guest && mails::waits(read, me.user)? => {
                Err(StoreError::Unverified)
            }
            _ => Ok(found),
        }
    });
    let found = found.await?;
    if let Some(me) = found {
        return Ok(me);
    }
    let makes = app.settings.of(&app.store, tenant).await?.config.act_creates_users;
    match who {
        Who::Theirs(name) if makes => {
            let known = known.clone();
            let brought = move |tx: &mut store::Tx<'_>| keys::bring(tx, &known, &name);
            Ok(app.store.write(Needs::tenant(tenant), brought).await?)
        }
        _ => Err(Refusal::NotFound("person")),
    }
}

/// A key that names nobody: a stranger of its tenant, without an account.
fn nobody(known: &Known) -> Me {
    let user = UserId(0);
    let session = keys::session(&known.id, user);
    Me { tenant: known.tenant, user, role: TenantRole::Member, guest: false, session }
}

fn admin(known: Known, parts: &Parts) -> Admin {
    let address = parts.extensions.get::<Caller>().map(|caller| caller.address);
    Admin { actor: Actor::Key(known.id), tenant: Some(known.tenant), address }
}

/// `POST /admin/tenants/{id}/keys`: a key, shown this once.
pub async fn create(
    State(app): State<App>,
    Run(admin): Run,
    Path(tenant): Path<TenantId>,
    Once(key): Once,
    Json(body): Json<NewApiKey>,
) -> Result<Response> {
    let name = checked("name", text::label(&body.name, DISPLAY_NAME_MAX))?;
    if body.scopes.is_empty() {
        return Err(Refusal::invalid("scopes", "are none"));
    }
    let id = random_id(&app, "key id", &admin, key.as_ref())?;
    let text = format!("{PREFIX}{id}_{}", secret(&app, "key", &admin, key.as_ref())?);
    let new = NewKey { id, name, scopes: body.scopes, hash: digest(&text) };
    let made = app.store.write(Needs::tenant(tenant), move |tx| {
        keys::create(tx, &admin, key.as_ref(), tenant, &new)
    });
    let store::Once { again, answer } = made.await?;
    let answer = ApiKey { key: Some(text), ..answer };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// `GET /admin/tenants/{id}/keys`.
pub async fn list(
    State(app): State<App>,
    Run(admin): Run,
    Path(tenant): Path<TenantId>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<ApiKey>>> {
    part.read(&app, move |read, next, limit| keys::list(read, &admin, tenant, next, limit)).await
}

/// `DELETE /admin/tenants/{id}/keys/{key}`.
pub async fn destroy(
    State(app): State<App>,
    Run(admin): Run,
    Path((tenant, id)): Path<(TenantId, String)>,
    Once(key): Once,
) -> Result<Response> {
    let gone = app.store.write(Needs::tenant(tenant), move |tx| {
        keys::destroy(tx, &admin, key.as_ref(), tenant, &id)
    });
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// `POST /users/{id}/sessions`: a session for a person of the tenant, by our id or `ext:` theirs.
pub async fn mint(
    State(app): State<App>,
    caller: Caller,
    Backend(admin): Backend,
    Path(named): Path<String>,
    Once(key): Once,
    Given(body): Given<MintSession>,
) -> Result<Response> {
    let known = Known {
        id: admin.name().trim_start_matches("key:").to_owned(),
        tenant: admin.tenant.ok_or(Refusal::SignedOut)?,
        scopes: vec![Scope::Act],
        hash: [0; 32],
        person: None,
    };
    let me = person(&app, &known, who(&named)?).await?;
    let device = body.unwrap_or_default().device;
    let new = new_session(&app, device.as_deref(), &caller)?;
    let (asked, needs) = (me.clone(), Needs::person(me.user));
    let minted = app
        .store
        .write(needs, move |tx| keys::mint(tx, &admin, key.as_ref(), &asked, &new))
        .await?;
    let (user, id) = minted.answer;
    let answer = enters(&app, me.tenant, user, id).await?;
    Ok(done(store::Once { again: minted.again, answer }, StatusCode::CREATED))
}

/// The id of a key: the same for a call that comes again.
pub fn random_id(app: &App, purpose: &str, admin: &Admin, key: Option<&Key>) -> Result<String> {
    let bytes = match key {
        Some(key) => app.tokens.derived(purpose, &admin.name(), key),
        None => crate::folder::random::<32>().map_err(Refusal::Broken)?,
    };
    Ok(hex::encode(&bytes[..8]))
}
