//! Join codes: eight characters that open a room to whoever types them.

use crate::app::App;
use crate::auth::Session;
use crate::error::Result;
use crate::extract::{Once, Path};
use crate::routes::done;
use crate::store::{Needs, codes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::RoomId;

/// `POST /rooms/{room}/code`: the room's code, made where there is none.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
) -> Result<Response> {
    let made =
        app.store.write(Needs::room(room), move |tx| codes::create(tx, &me, key.as_ref(), room));
    Ok(done(made.await?, StatusCode::OK))
}

/// `DELETE /rooms/{room}/code`: it opens nothing any more.
pub async fn destroy(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
) -> Result<Response> {
    let gone =
        app.store.write(Needs::room(room), move |tx| codes::destroy(tx, &me, key.as_ref(), room));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}
