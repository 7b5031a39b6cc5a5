//! Private storage: small values a person's devices share, which nobody else sees.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Anything, Once, Path};
use crate::routes::done;
use crate::store::{Needs, storage};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::limits::STORAGE_VALUE_BYTES;
use serde_json::Value;

/// Length of a key, characters.
const KEY_MAX: usize = 100;

/// `GET /users/me/storage/{key}`.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Path(name): Path<String>,
) -> Result<axum::Json<Value>> {
    let name = checked(&name)?;
    let text = app.store.read(move |read| storage::show(read, &me, &name)).await?;
    serde_json::from_str(&text).map(axum::Json).map_err(|error| Refusal::Broken(error.into()))
}

/// `PUT /users/me/storage/{key}`: any JSON value.
pub async fn update(
    State(app): State<App>,
    Session(me): Session,
    Path(name): Path<String>,
    Once(key): Once,
    Anything(value): Anything,
) -> Result<Response> {
    let (name, text) = (checked(&name)?, value.to_string());
    if text.len() > STORAGE_VALUE_BYTES {
        return Err(Refusal::TooLarge(STORAGE_VALUE_BYTES));
    }
    let put = app
        .store
        .write(Needs::person(me.user), move |tx| storage::put(tx, &me, key.as_ref(), &name, &text));
    Ok(done(put.await?, StatusCode::NO_CONTENT))
}

/// `DELETE /users/me/storage/{key}`.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Path(name): Path<String>,
    Once(key): Once,
) -> Result<Response> {
    let name = checked(&name)?;
    let gone = app
        .store
        .write(Needs::person(me.user), move |tx| storage::destroy(tx, &me, key.as_ref(), &name));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

fn checked(name: &str) -> Result<String> {
    crate::accounts::checked("key", hallway_protocol::text::label(name, KEY_MAX))
}
