//! Messages: reading them, editing, deleting, pinning. Saying something is `append.rs`.

use super::change::Change;
use super::engine::{Outcome, Record};
use super::ops::Done;
use super::rooms::Facts;
use super::{
    Me, Read, Result, StoreError, Tx, attachments, mentions, notices, ops, pages, previews, rooms,
    search,
};
use crate::access::{self, Act, Standing};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, UserId};
use hallway_protocol::rest::{Edit, Items};
use hallway_protocol::rows::{File, Message, MessageKind, Row};

/// A query of whole messages, read by [`row`]; what follows `from messages` is its argument.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "select room, seq, rev, n, kind, sender, at, key, text, reply, thread, mentions, \
             everyone, meta, edited_at, pinned, deleted_at, files from messages ",
            $rest
        )
    };
}
pub(super) use select_messages;

/// What a command on a message did.
#[derive(Clone, PartialEq, Debug)]
pub struct Changed {
    /// The number of the change; of the row's version where nothing changed.
    pub seq: Seq,
    /// The key was done before.
    pub again: bool,
    /// The row as it is now; none when it went with its message.
    pub row: Option<Row>,
}

/// The message a key was made for.
pub fn by_key(read: &mut Read<'_>, me: &Me, room: RoomId, key: &Key) -> Result<Option<Message>> {
    read.one(
        select_messages!("where key = $1 and sender = $2 and room = $3"),
        params![&key.to_bytes(), me.user, room],
        row,
    )
}

/// Who said the message `seq` that another refers to, and the first message of its thread.
pub fn root(
    read: &mut Read<'_>,
    room: RoomId,
    seq: Seq,
    standing: Standing,
    field: &'static str,
) -> Result<(UserId, Seq)> {
    let found = read.one(
        "select sender, thread from messages where room = $1 and seq = $2",
        params![room, seq],
        |row| Ok((row.get(0)?, row.get::<Option<Seq>>(1)?)),
    )?;
    match found {
        Some((sender, thread)) if seq >= standing.min_seq => Ok((sender, thread.unwrap_or(seq))),
        _ => Err(StoreError::Invalid(field, "is not there".into())),
    }
}

/// One message that I may see, tombstones too.
pub fn show(read: &mut Read<'_>, me: &Me, room: RoomId, seq: Seq) -> Result<Message> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    let standing = access::may(read, me, Act::See, &facts)?;
    visible(read, room, seq, standing.min_seq)
}

