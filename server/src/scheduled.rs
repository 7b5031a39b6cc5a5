//! Scheduled messages: said when their time comes, as if their author had sent them then.

use crate::app::App;
use crate::auth::Session;
use crate::error::Result;
use crate::extract::{Json, Once, Part, Path, Query};
use crate::messages::{any_text, few, text};
use crate::routes::done;
use crate::store::{Needs, scheduled};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::rest::{Items, NewScheduled, Scheduled, ScheduledPatch};

/// `POST /scheduled`: in a room where the caller may post now.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Json(mut new): Json<NewScheduled>,
) -> Result<Response> {
    few(&new.files)?;
    let checked = if new.files.is_empty() { text } else { any_text };
    new.text = checked(&new.text, app.text_max(me.tenant))?;
    let needs = Needs::person(me.user);
    let made = app.store.write(needs, move |tx| scheduled::create(tx, &me, &new));
    Ok(done(made.await?, StatusCode::CREATED))
}

/// `GET /scheduled`: the next first; those that could not be said with the reason.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Scheduled>>> {
    part.read(&app, move |read, next, limit| scheduled::list(read, &me, next, limit)).await
}

/// `PATCH /scheduled/{id}`: says something else, or at another time; one that was refused waits again
/// when it is given one.
pub async fn update(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
    Json(mut patch): Json<ScheduledPatch>,
) -> Result<Response> {
    few(patch.files.as_deref().unwrap_or_default())?;
    let said = patch.text.map(|said| any_text(&said, app.text_max(me.tenant)));
    patch.text = said.transpose()?;
    let needs = Needs::person(me.user);
    let changed =
        app.store.write(needs, move |tx| scheduled::update(tx, &me, key.as_ref(), &id, &patch));
    Ok(done(changed.await?, StatusCode::OK))
}

/// `DELETE /scheduled/{id}`: it is not said.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let needs = Needs::person(me.user);
    let gone = app.store.write(needs, move |tx| scheduled::destroy(tx, &me, key.as_ref(), &id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}
