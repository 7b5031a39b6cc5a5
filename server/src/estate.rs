//! Rooms as the operator of the server runs them: `hallway-server room` calls these.

use crate::admin::Run;
use crate::app::App;
use crate::error::Result;
use crate::extract::{Json, Once, Path, Query, page_size};
use crate::people::Which;
use crate::routes::done;
use crate::store::Needs;
use crate::store::estate::{self, Find};
use crate::store::pages::cut;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::RoomId;
use hallway_protocol::rest::{Items, RoomChange, RoomInfo};

/// `GET /admin/rooms`: by id.
pub async fn list(
    State(app): State<App>,
    Run(admin): Run,
    Query(which): Query<Which>,
) -> Result<axum::Json<Items<RoomInfo>>> {
    let (after, limit) = (RoomId(which.after()?), page_size(which.limit));
    let query = which.query.unwrap_or_default();
    let find = Find { tenant: which.tenant, query, after, limit: limit + 1 };
    let found = app.store.read(move |read| estate::list(read, &admin, &find)).await?;
    let (items, next) = cut(found, limit, |last| last.room.to_string());
    Ok(axum::Json(Items { items, next }))
}

/// `GET /admin/rooms/{id}`.
pub async fn show(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<RoomId>,
) -> Result<axum::Json<RoomInfo>> {
    let found = app.store.read(move |read| estate::show(read, &admin, id)).await?;
    Ok(axum::Json(found))
}

/// `PATCH /admin/rooms/{id}`: puts it away, gives it an owner.
pub async fn update(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<RoomId>,
    Once(key): Once,
    Json(body): Json<RoomChange>,
) -> Result<Response> {
    let needs = Needs::room(id).and(body.owner);
    let changed =
        app.store.write(needs, move |tx| estate::change(tx, &admin, key.as_ref(), id, &body));
    Ok(done(changed.await?, StatusCode::OK))
}

/// `DELETE /admin/rooms/{id}`.
pub async fn destroy(
    State(app): State<App>,
    Run(admin): Run,
    Path(id): Path<RoomId>,
    Once(key): Once,
) -> Result<Response> {
    let gone =
        app.store.write(Needs::room(id), move |tx| estate::destroy(tx, &admin, key.as_ref(), id));
    Ok(done(gone.await?, StatusCode::NO_CONTENT))
}
