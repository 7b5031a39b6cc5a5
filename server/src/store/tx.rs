//! What a store function works with: [`Read`] asks, [`Tx`] writes, emits and enqueues. A write
//! cannot be published in any other way than `emit`, and leaves only after the commit.

use super::engine::{Conn, EngineError, Outcome, Record, Value};
use super::{Event, Needs, Result, StoreError};
use hallway_protocol::ids::{Millis, RoomId, UserId};
use std::ops::{Deref, DerefMut};

/// A transaction that reads.
pub struct Read<'a> {
    conn: &'a mut dyn Conn,
    now: Millis,
    /// The first statement that failed. Sticky: PostgreSQL answers the commit of a broken
    /// transaction with success, so a job that swallowed an error must not be acknowledged.
    failure: Option<EngineError>,
}

impl<'a> Read<'a> {
    pub(super) fn new(conn: &'a mut dyn Conn, now: Millis) -> Self {
        Read { conn, now, failure: None }
    }

    /// The time of this transaction, for display.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Which engine it is, for what cannot be said to both alike.
    pub(super) fn is_postgres(&self) -> bool {
        self.conn.is_postgres()
    }

    /// The first row of an answer.
    pub fn one<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        f: impl Fn(&Record<'_>) -> Outcome<T>,
    ) -> Result<Option<T>> {
        let mut out = None;
        let done = self.conn.rows(sql, params, &mut |row| {
            if out.is_none() {
                out = Some(f(row)?);
            }
            Ok(())
        });
        self.noted(done)?;
        Ok(out)
    }

    /// All rows of an answer.
    pub fn all<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        f: impl Fn(&Record<'_>) -> Outcome<T>,
    ) -> Result<Vec<T>> {
        let mut out = Vec::new();
        let done = self.conn.rows(sql, params, &mut |row| {
            out.push(f(row)?);
            Ok(())
        });
        self.noted(done)?;
        Ok(out)
    }

    /// A count, or any one number that is there.
    pub fn number(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<i64> {
        Ok(self.one(sql, params, |row| row.get::<Option<i64>>(0))?.flatten().unwrap_or(0))
    }

    pub(super) fn failure(&mut self) -> Option<EngineError> {
        self.failure.take()
    }

    fn noted<T>(&mut self, done: Outcome<T>) -> Result<T> {
        done.map_err(|error| {
            let refused = StoreError::Broken(anyhow::Error::new(error.clone()));
            self.failure.get_or_insert(error);
            refused
        })
    }
}

/// When a job's changes are made undoable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guard {
    /// Never: on any failure the whole batch is rolled back and run again with [`Guard::Start`].
    None,
    /// Before its first write.
    Write,
    /// Before it starts; on PostgreSQL even a failed question ends a transaction.
    Start,
}

/// A transaction that writes.
pub struct Tx<'a> {
    read: Read<'a>,
    events: &'a mut Vec<Event>,
    held: &'a Needs,
    short: Needs,
    /// Made in this very transaction: nobody else can hold what nobody else sees.
    new: Needs,
    guard: Guard,
    guarded: bool,
    wrote: bool,
}

/// How a job left its transaction.
pub(super) struct Left {
    pub failure: Option<EngineError>,
    /// What it needed beyond what it declared.
    pub short: Needs,
    pub guarded: bool,
    pub wrote: bool,
}

impl<'a> Tx<'a> {
    pub(super) fn new(
        conn: &'a mut dyn Conn,
        now: Millis,
        events: &'a mut Vec<Event>,
        held: &'a Needs,
        guard: Guard,
    ) -> Outcome<Self> {
        let guarded = guard == Guard::Start;
        if guarded {
            conn.script("savepoint job")?;
        }
        let read = Read::new(conn, now);
        let (short, new) = (Needs::default(), Needs::default());
        Ok(Tx { read, events, held, short, new, guard, guarded, wrote: false })
    }

    pub(super) fn left(mut self) -> Left {
        let failure = self.read.failure();
        Left { failure, short: self.short, guarded: self.guarded, wrote: self.wrote }
    }

    /// Runs a statement that writes; how many rows it touched.
    pub fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64> {
        self.writes()?;
        let done = self.read.conn.exec(sql, params);
        self.read.noted(done)
    }

    /// Runs a statement that writes and answers (`returning`); its first row.
    pub fn put<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        f: impl Fn(&Record<'_>) -> Outcome<T>,
    ) -> Result<Option<T>> {
        self.writes()?;
        self.read.one(sql, params, f)
    }

    /// Publishes after the commit.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Makes sure that the people's rows are locked. A job that did not declare them is run again,
    /// alone, with what it turned out to need; the refusal this answers with goes no further.
    pub fn hold_people(&mut self, people: &[UserId]) -> Result<()> {
        let (held, new) = (&self.held.people, &self.new.people);
        let missing = people.iter().filter(|p| !held.contains(p) && !new.contains(p));
        self.short.people.extend(missing);
        self.enough()
    }

    /// The same for rooms.
    pub fn hold_room(&mut self, room: RoomId) -> Result<()> {
        if !self.held.rooms.contains(&room) && !self.new.rooms.contains(&room) {
            self.short.rooms.insert(room);
        }
        self.enough()
    }

    /// A person made in this transaction needs no lock.
    pub fn made(&mut self, user: UserId) {
        self.new.people.insert(user);
    }

    /// Nor does a room.
    pub fn made_room(&mut self, room: RoomId) {
        self.new.rooms.insert(room);
    }

    fn enough(&self) -> Result<()> {
        let enough = self.short.rooms.is_empty() && self.short.people.is_empty();
        if enough { Ok(()) } else { Err(StoreError::Busy) }
    }

    fn writes(&mut self) -> Result<()> {
        if !self.wrote && self.guard == Guard::Write {
            let done = self.read.conn.script("savepoint job");
            self.read.noted(done)?;
            self.guarded = true;
        }
        self.wrote = true;
        Ok(())
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = Read<'a>;
    fn deref(&self) -> &Read<'a> {
        &self.read
    }
}

impl<'a> DerefMut for Tx<'a> {
    fn deref_mut(&mut self) -> &mut Read<'a> {
        &mut self.read
    }
}
