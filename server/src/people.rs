//! People as the operator of the server runs them: `hallway-server user` calls these.

use crate::accounts::email;
use crate::admin::Run;
use crate::app::App;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Path, Query, many, page_size};
use crate::routes::done;
use crate::store::people::{self, Entry, Find, NewPerson};
use crate::store::{self, Needs, pages, tenants};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{TenantId, UserId};
use hallway_protocol::limits::DISPLAY_NAME_MAX;
use hallway_protocol::rest::{Account, AccountPatch, Items, NewAccount, PasswordLink};
use hallway_protocol::rows::TenantRole;
use hallway_protocol::text;
use serde::Deserialize;

/// Which people, or rooms.
#[derive(Debug, Default, Deserialize)]
pub struct Which {
    pub(crate) tenant: Option<TenantId>,
    pub(crate) query: Option<String>,
    pub(crate) next: Option<String>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) limit: Option<usize>,
}

impl Which {
    /// After which id the page begins.
    pub(crate) fn after(&self) -> Result<i64> {
        let after = self.next.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| Refusal::invalid("next", "is no place in this list"))?;
        Ok(after.unwrap_or(0))
    }
}

/// `GET /admin/users`: open accounts, by id.
pub async fn list(
    State(app): State<App>,
    Run(admin): Run,
    Query(which): Query<Which>,
) -> Result<axum::Json<Items<Account>>> {
    let (after, limit) = (UserId(which.after()?), page_size(which.limit));
    let query = which.query.unwrap_or_default();
    let find = Find { tenant: which.tenant, query, after, limit: limit + 1 };
    let found = app.store.read(move |read| people::list(read, &admin, &find)).await?;
    let (items, next) = pages::cut(found, limit, |last| last.user.to_string());
    Ok(axum::Json(Items { items, next }))
}

/// `GET /admin/users/{id}`.
pub async fn show(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<UserId>,
) -> Result<axum::Json<Account>> {
    let found = app.store.read(move |read| people::show(read, &admin, id)).await?;
    Ok(axum::Json(found))
}

/// `POST /admin/users`: an account, and without a password the link that sets one.
pub async fn create(
    State(app): State<App>,
    Run(admin): Run,
    Once(key): Once,
    Json(body): Json<NewAccount>,
) -> Result<Response> {
    crate::access::may_run(&admin, crate::access::AdminAct::People, None)?;
    let asked = body.tenant.clone();
    let tenant = app.store.read(move |read| tenants::by_name(read, asked.as_deref())).await?;
    let (id, first) = (tenant.id, tenant.name == tenants::DEFAULT);
    let new = newcomer(&app, id, body).await?;
    let owner = new.role == TenantRole::Owner;
    let made = app
        .store
        .write(Needs::tenant(id), move |tx| people::add(tx, &admin, key.as_ref(), &new))
        .await?;
    if owner && first {
        app.owner_came()?;
    }
    let (account, slip) = made.answer;
    let answer = Account { link: slip.map(|slip| link(&app, &slip)), ..account };
    Ok(done(store::Once { again: made.again, answer }, StatusCode::CREATED))
}

async fn newcomer(app: &App, tenant: TenantId, body: NewAccount) -> Result<NewPerson> {
    let name = crate::accounts::checked("name", text::name(&body.name))?;
    let shown = body.display_name.as_deref().unwrap_or(&name);
    let display_name =
        crate::accounts::checked("display_name", text::label(shown, DISPLAY_NAME_MAX))?;
    let address = body.email.as_deref().map(|address| email(address.trim())).transpose()?;
    let password = match &body.password {
        Some(password) => Entry::Password(app.passwords.hash("password", password).await?),
        None => Entry::Link(app.tokens.slip()),
    };
    let role = body.role.unwrap_or(TenantRole::Member);
    Ok(NewPerson { tenant, name, display_name, email: address, password, role })
}

/// `PATCH /admin/users/{id}`: their role, and whether they may sign in.
pub async fn update(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<UserId>,
    Once(key): Once,
    Json(body): Json<AccountPatch>,
) -> Result<Response> {
    let crowned = body.role == Some(TenantRole::Owner);
    let changed = app
        .store
        .write(Needs::person(id), move |tx| people::change(tx, &admin, key.as_ref(), id, &body));
    let changed = changed.await?;
    if crowned {
        let tenant = changed.answer.tenant;
        let named = app.store.read(move |read| tenants::by_id(read, tenant)).await?;
        if named.name == tenants::DEFAULT {
            app.owner_came()?;
        }
    }
    Ok(done(changed, StatusCode::OK))
}

/// `DELETE /admin/users/{id}`: closes the account.
pub async fn destroy(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<UserId>,
    Once(key): Once,
) -> Result<Response> {
    let gone =
        app.store.write(Needs::person(id), move |tx| people::close(tx, &admin, key.as_ref(), id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// `DELETE /admin/users/{id}/sessions`: signs every device out.
pub async fn sign_out(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<UserId>,
    Once(key): Once,
) -> Result<Response> {
    let gone = app
        .store
        .write(Needs::person(id), move |tx| people::sign_out(tx, &admin, key.as_ref(), id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// `DELETE /admin/users/{id}/totp`: takes the second factor away from somebody who lost it.
pub async fn remove_factor(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<UserId>,
    Once(key): Once,
) -> Result<Response> {
    let mail = app.mailer.is_on();
    let gone = app.store.write(Needs::person(id), move |tx| {
        people::remove_factor(tx, &admin, key.as_ref(), id, mail)
    });
    let gone = gone.await?;
    crate::auth::disarmed(&app, id);
    Ok(done(gone, StatusCode::NO_CONTENT))
}

/// `POST /admin/users/{id}/reset`: a link by which they set a new password.
pub async fn reset(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<UserId>,
    Once(key): Once,
) -> Result<Response> {
    let slip = app.tokens.slip();
    let made = app
        .store
        .write(Needs::person(id), move |tx| people::reset(tx, &admin, key.as_ref(), id, &slip));
    let store::Once { again, answer: (slip, expires_at) } = made.await?;
    let answer = PasswordLink { link: link(&app, &slip), expires_at };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// Behind the `#` it reaches nobody but the reader's browser.
fn link(app: &App, slip: &str) -> String {
    format!("{}/mail/reset#{}", app.base(), app.tokens.mail(slip))
}
