//! Sessions: staying signed in, signing out, and throwing out a device that was lost.

use crate::accounts;
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::front::Caller;
use crate::store::audit::{self, Note};
use crate::store::sessions::{self, Presented};
use crate::store::{Me, Needs, StoreError, Tx, ops};
use crate::tokens::digest;
use axum::extract::State;
use axum::http::StatusCode;
use hallway_protocol::rest::{Refresh, Refreshed, Rows};

/// `POST /auth/refresh`: the successor of a refresh token, the same one until it is used.
pub async fn refresh(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Refresh>,
) -> Result<axum::Json<Refreshed>> {
    app.rates.sign_in(caller.address, None)?;
    let (session, generation) = app.tokens.read_refresh(&body.refresh_token)?;
    let hash = digest(&body.refresh_token);
    let presented = Presented { session, generation, hash, address: Some(caller.address) };
    let tokens = app.tokens.clone();
    let given = app.store.write(Needs::default(), move |tx| {
        sessions::refresh(tx, &presented, &|family, at| tokens.hash(family, at))
    });
    match given.await? {
        sessions::Refresh::Given { me, generation, .. } => {
            let session = accounts::answer(&app, me.tenant, me.user, me.session, generation)?;
            Ok(axum::Json(Refreshed { session }))
        }
        sessions::Refresh::Reused { user } => {
            tracing::warn!(%user, "a spent refresh token came back: its session is ended");
            Err(Refusal::SignedOut)
        }
    }
}

/// `POST /auth/logout`: ends the present session.
pub async fn logout(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
) -> Result<StatusCode> {
    let needs = Needs::person(me.user);
    app.store.write(needs, move |tx| end(tx, &me, &me.session, caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /auth/sessions`: my devices.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Rows>> {
    part.read(&app, move |read, next, limit| sessions::list(read, &me, next, limit)).await
}

/// `DELETE /auth/sessions/{id}`: throws a device out.
pub async fn destroy(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let ended = app.store.write(Needs::person(me.user), move |tx| {
        let again = ops::first(tx, &me, key.as_ref(), "session-end", &id)?.is_some();
        if !again {
            end(tx, &me, &id, caller)?;
            ops::keep(tx, &me, key.as_ref(), "session-end", &id, None)?;
        }
        Ok::<_, StoreError>(again)
    });
    Ok(if ended.await? { StatusCode::OK } else { StatusCode::NO_CONTENT })
}

/// Ends a session and says so in the record.
fn end(tx: &mut Tx<'_>, me: &Me, session: &str, caller: Caller) -> Result<(), StoreError> {
    sessions::end(tx, me, session)?;
    let act = if session == me.session { "sign_out" } else { "session_ended" };
    let note = Note::by(me, act).on(format_args!("session:{session}"));
    audit::note(tx, &note.from(caller.address))
}
