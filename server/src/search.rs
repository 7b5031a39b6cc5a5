//! Search, and who feeds its index: messages enter it in chunks after they were said, so that saying
//! something costs what it cost before. A search first sees to it that nothing it could find is
//! missing, so what was acknowledged is found at once.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Query, many, page_size};
use crate::store::search::{self, Known, Order, Search};
use crate::store::{Me, Needs, Store, StoreError};
use axum::extract::State;
use hallway_kit::Stop;
use hallway_protocol::ids::{Millis, RoomId, UserId};
use hallway_protocol::limits::SEQ_MAX;
use hallway_protocol::rest::Hits;
use hallway_protocol::search::{Mark, Query as Asked, Trait};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// After something was said, so long is gathered what else is: one step for many messages.
const PAUSE: Duration = Duration::from_millis(200);
/// Rooms of one step.
const ROOMS: usize = 64;
/// Steps a search waits for. It takes more only while an old server's history is taken in; the
/// newest of each room comes first.
const STEPS: usize = 32;
/// Rooms looked through at once at start.
const FOUND: usize = 500;

/// What was typed, and what a program adds to it.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    q: String,
    room: Option<RoomId>,
    from: Option<String>,
    has: Option<String>,
    before: Option<Millis>,
    after: Option<Millis>,
    sort: Option<String>,
    #[serde(default, deserialize_with = "many")]
    limit: Option<usize>,
    next: Option<String>,
}

impl Typed {
    fn search(self, me: &Me) -> Result<Search> {
        let mut query = Asked::parse(&self.q).map_err(|wrong| Refusal::invalid("q", wrong))?;
        for name in self.has.iter().flat_map(|has| has.split(',')) {
            query.marks.push(Mark { of: mark(name)?, not: false });
        }
        for (field, at) in [("before", self.before), ("after", self.after)] {
            if at.is_some_and(|at| !(0..=SEQ_MAX).contains(&at)) {
                return Err(Refusal::invalid(field, "is no time in milliseconds"));
            }
        }
        let from = match self.from.as_deref() {
            None => None,
            Some("me") => Some(me.user),
            Some(id) => {
                let id = id.parse().map(UserId);
                Some(id.map_err(|_| Refusal::invalid("from", "is neither an id nor me"))?)
            }
        };
        let order = match self.sort.as_deref() {
            None | Some("rank") => Order::Rank,
            Some("time") => Order::Time,
            Some(_) => return Err(Refusal::invalid("sort", "is neither rank nor time")),
        };
        let (room, after, before) = (self.room, self.after, self.before);
        let narrowed = room.is_some() || from.is_some() || after.is_some() || before.is_some();
        if query.is_empty() && !narrowed {
            return Err(Refusal::invalid("q", "asks for nothing"));
        }
        let (next, limit) = (self.next, page_size(self.limit));
        Ok(Search { query, room, from, after, before, order, next, limit })
    }
}

fn mark(name: &str) -> Result<Trait> {
    Ok(match name {
        "link" => Trait::Link,
        "file" => Trait::File,
        "image" => Trait::Image,
        "reaction" => Trait::Reaction,
        _ => return Err(Refusal::invalid("has", "knows link, file, image and reaction")),
    })
}

/// `GET /search`: messages the caller may see that answer, with where the words stand.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(typed): Query<Typed>,
) -> Result<axum::Json<Hits>> {
    let search = typed.search(&me)?;
    app.jobs.feeder.catch_up(&app.store, &me, search.room).await?;
    let found = app.store.read(move |read| search::find(read, &me, &search));
    Ok(axum::Json(found.await?))
}

/// Rooms in which something was said that the index does not have, and words that it has.
#[derive(Debug, Default)]
pub struct Feeder {
    rooms: Mutex<BTreeSet<RoomId>>,
    bell: Notify,
    known: Arc<Known>,
}

impl Feeder {
    /// Something happened in a room.
    pub fn hear(&self, room: RoomId) {
        let mut rooms = self.rooms.lock();
        let first = rooms.is_empty();
        rooms.insert(room);
        drop(rooms);
        if first {
            self.bell.notify_one();
        }
    }

    /// Feeds what a search of this person could miss.
    pub async fn catch_up(
        &self,
        store: &Store,
        me: &Me,
        room: Option<RoomId>,
    ) -> Result<(), StoreError> {
        for _ in 0..STEPS {
            let who = me.clone();
            let mut behind = store.read(move |read| search::behind(read, &who, room)).await?;
            if behind.is_empty() {
                break;
            }
            behind.truncate(ROOMS);
            self.step(store, behind).await?;
        }
        Ok(())
    }

    /// One step; the rooms that are still behind.
    async fn step(&self, store: &Store, rooms: Vec<RoomId>) -> Result<Vec<RoomId>, StoreError> {
        let known = self.known.clone();
        let fed = store
            .write(Needs::rooms(rooms.iter().copied()), move |tx| search::feed(tx, &rooms, &known));
        let (behind, met) = fed.await?;
        self.known.remember(met);
        Ok(behind)
    }
}

/// Keeps the index fed until the end: at first with what was left behind, then with what is heard.
pub async fn follow(app: App, mut stop: Stop) -> Result<(), StoreError> {
    let (feeder, mut from) = (&app.jobs.feeder, RoomId(0));
    loop {
        let found = app.store.read(move |read| search::all_behind(read, from, FOUND)).await?;
        let Some(last) = found.last() else { break };
        from = *last;
        feeder.rooms.lock().extend(found);
    }
    while !stop.is_heard() {
        let rooms: Vec<RoomId> = std::mem::take(&mut *feeder.rooms.lock()).into_iter().collect();
        let mut more = false;
        for some in rooms.chunks(ROOMS) {
            let behind = feeder.step(&app.store, some.to_vec()).await?;
            more |= !behind.is_empty();
            feeder.rooms.lock().extend(behind);
            if stop.is_heard() {
                return Ok(());
            }
        }
        if more {
            continue;
        }
        if feeder.rooms.lock().is_empty() {
            tokio::select! {
                () = feeder.bell.notified() => {}
                () = stop.heard() => return Ok(()),
            }
        }
        // Also while much is said: every step costs its part of a commit, however small it is.
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.heard() => return Ok(()),
        }
    }
    Ok(())
}
