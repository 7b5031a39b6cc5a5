//! The outbox on disk: the mirror of [`crate::outbox::Outbox`].

use super::Sql;
use crate::feed::FaultView;
use crate::op::{Act, Op, State};
use hallway_protocol::ids::{Key, RoomId};
use rusqlite::{Connection, Row, params};

const COLUMNS: &str = "op, key, room, target_seq, needs_key, payload, state, attempts, code, \
                       message, at, born, settle";

/// One stored operation; see [`readable`] for a row that is none.
pub(super) fn read(row: &Row<'_>) -> Sql<Op> {
    let wrong = |at: usize| {
        move |error: Box<dyn std::error::Error + Send + Sync>| {
            rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error)
        }
    };
    let key: String = row.get("key")?;
    let key: Key = key.parse().map_err(|error| wrong(1)(Box::new(error)))?;
    let needs: Option<String> = row.get("needs_key")?;
    let payload: String = row.get("payload")?;
    let act: Act = serde_json::from_str(&payload).map_err(|error| wrong(5)(error.into()))?;
    let code: Option<String> = row.get("code")?;
    let message: Option<String> = row.get("message")?;
    let state: String = row.get("state")?;
    Ok(Op {
        op: row.get("op")?,
        key,
        room: RoomId(row.get("room")?),
        act,
        target: row.get("target_seq")?,
        needs: needs.and_then(|needs| needs.parse().ok()),
        state: State::stored(&state),
        attempts: row.get("attempts")?,
        error: code.map(|code| FaultView { code, message: message.unwrap_or_default() }),
        at: row.get("at")?,
        born: row.get("born")?,
        settle: row.get("settle")?,
        not_before: 0,
    })
}

/// Leaves a row out that cannot be read as an operation (a later version wrote it, or none of ours):
/// it stays where it is, and keeps nothing else from being read.
pub(super) fn readable(op: Sql<Op>) -> Option<Sql<Op>> {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange};
    match op {
        Err(FromSqlConversionFailure(..) | IntegralValueOutOfRange(..)) => None,
        other => Some(other),
    }
}

/// Which operations.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    /// The messages of a room.
    Sends(RoomId),
    /// The messages of all rooms.
    AllSends,
    /// Whatever else is pending in a room.
    Changes(RoomId),
    /// The message with this key.
    Send(&'a str),
    /// What waits for this key.
    Needs(&'a str),
}

/// Operations in order, with the states a person sees.
pub(crate) fn list(conn: &Connection, which: Which<'_>) -> Sql<Vec<Op>> {
    use rusqlite::types::ToSqlOutput;
    let (condition, value) = match which {
        Which::Sends(room) => ("room = ?1 and kind = 'send'", ToSqlOutput::from(room.0)),
        Which::AllSends => ("kind = ?1", ToSqlOutput::from("send")),
        Which::Changes(room) => ("room = ?1 and kind <> 'send'", ToSqlOutput::from(room.0)),
        Which::Send(key) => ("key = ?1 and kind = 'send'", ToSqlOutput::from(key)),
        Which::Needs(key) => ("needs_key = ?1", ToSqlOutput::from(key)),
    };
    let sql = format!("select {COLUMNS} from outbox where {condition} order by op");
    conn.prepare_cached(&sql)?.query_map([value], shown)?.filter_map(readable).collect()
}

/// The messages of a room that are not confirmed, summed up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unsent {
    /// How many wait.
    pub pending: usize,
    /// How many failed.
    pub failed: usize,
    /// When the last was written.
    pub at: i64,
}

/// The sum of a room's unsent messages.
pub(crate) fn unsent(conn: &Connection, room: RoomId) -> Sql<Unsent> {
    let count = |n: i64| usize::try_from(n).unwrap_or_default();
    conn.prepare_cached(
        "select count(*) filter (where state <> 'failed'), count(*) filter (where state = 'failed'),
             coalesce(max(at), 0)
         from outbox where room = ?1 and kind = 'send'",
    )?
    .query_row([room.0], |row| {
        Ok(Unsent {
            pending: count(row.get(0)?),
            failed: count(row.get(1)?),
            at: row.get(2)?,
        })
    })
}

/// Whether a message of the room behind the place `after` takes this draft along. Most were written
/// in none, and are not looked at.
pub(crate) fn hides(conn: &Connection, room: RoomId, after: i64, draft: &str) -> Sql<bool> {
    let sql = format!(
        "select {COLUMNS} from outbox where room = ?1 and kind = 'send' and op > ?2
             and instr(payload, '\"draft\":\"kept\"') = 0"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let sends = statement.query_map([room.0, after], shown)?.filter_map(readable);
    let hidden = sends.map(|op| op.map(|op| op.hides(draft)));
    hidden.collect::<Sql<Vec<_>>>().map(|hidden| hidden.contains(&true))
}

/// As [`read`], with the state a person sees: what is being sent is being sent.
fn shown(row: &Row<'_>) -> Sql<Op> {
    let mut op = read(row)?;
    match row.get_ref("state")?.as_str()? {
        "sending" => op.state = State::Sending,
        "waiting" => op.state = State::Waiting,
        _ => {}
    }
    Ok(op)
}

/// The SQL that reads operations from one end; for salvage, which may meet an unreadable page.
pub(super) fn from_end(last_first: bool) -> String {
    let order = if last_first { "desc" } else { "asc" };
    format!("select {COLUMNS} from outbox order by op {order}")
}

pub(crate) fn put(conn: &Connection, op: &Op) -> Sql<()> {
    let payload = serde_json::to_string(&op.act)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    conn.prepare_cached(
        "insert into outbox (op, key, room, kind, target_seq, needs_key, payload, state, attempts,
                             code, message, at, born, settle)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         on conflict (op) do update set target_seq = ?5, needs_key = ?6, payload = ?7, state = ?8,
             attempts = ?9, code = ?10, message = ?11, born = ?13, settle = ?14",
    )?
    .execute(params![
        op.op,
        op.key.as_str(),
        op.room.0,
        op.act.kind(),
        op.target,
        op.needs.as_ref().map(Key::as_str),
        payload,
        op.state.as_str(),
        op.attempts,
        op.error.as_ref().map(|error| &error.code),
        op.error.as_ref().map(|error| &error.message),
        op.at,
        op.born,
        op.settle,
    ])
    .map(drop)
}

pub(crate) fn remove(conn: &Connection, op: i64) -> Sql<()> {
    conn.prepare_cached("delete from outbox where op = ?1")?.execute([op]).map(drop)
}

/// The highest place ever given.
pub(super) fn last(conn: &Connection) -> Sql<i64> {
    conn.query_row(
        "select coalesce((select seq from sqlite_sequence where name = 'outbox'), 0)",
        [],
        |row| row.get(0),
    )
}
