//! One change of a room on its way: it takes the next number, gathers the rows it wrote, and is
//! published once. Numbers are dense because nothing else moves the head but this and `append`.

use super::deliveries::{Cause, Ears};
use super::rooms::Facts;
use super::{Event, Result, Tx, messages};
use crate::params;
use hallway_protocol::ids::{Seq, UserId};
use hallway_protocol::rows::{Message, MessageKind, Row};
use serde_json::{Map, Value, json};

/// A change of a room.
pub struct Change {
    /// The room, its head already that of this change.
    pub facts: Facts,
    /// The number of the change.
    pub seq: Seq,
    rows: Vec<Row>,
    enter: Vec<(UserId, Seq)>,
    leave: Vec<UserId>,
    closed: bool,
    floor: Option<Seq>,
    edit: bool,
}

impl Change {
    /// Takes the next number of a room whose lock is held.
    pub fn begin(tx: &mut Tx<'_>, facts: &Facts) -> Result<Change> {
        let mut facts = facts.clone();
        facts.head += 1;
        tx.exec("update rooms set head = $1 where id = $2", params![facts.head, facts.id])?;
        let seq = facts.head;
        let (rows, enter, leave) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Change { facts, seq, rows, enter, leave, closed: false, floor: None, edit: false })
    }

    /// A row that was written.
    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Rows that were written, or that others must know to read them.
    pub fn rows(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// This person hears the room from here on.
    pub fn enters(&mut self, user: UserId, min_seq: Seq) {
        self.enter.push((user, min_seq));
    }

    /// This is the last that person hears.
    pub fn leaves(&mut self, user: UserId) {
        self.leave.push(user);
    }

    /// Nobody hears the room after this.
    pub fn closes(&mut self) {
        self.closed = true;
    }

    /// A message has another text.
    pub fn edits(&mut self) {
        self.edit = true;
    }

    /// What is below has expired.
    pub fn expires(&mut self, floor: Seq) {
        self.floor = Some(floor);
        self.facts.kept_from = floor;
    }

    /// Says in the room what happened: `by` caused it, `user` is whom it concerns.
    pub fn notice(
        &mut self,
        tx: &mut Tx<'_>,
        what: &str,
        user: Option<UserId>,
        by: UserId,
    ) -> Result<()> {
        self.notice_with(tx, what, user, by, None)
    }

    /// The same with what else there is to say.
    pub fn notice_with(
        &mut self,
        tx: &mut Tx<'_>,
        what: &str,
        user: Option<UserId>,
        by: UserId,
        said: Option<(&str, Value)>,
    ) -> Result<()> {
        let mut meta: Map<String, Value> = Map::new();
        meta.insert("what".into(), json!(what));
        if let Some(user) = user {
            meta.insert("user".into(), json!(user));
        }
        meta.insert("by".into(), json!(by));
        meta.extend(said.map(|(name, value)| (name.to_owned(), value)));
        let at = tx.now();
        tx.exec(
            "insert into messages (room, seq, rev, n, kind, sender, at, key, text, reply, thread,
                mentions, everyone, meta, edited_at, pinned, deleted_at)
             values ($1, $2, $2, 0, 1, $3, $4, null, '', null, null, '', 0, $5, null, 0, null)",
            params![self.facts.id, self.seq, by, at, &messages::object_text(&meta)],
        )?;
        self.rows.push(Row::Message(Message {
            room: self.facts.id,
            seq: self.seq,
            rev: self.seq,
            n: 0,
            sender: by,
            at,
            key: None,
            kind: MessageKind::System,
            text: String::new(),
            reply: None,
            thread: None,
            files: Vec::new(),
            mentions: Vec::new(),
            everyone: false,
            meta,
            edited_at: None,
            pinned: false,
            deleted: false,
        }));
        Ok(())
    }

    /// Publishes it; the room as it is after it.
    pub fn finish(self, tx: &mut Tx<'_>) -> Result<Facts> {
        let Change { facts, seq, rows, enter, leave, closed, floor, edit } = self;
        Ears::default().tell(tx, &facts, seq, &Cause::of(&rows, edit))?;
        tx.emit(Event::Room {
            tenant: facts.tenant,
            room: facts.id,
            seq,
            last_n: facts.last_n,
            rows,
            enter,
            leave,
            closed,
            concerns: Vec::new(),
            floor,
            size: facts.size,
        });
        Ok(facts)
    }
}
