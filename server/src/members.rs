//! Members: coming in, going, being added, given a role, removed.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::routes::{done, row};
use crate::store::{Needs, members};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{NUMBER_MAX, RoomId, UserId};
use hallway_protocol::rest::{JoinCode, MemberRole, Rows};
use hallway_protocol::rows::Row;

/// `POST /rooms/{room}/join`: a room one sees; the room, also when already in.
pub async fn join(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
) -> Result<Response> {
    let needs = Needs::room(room).and([me.user]);
    let joined = app.store.write(needs, move |tx| members::join(tx, &me, key.as_ref(), room));
    Ok(done(row(joined.await?, Row::Room), StatusCode::OK))
}

/// `POST /rooms/join`: the room that a code opens.
pub async fn join_by_code(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<JoinCode>,
) -> Result<Response> {
    let joined = app.store.write(Needs::person(me.user), move |tx| {
        members::join_by_code(tx, &me, key.as_ref(), &body.code)
    });
    Ok(done(row(joined.await?, Row::Room), StatusCode::OK))
}

/// `POST /rooms/{room}/leave`.
pub async fn leave(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
) -> Result<Response> {
    let needs = Needs::room(room).and([me.user]);
    let left = app.store.write(needs, move |tx| members::leave(tx, &me, key.as_ref(), room));
    Ok(done(left.await?, StatusCode::NO_CONTENT))
}

/// `GET /rooms/{room}/members`.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    part.read(&app, move |read, next, limit| members::list(read, &me, room, next, limit)).await
}

/// `PUT /rooms/{room}/members/{user}`: adds somebody, gives them a role, or silences them.
pub async fn update(
    State(app): State<App>,
    Session(me): Session,
    Path((room, user)): Path<(RoomId, UserId)>,
    Once(key): Once,
    Json(body): Json<MemberRole>,
) -> Result<Response> {
    if body.muted_until.flatten().is_some_and(|until| !(0..=NUMBER_MAX).contains(&until)) {
        return Err(Refusal::invalid("muted_until", "is no time"));
    }
    let needs = Needs::room(room).and([me.user, user]);
    let set =
        app.store.write(needs, move |tx| members::set(tx, &me, key.as_ref(), room, user, &body));
    Ok(done(row(set.await?, Row::Member), StatusCode::OK))
}

/// `DELETE /rooms/{room}/members/{user}`: removes somebody.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Path((room, user)): Path<(RoomId, UserId)>,
    Once(key): Once,
) -> Result<Response> {
    let needs = Needs::room(room).and([me.user, user]);
    let removed =
        app.store.write(needs, move |tx| members::remove(tx, &me, key.as_ref(), room, user));
    Ok(done(removed.await?, StatusCode::NO_CONTENT))
}
