//! Marks: how far somebody has read and received, and what they keep about a room for themselves.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::routes::done;
use crate::store::{self, Needs, StoreError, marks, ops, own};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::frames::MinePatch;
use hallway_protocol::ids::{NUMBER_MAX, RoomId, Seq};
use hallway_protocol::limits::TEXT_BYTES_MAX;
use hallway_protocol::rest::{Items, ReadMark, Receipt, Why};
use hallway_protocol::rows::Row;
use hallway_protocol::text::checked;

/// `PUT /rooms/{room}/read-mark`: it never moves back.
pub async fn read(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
    Json(body): Json<ReadMark>,
) -> Result<Response> {
    mark(body.seq)?;
    let needs = Needs::room(room).and([me.user]);
    let marked = app.store.write(needs, move |tx| {
        // A mark only grows, so the same call again does nothing by itself; the key is for who asks.
        let target = room.to_string();
        let again = ops::first(tx, &me, key.as_ref(), "read-mark", &target)?.is_some();
        if !again {
            marks::read(tx, &me, room, body.seq)?;
            ops::keep(tx, &me, key.as_ref(), "read-mark", &target, None)?;
        }
        Ok(store::Once { again, answer: () })
    });
    Ok(done(marked.await?, StatusCode::NO_CONTENT))
}

/// A read mark stands at a number of the room's log, or at 0 before the first.
pub fn mark(seq: Seq) -> Result<()> {
    if seq < 0 {
        return Err(Refusal::invalid("seq", "is below 0"));
    }
    Ok(())
}

/// `PATCH /rooms/{room}/mine`.
pub async fn mine(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Once(key): Once,
    Json(body): Json<MinePatch>,
) -> Result<Response> {
    let patch = patch(body, app.text_max(me.tenant))?;
    let needs = Needs::room(room).and([me.user]);
    let set = app.store.write(needs, move |tx| {
        let target = room.to_string();
        let again = ops::first(tx, &me, key.as_ref(), "mine", &target)?.is_some();
        if !again {
            marks::update(tx, &me, None, room, &patch)?;
            ops::keep(tx, &me, key.as_ref(), "mine", &target, None)?;
        }
        let mine = own::mine(tx, me.user, room)?.ok_or(StoreError::NotFound("room"))?;
        Ok(store::Once { again, answer: Row::Mine(mine) })
    });
    Ok(done(set.await?, StatusCode::OK))
}

/// `GET /rooms/{room}/why`: why this badge.
pub async fn why(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
) -> Result<axum::Json<Why>> {
    Ok(axum::Json(app.store.read(move |read| own::why(read, &me, room)).await?))
}

/// `GET /rooms/{room}/receipts`: how far the members are.
pub async fn receipts(
    State(app): State<App>,
    Session(me): Session,
    Path(room): Path<RoomId>,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Receipt>>> {
    part.read(&app, move |read, next, limit| marks::receipts(read, &me, room, next, limit)).await
}

/// What somebody keeps, within its limits; a draft is a text that may be empty, which clears it.
pub fn patch(mut patch: MinePatch, most: usize) -> Result<MinePatch> {
    if patch.muted_until.flatten().is_some_and(|at| !(0..=NUMBER_MAX).contains(&at)) {
        return Err(Refusal::invalid("muted_until", "is no time"));
    }
    if let Some(Some(draft)) = &patch.draft {
        let draft = checked(draft, most).map_err(|wrong| Refusal::invalid("draft", wrong))?;
        if draft.len() > TEXT_BYTES_MAX {
            return Err(Refusal::invalid("draft", "is too long"));
        }
        patch.draft = Some(Some(draft).filter(|draft| !draft.is_empty()));
    }
    Ok(patch)
}
