//! `POST /sync`: what the socket does, for who has none. A held call sits in the hub like a
//! connection, so it hears of the next event; and it joins the hub before it looks, so nothing
//! falls between looking and waiting.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::Json;
use crate::socket::hello::Present;
use crate::store::sync::{self, Caught, Heads};
use crate::store::{Read, notices};
use axum::extract::State;
use hallway_protocol::limits::{HELLO_ROOMS, SYNC_WAIT_MS};
use hallway_protocol::rest::{Sync, Synced};
use std::time::Duration;
use tokio::time::Instant;

/// Held calls of one session.
const HELD: usize = 2;
/// After something came, what comes with it is waited for so long.
const GATHER: Duration = Duration::from_millis(10);

/// `POST /sync`.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Json(body): Json<Sync>,
) -> Result<axum::Json<Synced>> {
    if body.rooms.len() > HELLO_ROOMS {
        return Err(Refusal::invalid("rooms", format!("are more than {HELLO_ROOMS}")));
    }
    let wait = body.wait_ms.unwrap_or(0).clamp(0, SYNC_WAIT_MS).unsigned_abs();
    let until = Instant::now() + Duration::from_millis(wait);
    let _held = Held::take(&app, &me.session)?;
    let present = Present::join(&app, me.clone()).await?;
    app.hub.focus(&present.line, body.focus.clone());
    let mut stop = app.sockets.stop();
    loop {
        let (me, asked) = (me.clone(), body.clone());
        let other = body.epoch.clone().filter(|epoch| *epoch != app.store.epoch());
        let same_epoch = other.is_none();
        let look = move |read: &mut Read<'_>| {
            let notices = match &asked.notices {
                Some(last) => notices::missed(read, &me, Some(last))?,
                None => Vec::new(),
            };
            Ok((sync::sync(read, &me, &asked, other.as_deref())?, notices))
        };
        let (Caught { heads, deltas, own }, notices) = app.store.read(look).await?;
        let ephemeral = present.line.signs();
        let idle = same_epoch
            && deltas.is_empty()
            && heads.rooms.is_empty()
            && heads.gone.is_empty()
            && own.rows.is_empty()
            && notices.is_empty()
            && ephemeral.is_empty();
        if !idle || Instant::now() >= until || stop.is_heard() || present.line.ended().is_some() {
            let (epoch, now) = (app.store.epoch(), app.clock.now());
            let Heads { rooms, gone, .. } = heads;
            let synced = Synced { epoch, now, rooms, gone, deltas, own, ephemeral, notices };
            return Ok(axum::Json(synced));
        }
        present.line.forget_waiting();
        tokio::select! {
            () = present.line.woken() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep_until(until) => {}
            () = stop.heard() => {}
        }
    }
}

/// A held call, counted.
struct Held {
    app: App,
    session: String,
}

impl Held {
    fn take(app: &App, session: &str) -> Result<Held> {
        let mut polls = app.polls.lock();
        let held = polls.entry(session.to_owned()).or_default();
        if *held >= HELD {
            return Err(Refusal::RateLimited(1_000));
        }
        *held += 1;
        Ok(Held { app: app.clone(), session: session.to_owned() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut polls = self.app.polls.lock();
        if let Some(held) = polls.get_mut(&self.session) {
            *held -= 1;
            if *held == 0 {
                polls.remove(&self.session);
            }
        }
    }
}
