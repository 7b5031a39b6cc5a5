//! Reminders: somebody wants to hear of a message again, later.

use crate::app::App;
use crate::auth::Session;
use crate::error::Result;
use crate::extract::{Json, Once, Part, Path, Query};
use crate::routes::done;
use crate::store::{Needs, reminders};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::rest::{Items, NewReminder, Reminder};

/// `POST /reminders`: of a message the caller sees.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(new): Json<NewReminder>,
) -> Result<Response> {
    let needs = Needs::person(me.user);
    let made = app.store.write(needs, move |tx| reminders::create(tx, &me, key.as_ref(), &new));
    Ok(done(made.await?, StatusCode::CREATED))
}

/// `GET /reminders`: the next first.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Reminder>>> {
    part.read(&app, move |read, next, limit| reminders::list(read, &me, next, limit)).await
}

/// `DELETE /reminders/{id}`: it is taken back.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let needs = Needs::person(me.user);
    let gone = app.store.write(needs, move |tx| reminders::destroy(tx, &me, key.as_ref(), &id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}