/// The earlier texts of a message, oldest first.
pub fn edits(
    read: &mut Read<'_>,
    me: &Me,
    (room, seq): (RoomId, Seq),
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Edit>> {
    show(read, me, room, seq)?;
    let after = pages::number(next)?.unwrap_or(0);
    let found = read.all(
        "select text, at, rev from edits where room = $1 and seq = $2 and rev > $3
         order by rev limit $4",
        params![room, seq, after, pages::beyond(limit)],
        |row| Ok((Edit { text: row.get(0)?, at: row.get(1)? }, row.get::<Seq>(2)?)),
    )?;
    let (found, next) = pages::cut(found, limit, |(_, rev)| rev.to_string());
    Ok(Items { items: found.into_iter().map(|(edit, _)| edit).collect(), next })
}

/// What a message said when it was said.
pub(super) fn first_text(read: &mut Read<'_>, message: &Message) -> Result<String> {
    let sql = "select text from edits where room = $1 and seq = $2 order by rev limit 1";
    let first = read.one(sql, params![message.room, message.seq], |row| row.get(0))?;
    Ok(first.unwrap_or_else(|| message.text.clone()))
}

/// Changes the text of my message. The earlier text is kept for those who see the message.
pub fn edit(
    tx: &mut Tx<'_>,
    me: &Me,
    room: RoomId,
    key: Option<&Key>,
    seq: Seq,
    text: &str,
) -> Result<Changed> {
    let facts = rooms::lock(tx, room)?;
    if let Some(changed) = again(tx, me, key, "edit", &facts, seq)? {
        return Ok(changed);
    }
    let standing = access::may(tx, me, Act::Post, &facts)?;
    let message = visible(tx, room, seq, standing.min_seq)?;
    if message.sender != me.user || message.kind == MessageKind::System {
        return Err(StoreError::Forbidden("only its author may change a message"));
    }
    if message.deleted {
        return Err(StoreError::Conflict("the message is deleted"));
    }
    if text.trim().is_empty() && message.files.is_empty() {
        return Err(StoreError::Invalid("text", "is empty".into()));
    }
    if message.text == text {
        return done(tx, me, key, "edit", message.rev, message);
    }
    let mut change = Change::begin(tx, &facts)?;
    let named = mentions::named(tx, &facts, text)?;
    let (now, list) = (tx.now(), mentions::list_text(&named.people));
    previews::forget_changed(tx, facts.tenant, &message.text, text)?;
    let indexed = search::take(tx, room, seq)?;
    tx.exec(
        "insert into edits (room, seq, rev, text, at)
         select room, seq, rev, text, case when edited_at is null then at else edited_at end
         from messages where room = $1 and seq = $2",
        params![room, seq],
    )?;
    tx.exec(
        "update messages set text = $1, mentions = $2, everyone = $3, edited_at = $4, rev = $5
         where room = $6 and seq = $7",
        params![text, &list, named.everyone, now, change.seq, room, seq],
    )?;
    if indexed {
        search::put(tx, room, seq)?;
    }
    let message = find(tx, room, seq)?.ok_or(StoreError::NotFound("message"))?;
    mentions::forget(tx, &message)?;
    let answered = match message.reply {
        Some(reply) => find(tx, room, reply)?.map(|answered| answered.sender),
        None => None,
    };
    mentions::keep(tx, &facts, &message, answered)?;
    notices::of_edit(tx, &facts, &message, answered)?;
    change.row(Row::Message(message.clone()));
    change.edits();
    change.finish(tx)?;
    done(tx, me, key, "edit", message.rev, message)
}

/// Deletes a message: a tombstone stays, and nothing of what it said, its edits, reactions, pin and
/// mentions. Quotes are looked up where they are shown, so they go with it.
pub fn destroy(
    tx: &mut Tx<'_>,
    me: &Me,
    room: RoomId,
    key: Option<&Key>,
    seq: Seq,
) -> Result<Changed> {
    let facts = rooms::lock(tx, room)?;
    if let Some(changed) = again(tx, me, key, "delete", &facts, seq)? {
        return Ok(changed);
    }
    let found = find(tx, room, seq)?;
    let own = found.as_ref().is_some_and(|message| message.sender == me.user);
    let standing = access::may(tx, me, if own { Act::DeleteOwn } else { Act::DeleteOther }, &facts);
    let standing = match standing {
        // Whoever may not delete learns so only of a message they see.
        Err(refused) => {
            let standing = access::may(tx, me, Act::See, &facts)?;
            visible(tx, room, seq, standing.min_seq)?;
            return Err(refused);
        }
        Ok(standing) => standing,
    };
    // Who cleans up a room without being in it sees nothing of it, and need not.
    let from = if standing.role.is_some() { standing.min_seq } else { 1 };
    let message = visible(tx, room, seq, from)?;
    if message.kind == MessageKind::System {
        return Err(StoreError::Forbidden("a notice of the room stays"));
    }
    if message.deleted {
        return done(tx, me, key, "delete", message.rev, message);
    }
    let mut change = Change::begin(tx, &facts)?;
    erase(tx, room, seq, change.seq)?;
    let message = find(tx, room, seq)?.ok_or(StoreError::NotFound("message"))?;
    change.row(Row::Message(message.clone()));
    change.finish(tx)?;
    done(tx, me, key, "delete", message.rev, message)
}

/// Takes out what a message said and everything that hangs on it; its place stays.
pub(super) fn erase(tx: &mut Tx<'_>, room: RoomId, seq: Seq, rev: Seq) -> Result<()> {
    let said = tx.one(
        "select m.text, r.tenant from messages m join rooms r on r.id = m.room
         where m.room = $1 and m.seq = $2",
        params![room, seq],
        |row| Ok((row.get::<String>(0)?, row.get(1)?)),
    )?;
    if let Some((text, tenant)) = said {
        previews::forget_of(tx, tenant, &text)?;
    }
    let now = tx.now();
    search::take(tx, room, seq)?;
    tx.exec(
        "update messages set text = '', reply = null, mentions = '', everyone = 0, meta = '',
            edited_at = null, pinned = 0, deleted_at = $1, rev = $2, files = ''
         where room = $3 and seq = $4",
        params![now, rev, room, seq],
    )?;
    let at = params![room, seq];
    tx.exec("delete from edits where room = $1 and seq = $2", at)?;
    tx.exec("delete from reactions where room = $1 and seq = $2", at)?;
    tx.exec("delete from mentions where room = $1 and seq = $2", at)?;
    tx.exec("delete from deletions where room = $1 and seq = $2", at)?;
    notices::forget(tx, room, seq)?;
    attachments::release(tx, room, seq)
}

/// Pins a message, or takes the pin out.
pub fn pin(
    tx: &mut Tx<'_>,
    me: &Me,
    room: RoomId,
    key: Option<&Key>,
    seq: Seq,
    on: bool,
) -> Result<Changed> {
    let facts = rooms::lock(tx, room)?;
    let kind = if on { "pin" } else { "unpin" };
    if let Some(changed) = again(tx, me, key, kind, &facts, seq)? {
        return Ok(changed);
    }
    let standing = access::may(tx, me, Act::Pin, &facts)?;
    let mut message = visible(tx, room, seq, standing.min_seq)?;
    if message.deleted || message.kind == MessageKind::System {
        return Err(StoreError::Conflict("this cannot be pinned"));
    }
    if message.pinned != on {
        let mut change = Change::begin(tx, &facts)?;
        (message.pinned, message.rev) = (on, change.seq);
        tx.exec(
            "update messages set pinned = $1, rev = $2 where room = $3 and seq = $4",
            params![on, change.seq, room, seq],
        )?;
        change.row(Row::Message(message.clone()));
        change.finish(tx)?;
    }
    done(tx, me, key, kind, message.rev, message)
}

/// The answer to a key done before, from the message as it is now; somebody removed since is told
/// that it was done, and of others' messages nothing newer than they saw.
fn again(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    kind: &str,
    room: &Facts,
    seq: Seq,
) -> Result<Option<Changed>> {
    let Some(done) = ops::first(tx, me, key, kind, &target(room.id, seq))? else { return Ok(None) };
    let seen = access::sees(tx, me, room)?;
    let mine = |message: &Message| message.sender == me.user;
    let shown = |message: &Message| mine(message) || seen.is_some_and(|min_seq| seq >= min_seq);
    let row = find(tx, room.id, seq)?.filter(shown).map(Row::Message);
    Ok(Some(Changed { seq: done.seq.unwrap_or(seq), again: true, row }))
}

fn done(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    kind: &str,
    change: Seq,
    message: Message,
) -> Result<Changed> {
    let target = target(message.room, message.seq);
    ops::keep(tx, me, key, kind, &target, Some(Done::change(message.room, change)))?;
    Ok(Changed { seq: change, again: false, row: Some(Row::Message(message)) })
}

/// A message as the target of a key.
pub(super) fn target(room: RoomId, seq: Seq) -> String {
    format!("{room}:{seq}")
}

/// A message, whoever asks.
pub(super) fn find(read: &mut Read<'_>, room: RoomId, seq: Seq) -> Result<Option<Message>> {
    read.one(select_messages!("where room = $1 and seq = $2"), params![room, seq], row)
}

/// A message that is not below what the asker may see.
pub(super) fn visible(
    read: &mut Read<'_>,
    room: RoomId,
    seq: Seq,
    min_seq: Seq,
) -> Result<Message> {
    let found = if seq < min_seq { None } else { find(read, room, seq)? };
    found.ok_or(StoreError::NotFound("message"))
}

/// Reads the columns in the order in which every query of messages names them.
pub(super) fn row(row: &Record<'_>) -> Outcome<Message> {
    let deleted = row.get::<Option<Millis>>(16)?.is_some();
    Ok(Message {
        room: row.get(0)?,
        seq: row.get(1)?,
        rev: row.get(2)?,
        n: row.get(3)?,
        kind: if row.get::<i64>(4)? == 1 { MessageKind::System } else { MessageKind::Text },
        sender: row.get(5)?,
        at: row.get(6)?,
        key: row.get(7)?,
        text: row.get(8)?,
        reply: row.get(9)?,
        thread: row.get(10)?,
        files: files(&row.get::<String>(17)?),
        mentions: mentions::list(&row.get::<String>(11)?),
        everyone: row.get(12)?,
        meta: object(&row.get::<String>(13)?),
        edited_at: row.get(14)?,
        pinned: row.get(15)?,
        deleted,
    })
}

/// An object as it is stored; empty for none.
pub fn object_text(object: &serde_json::Map<String, serde_json::Value>) -> String {
    if object.is_empty() { String::new() } else { serde_json::json!(object).to_string() }
}

fn object(stored: &str) -> serde_json::Map<String, serde_json::Value> {
    if stored.is_empty() {
        return serde_json::Map::new();
    }
    // Only objects are ever stored here.
    serde_json::from_str(stored).unwrap_or_default()
}

/// What a message carries, as it is stored; empty for nothing.
pub fn files_text(files: &[File]) -> String {
    if files.is_empty() { String::new() } else { serde_json::json!(files).to_string() }
}

pub(super) fn files(stored: &str) -> Vec<File> {
    if stored.is_empty() {
        return Vec::new();
    }
    // Only lists of files are ever stored here.
    serde_json::from_str(stored).unwrap_or_default()
}
