//! Reports: saying that a message should not be there, and dealing with what was said.

use crate::accounts::checked;
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Path, Query, many, page_size};
use crate::routes::done;
use crate::store::Needs;
use crate::store::reports::{self, Find};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::limits::REASON_MAX;
use hallway_protocol::rest::{Items, NewReport, Report, ReportPatch};
use hallway_protocol::text;
use serde::Deserialize;

/// `POST /reports`: of a message the caller sees.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(mut new): Json<NewReport>,
) -> Result<Response> {
    new.reason = reason(&new.reason)?;
    let needs = Needs::person(me.user);
    let made = app.store.write(needs, move |tx| reports::create(tx, &me, key.as_ref(), &new));
    Ok(done(made.await?, StatusCode::CREATED))
}

/// Which part of the list.
#[derive(Debug, Default, Deserialize)]
pub struct Which {
    resolved: Option<bool>,
    #[serde(default, deserialize_with = "many")]
    limit: Option<usize>,
    next: Option<String>,
}

/// `GET /reports`: those that are the caller's to deal with, newest first.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(which): Query<Which>,
) -> Result<axum::Json<Items<Report>>> {
    let Which { resolved, limit, next } = which;
    let find = Find { resolved, next, limit: page_size(limit) };
    Ok(axum::Json(app.store.read(move |read| reports::list(read, &me, &find)).await?))
}

/// `PATCH /reports/{id}`: dealt with, or open again.
pub async fn update(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
    Json(patch): Json<ReportPatch>,
) -> Result<Response> {
    let resolved = app.store.write(Needs::person(me.user), move |tx| {
        reports::resolve(tx, &me, key.as_ref(), &id, patch.resolved)
    });
    Ok(done(resolved.await?, StatusCode::OK))
}

/// A reason that somebody gives: a line or two.
pub fn reason(given: &str) -> Result<String> {
    let reason = checked("reason", text::checked(given.trim(), REASON_MAX))?;
    if reason.is_empty() {
        return Err(Refusal::invalid("reason", "is empty"));
    }
    Ok(reason)
}
