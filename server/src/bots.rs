//! Bots: people who are programs. One is made by who looks after the tenant, signs in by its key in
//! place of an access token, and does what any member does.

use crate::accounts::checked;
use crate::admin::{Manage, secret};
use crate::app::App;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::keys::{PREFIX, random_id};
use crate::routes::done;
use crate::store;
use crate::store::bots::{self, BotKey, NewBot};
use crate::tokens::digest;
use crate::webhooks::needs;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{Key, UserId};
use hallway_protocol::limits::DISPLAY_NAME_MAX;
use hallway_protocol::rest::{Bot, NewBot as Asked, Rows};
use hallway_protocol::text;

/// `POST /bots`: its key is shown this once.
pub async fn create(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Json(body): Json<Asked>,
) -> Result<Response> {
    let name = checked("name", text::name(&body.name))?;
    let display_name = checked("display_name", text::label(&body.display_name, DISPLAY_NAME_MAX))?;
    let (shown, bot_key) = made(&app, &admin, key.as_ref())?;
    let new = NewBot { name, display_name, key: bot_key };
    let made = app
        .store
        .write(needs(admin.tenant), move |tx| bots::create(tx, &admin, key.as_ref(), &new));
    let store::Once { again, answer: user } = made.await?;
    Ok(done(store::Once { again, answer: Bot { user, key: shown } }, StatusCode::CREATED))
}

/// `GET /bots`.
pub async fn list(
    State(app): State<App>,
    Manage(admin): Manage,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    part.read(&app, move |read, next, limit| bots::list(read, &admin, next, limit)).await
}

/// `POST /bots/{user}/key`: another one, shown this once; the last opens nothing any more.
pub async fn rekey(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Path(bot): Path<UserId>,
) -> Result<Response> {
    let (shown, new) = made(&app, &admin, key.as_ref())?;
    let made = app
        .store
        .write(needs(admin.tenant), move |tx| bots::rekey(tx, &admin, key.as_ref(), bot, &new));
    let store::Once { again, answer: user } = made.await?;
    Ok(done(store::Once { again, answer: Bot { user, key: shown } }, StatusCode::CREATED))
}

/// `DELETE /bots/{user}`.
pub async fn destroy(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Path(bot): Path<UserId>,
) -> Result<Response> {
    let gone = app
        .store
        .write(needs(admin.tenant), move |tx| bots::destroy(tx, &admin, key.as_ref(), bot));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

fn made(app: &App, admin: &crate::access::Admin, key: Option<&Key>) -> Result<(String, BotKey)> {
    let id = random_id(app, "bot id", admin, key)?;
    let text = format!("{PREFIX}{id}_{}", secret(app, "bot", admin, key)?);
    let hash = digest(&text);
    Ok((text, BotKey { id, hash }))
}

/// The bot whose key this is, in place of an access token; none: it is no key.
pub async fn caller(app: &App, token: &str) -> Result<Option<store::Me>> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let known = app.keys.read(&app.store, token).await?;
    let Some(bot) = known.person else { return Err(Refusal::SignedOut) };
    let found = app.store.read(move |read| {
        store::keys::person(read, known.tenant, &known.id, &store::keys::Who::Ours(bot))
    });
    found.await?.map(Some).ok_or(Refusal::SignedOut)
}
