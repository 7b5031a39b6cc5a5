//! Scheduled messages: said when their time comes, as if their author had sent them then.

use crate::app::App;
use crate::auth::Session;
use crate::error::Result;
use crate::extract::{Json, Once, Part, Path, Query};
use crate::messages::text;
use crate::routes::done;
use crate::store::{Needs, scheduled};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::rest::{Items, NewScheduled, Scheduled};

/// `POST /scheduled`: in a room where the caller may post now.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Json(mut new): Json<NewScheduled>,
) -> Result<Response> {
    new.text = text(&new.text, app.text_max(me.tenant))?;
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
    let found =
        app.store.read(move |read| scheduled::list(read, &me, part.next.as_deref(), part.limit()));
    Ok(axum::Json(found.await?))
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
