//! Addresses by which others speak into a room, in the shape that tools for Slack speak: a text, or
//! attachments and blocks, of which the text is taken.

mod slack;

use crate::accounts::checked;
use crate::app::App;
use crate::auth::{Session, admit};
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query, parse, read};
use crate::front::Caller;
use crate::messages::draft;
use crate::routes::{PREFIX, done};
use crate::store::hooks::{self, NewHook};
use crate::store::{self, Me, Needs};
use crate::tokens::digest;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_protocol::ids::{Key, RoomId};
use hallway_protocol::limits::DISPLAY_NAME_MAX;
use hallway_protocol::rest::{Hook, HookPayload, Items, NewHook as Asked, NewMessage};
use hallway_protocol::text;
use serde_json::{Map, json};

/// `POST /rooms/{room}/hooks`: its address is shown this once.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
    Json(body): Json<Asked>,
) -> Result<Response> {
    let name = checked("name", text::label(&body.name, DISPLAY_NAME_MAX))?;
    let token = token(&app, &me, key.as_ref())?;
    let id = hex::encode(crate::folder::random::<8>().map_err(Refusal::Broken)?);
    let new = NewHook { id, name, hash: digest(&token) };
    let url = format!("{}{PREFIX}/hooks/{token}", app.base());
    let made = app
        .store
        .write(Needs::room(room), move |tx| hooks::create(tx, &me, key.as_ref(), room, &new));
    let store::Once { again, answer } = made.await?;
    let answer = Hook { url: Some(url), ..answer };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// `GET /rooms/{room}/hooks`: without their addresses.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Hook>>> {
    part.read(&app, move |read, next, limit| hooks::list(read, &me, room, next, limit)).await
}

/// `DELETE /rooms/{room}/hooks/{hook}`.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Path((room, id)): Path<(RoomId, String)>,
    Once(key): Once,
) -> Result<Response> {
    let gone = app
        .store
        .write(Needs::room(room), move |tx| hooks::destroy(tx, &me, key.as_ref(), room, &id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// `POST /hooks/{token}`: says something into the room of the token.
pub async fn speak(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    Once(key): Once,
    headers: HeaderMap,
    body: Body,
) -> Result<&'static str> {
    let hash = digest(&token);
    let found = app.store.read(move |read| hooks::opened(read, &hash)).await?;
    let (me, room) = found.ok_or(Refusal::NotFound("hook"))?;
    admit(&app, &me, Some(caller.address), None).await?;
    let most = app.text_max(me.tenant);
    let payload = payload(&headers, &read(body).await?)?;
    let mut meta = Map::new();
    if let Some(name) = payload.username.as_deref() {
        let name = checked("username", text::label(name, DISPLAY_NAME_MAX))?;
        meta.insert("username".into(), json!(name));
    }
    let said = NewMessage {
        key: key.unwrap_or_else(|| Key::new(app.clock.now())),
        text: slack::text(&payload, most),
        reply: None,
        thread: None,
        files: Vec::new(),
        meta,
        clears_draft: false,
    };
    app.store.append(me, room, draft(said, most)?).await?;
    Ok("ok")
}

/// JSON, or a form with JSON in its `payload`.
fn payload(headers: &HeaderMap, body: &[u8]) -> Result<HookPayload> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !form {
        return parse(body);
    }
    let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    let (_, payload) = payload.ok_or_else(|| Refusal::invalid("payload", "is missing"))?;
    parse(payload.as_bytes())
}

fn token(app: &App, me: &Me, key: Option<&Key>) -> Result<String> {
    let bytes = match key {
        Some(key) => app.tokens.derived("hook", &me.user.to_string(), key),
        None => crate::folder::random::<32>().map_err(Refusal::Broken)?,
    };
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
