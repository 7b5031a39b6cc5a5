//! Parts of a room that are no stretch of its history: a thread, what is pinned, what a message said
//! before. The server says what belongs to them; what is shown comes out of the store, and without
//! the server it is what is held.

use crate::account::Core;
use crate::error::{Fault, Result};
use crate::feed::{MessageView, Timeline};
use crate::store::{Sql, views};
use crate::timeline::{facts, named};
use crate::world::{Intent, PageRequest, Place};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::limits::PAGE;
use hallway_protocol::rest::{Edit, Items, Rows};
use hallway_protocol::rows::Row;
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// Pages fetched for messages of a list that are not held: each brings its neighbours too.
const FILLS: usize = 40;

/// Which list.
#[derive(Clone, Copy, Debug)]
enum List {
    /// A message and what answers it in its thread.
    Thread(Seq),
    /// What is pinned.
    Pins,
}

impl List {
    fn path(self, room: RoomId) -> String {
        match self {
            List::Thread(root) => format!("/rooms/{room}/messages/{root}/thread?limit=100"),
            List::Pins => format!("/rooms/{room}/pins?limit=100"),
        }
    }
}

/// A part of a list as the server sends it.
pub(crate) trait Part: DeserializeOwned {
    /// What it is a list of.
    type Element;
    /// What it holds, and where the list goes on.
    fn open(self) -> (Vec<Self::Element>, Option<String>);
}

impl Part for Rows {
    type Element = Row;
    fn open(self) -> (Vec<Row>, Option<String>) {
        (self.rows, self.next)
    }
}

impl<T: DeserializeOwned> Part for Items<T> {
    type Element = T;
    fn open(self) -> (Vec<T>, Option<String>) {
        (self.items, self.next)
    }
}

impl Core {
    /// A message and what was said in its thread, oldest first, unsent ones last.
    pub async fn thread(&self, room: RoomId, root: Seq) -> Result<Timeline> {
        self.listed(room, List::Thread(root)).await
    }

    /// What is pinned in a room, oldest first.
    pub async fn pins(&self, room: RoomId) -> Result<Timeline> {
        self.listed(room, List::Pins).await
    }

    /// What a message said before it was changed, oldest first; that needs the server, for nobody
    /// keeps it here.
    pub async fn edits(&self, room: RoomId, seq: Seq) -> Result<Vec<Edit>> {
        let path = format!("/rooms/{room}/messages/{seq}/edits?limit=100");
        self.all::<Items<Edit>>(&path).await
    }

    async fn listed(&self, room: RoomId, list: List) -> Result<Timeline> {
        match self.all::<Rows>(&list.path(room)).await {
            Ok(rows) => {
                let seqs = rows.iter().filter_map(|row| match row {
                    Row::Message(message) => Some(message.seq),
                    _ => None,
                });
                self.fetch(room, seqs.collect()).await?;
            }
            Err(Fault::Offline) => {}
            Err(other) => return Err(other),
        }
        let me = self.me();
        self.inner().reader.read(move |conn| held(conn, me, room, list)).await
    }

    /// Has the pages around these messages fetched, as far as they are not held.
    async fn fetch(&self, room: RoomId, mut wanted: BTreeSet<Seq>) -> Result<()> {
        for _ in 0..FILLS {
            let asked = wanted.clone();
            wanted = self.inner().reader.read(move |conn| missing(conn, room, asked)).await?;
            let Some(next) = wanted.pop_last() else { return Ok(()) };
            let request = PageRequest { room, place: Place::Around(next), limit: PAGE.0, fresh: 0 };
            if self.act(Intent::Fill(request)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn missing(conn: &Connection, room: RoomId, wanted: BTreeSet<Seq>) -> Sql<BTreeSet<Seq>> {
    let mut known =
        conn.prepare_cached("select exists (select 1 from messages where room = ?1 and seq = ?2)")?;
    let mut out = BTreeSet::new();
    for seq in wanted {
        if !known.query_row((room.0, seq), |row| row.get::<_, bool>(0))? {
            out.insert(seq);
        }
    }
    Ok(out)
}

fn held(conn: &Connection, me: UserId, room: RoomId, list: List) -> Sql<Timeline> {
    let rows = match list {
        List::Thread(root) => {
            let mut rows = views::messages(conn, me, room, &thread(conn, room, root)?)?;
            let pending = views::pending(conn, me, room)?;
            rows.extend(pending.into_iter().filter(|row| row.thread == Some(root)));
            rows
        }
        List::Pins => {
            let mut rows = views::messages(conn, me, room, &pins(conn, room)?)?;
            rows.retain(|row| row.pinned && !row.deleted);
            rows
        }
    };
    let people: BTreeSet<UserId> = rows.iter().flat_map(named).collect();
    Ok(Timeline {
        people: views::people(conn, people)?,
        rows: rows.into_iter().map(MessageView::drawn).collect(),
        more_before: false,
        more_after: false,
        read: facts(conn, room)?.map_or(0, |room| room.read),
    })
}

fn thread(conn: &Connection, room: RoomId, root: Seq) -> Sql<Vec<Seq>> {
    conn.prepare_cached(
        "select seq from messages where room = ?1 and seq = ?2
         union select seq from messages indexed by messages_thread
             where room = ?1 and thread = ?2 order by 1",
    )?
    .query_map((room.0, root), |row| row.get(0))?
    .collect()
}

/// Pinned ones, and those whose pinning is on the way.
fn pins(conn: &Connection, room: RoomId) -> Sql<Vec<Seq>> {
    conn.prepare_cached(
        "select seq from messages indexed by messages_pinned where room = ?1 and pinned = 1
         union select target_seq from outbox
             where room = ?1 and kind = 'pin' and target_seq is not null order by 1",
    )?
    .query_map([room.0], |row| row.get(0))?
    .collect()
}

#[cfg(test)]
mod tests;
