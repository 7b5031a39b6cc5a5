//! Deleting for everyone. Who deletes what another said may say why: the reason stands in the record,
//! and beside the message for its author and for those who could have done it.

use super::messages::{self, Changed};
use super::{Me, Read, Result, StoreError, Tx, audit, rooms};
use crate::access::{self, Act};
use crate::params;
use audit::Note;
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::rest::Deletion;
use hallway_protocol::rows::Row;

/// Deletes a message, and keeps who did.
pub fn create(
    tx: &mut Tx<'_>,
    me: &Me,
    room: RoomId,
    key: Option<&Key>,
    seq: Seq,
    reason: Option<&str>,
) -> Result<Changed> {
    let before = messages::find(tx, room, seq)?.is_some_and(|message| message.deleted);
    let changed = messages::destroy(tx, me, room, key, seq)?;
    if changed.again || before {
        return Ok(changed);
    }
    let others = matches!(&changed.row, Some(Row::Message(row)) if row.sender != me.user);
    let (now, reason) = (tx.now(), reason.filter(|_| others));
    tx.exec(
        "insert into deletions (room, seq, person, reason, at) values ($1, $2, $3, $4, $5)
         on conflict (room, seq) do nothing",
        params![room, seq, me.user, reason, now],
    )?;
    if others {
        let note = Note::by(me, "message_deleted").on(format_args!("message:{room}/{seq}"));
        audit::note(tx, &note.with("reason", reason))?;
    }
    Ok(changed)
}

/// Who deleted a message of mine, or of a room I look after, and why.
pub fn show(read: &mut Read<'_>, me: &Me, room: RoomId, seq: Seq) -> Result<Deletion> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    let standing = access::may(read, me, Act::See, &facts)?;
    let message = messages::visible(read, room, seq, standing.min_seq)?;
    if message.sender != me.user {
        access::may(read, me, Act::DeleteOther, &facts)?;
    }
    let found = read.one(
        "select person, at, reason from deletions where room = $1 and seq = $2",
        params![room, seq],
        |row| Ok(Deletion { by: row.get(0)?, at: row.get(1)?, reason: row.get(2)? }),
    )?;
    found.ok_or(StoreError::NotFound("deletion"))
}
