//! Rooms: making them, finding them, their settings, their end; direct rooms between a few.

use crate::accounts::checked;
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::routes::{done, row};
use crate::store::{Needs, direct, directory, rooms, settings};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::RoomId;
use hallway_protocol::limits::{
    DIRECT_MAX, MEMBERS_AT_ONCE, RETENTION_MAX, ROOM_NAME_MAX, SLOW_MAX, TOPIC_MAX,
};
use hallway_protocol::rest::{NewDirect, NewRoom, RoomPatch, Rows};
use hallway_protocol::rows::Row;
use hallway_protocol::text;
use std::ops::RangeInclusive;

/// `POST /rooms`: makes a group or a channel; the caller owns it.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    once: Once,
    Json(mut new): Json<NewRoom>,
) -> Result<Response> {
    new.name = checked("name", text::label(&new.name, ROOM_NAME_MAX))?;
    new.topic = new.topic.as_deref().map(topic).transpose()?;
    if new.members.len() > MEMBERS_AT_ONCE {
        return Err(Refusal::invalid("members", format!("are more than {MEMBERS_AT_ONCE}")));
    }
    if new.sealed {
        return Err(Refusal::invalid("sealed", "rooms cannot be made yet"));
    }
    let key = once.or(new.key.take());
    let needs = Needs::person(me.user).and(new.members.iter().copied());
    let made = app.store.write(needs, move |tx| rooms::create(tx, &me, key.as_ref(), &new)).await?;
    Ok(done(row(made, Row::Room), StatusCode::CREATED))
}

/// `POST /rooms/direct`: the one room of exactly these people.
pub async fn direct(
    State(app): State<App>,
    Session(me): Session,
    Json(body): Json<NewDirect>,
) -> Result<Response> {
    if !(1..=DIRECT_MAX).contains(&body.users.len()) {
        return Err(Refusal::invalid("users", format!("must be 1 to {DIRECT_MAX}")));
    }
    let needs = Needs::person(me.user).and(body.users.iter().copied());
    let made = app.store.write(needs, move |tx| direct::open(tx, &me, &body.users)).await?;
    Ok(done(row(made, Row::Room), StatusCode::CREATED))
}

/// `GET /rooms`: mine; with `archived=true` those put away.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    let archived = part.archived;
    part.read(&app, move |read, next, limit| directory::mine(read, &me, archived, next, limit))
        .await
}

/// `GET /rooms/directory`: the public ones; with `archived=true` those put away.
pub async fn directory(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    let (query, archived) = (part.query.clone().unwrap_or_default(), part.archived);
    part.read(&app, move |read, next, limit| {
        directory::public(read, &me, &query, archived, next, limit)
    })
    .await
}

/// `GET /rooms/{room}`.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
) -> Result<axum::Json<Row>> {
    let found = app.store.read(move |read| rooms::show(read, &me, room)).await?;
    Ok(axum::Json(Row::Room(found)))
}

/// `PATCH /rooms/{room}`: name, topic and what the room asks of its members.
pub async fn update(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
    Json(mut patch): Json<RoomPatch>,
) -> Result<Response> {
    let name = patch.name.map(|name| checked("name", text::label(&name, ROOM_NAME_MAX)));
    patch.name = name.transpose()?;
    patch.topic = patch.topic.as_deref().map(topic).transpose()?;
    within("slow_seconds", patch.slow_seconds, 0..=SLOW_MAX)?;
    within("retention_days", patch.retention_days.flatten(), 1..=RETENTION_MAX)?;
    let changed = app
        .store
        .write(Needs::room(room), move |tx| settings::update(tx, &me, key.as_ref(), room, &patch));
    Ok(done(row(changed.await?, Row::Room), StatusCode::OK))
}

/// `DELETE /rooms/{room}`: for everyone.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
) -> Result<Response> {
    let gone =
        app.store.write(Needs::room(room), move |tx| rooms::destroy(tx, &me, key.as_ref(), room));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}

/// A number within its bounds, where there is one.
fn within(field: &str, given: Option<i64>, bounds: RangeInclusive<i64>) -> Result<()> {
    match given {
        Some(given) if !bounds.contains(&given) => {
            let what = format!("must be {} to {}", bounds.start(), bounds.end());
            Err(Refusal::invalid(field, what))
        }
        _ => Ok(()),
    }
}

/// A topic is one line, and may be empty.
fn topic(given: &str) -> Result<String> {
    match given.trim() {
        "" => Ok(String::new()),
        given => checked("topic", text::label(given, TOPIC_MAX)),
    }
}
