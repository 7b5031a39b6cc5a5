//! Saved messages: what somebody put aside for themselves.

use crate::app::App;
use crate::auth::Session;
use crate::error::Result;
use crate::extract::{Json, Once, Part, Path, Query};
use crate::routes::done;
use crate::store::{Needs, saved};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::rest::{Items, NewSaved, Saved};

/// `POST /saved`: a message the caller sees.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(new): Json<NewSaved>,
) -> Result<Response> {
    let needs = Needs::person(me.user);
    let made = app.store.write(needs, move |tx| saved::create(tx, &me, key.as_ref(), &new));
    Ok(done(made.await?, StatusCode::CREATED))
}

/// `GET /saved`: latest first.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Saved>>> {
    part.read(&app, move |read, next, limit| saved::list(read, &me, next, limit)).await
}

/// `DELETE /saved/{id}`.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let needs = Needs::person(me.user);
    let gone = app.store.write(needs, move |tx| saved::destroy(tx, &me, key.as_ref(), &id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}
