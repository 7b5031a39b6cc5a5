//! What was done under an idempotency key, for 30 days of a running server. A row holds ids alone, and
//! the first answer is made again from the rows they name: deleted text cannot come back through here.

use super::{Me, Read, Result, StoreError, Tx, chores};
use crate::params;
use hallway_protocol::ids::{Key, RoomId, Seq};

/// How long a key is known, in hours the server runs.
pub const KEPT: i64 = 30 * 24;

/// What an earlier call with the same key did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// Whose log took the change.
    pub room: Option<RoomId>,
    /// Number of the change, or of the row's version where nothing changed.
    pub seq: Option<Seq>,
    /// Ids for the answer.
    pub answer: String,
}

/// The first call with this key. A key used for another kind or target is refused.
pub fn first(
    read: &mut Read<'_>,
    me: &Me,
    key: Option<&Key>,
    kind: &str,
    target: &str,
) -> Result<Option<Done>> {
    let Some(key) = key else { return Ok(None) };
    let found = read.one(
        "select kind, target, room, seq, answer from ops where person = $1 and key = $2",
        params![me.user, &key.to_bytes()],
        |row| {
            let done = Done { room: row.get(2)?, seq: row.get(3)?, answer: row.get(4)? };
            Ok((row.get::<String>(0)?, row.get::<String>(1)?, done))
        },
    )?;
    match found {
        None => Ok(None),
        Some((k, t, done)) if k == kind && t == target => Ok(Some(done)),
        Some(_) => Err(StoreError::Conflict("this key was used for something else")),
    }
}

/// Remembers what was done.
pub fn keep(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    kind: &str,
    target: &str,
    done: Option<Done>,
) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let done = done.unwrap_or(Done { room: None, seq: None, answer: String::new() });
    let hour = chores::hours(tx)?;
    tx.exec(
        "insert into ops (person, key, kind, target, room, seq, answer, made_hour)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![me.user, &key.to_bytes(), kind, target, done.room, done.seq, &done.answer, hour],
    )?;
    Ok(())
}

impl Done {
    /// A change of a room.
    pub fn change(room: RoomId, seq: Seq) -> Self {
        Done { room: Some(room), seq: Some(seq), answer: String::new() }
    }

    /// Something whose id is a text.
    pub fn made(answer: impl Into<String>) -> Self {
        Done { room: None, seq: None, answer: answer.into() }
    }
}
