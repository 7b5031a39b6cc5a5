//! Reactions: one person's emoji on one message. Taking one back keeps the row, with its version.

use super::change::Change;
use super::engine::{Outcome, Record};
use super::messages::{self, Changed};
use super::ops::Done;
use super::{Me, Read, Result, StoreError, Tx, ops, rooms};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::limits::EMOJI_KINDS;
use hallway_protocol::rows::{MessageKind, Reaction, Row};

/// Sets or takes back my emoji; what is so already takes no number.
pub fn set(
    tx: &mut Tx<'_>,
    me: &Me,
    room: RoomId,
    key: Option<&Key>,
    seq: Seq,
    emoji: &str,
    on: bool,
) -> Result<Changed> {
    let facts = rooms::lock(tx, room)?;
    let (kind, target) = (if on { "react" } else { "unreact" }, format!("{room}:{seq}:{emoji}"));
    if let Some(done) = ops::first(tx, me, key, kind, &target)? {
        let row = find(tx, me, room, seq, emoji)?.map(Row::Reaction);
        return Ok(Changed { seq: done.seq.unwrap_or(seq), again: true, row });
    }
    let standing = access::may(tx, me, Act::React, &facts)?;
    let message = messages::visible(tx, room, seq, standing.min_seq)?;
    if message.deleted || message.kind == MessageKind::System {
        return Err(StoreError::Conflict("one cannot react to this"));
    }
    let present = find(tx, me, room, seq, emoji)?;
    let change = if present.as_ref().is_some_and(|row| row.on) == on {
        present.as_ref().map_or(message.rev, |row| row.rev)
    } else {
        if on {
            fits(tx, room, seq, emoji)?;
        }
        let mut change = Change::begin(tx, &facts)?;
        tx.exec(
            "insert into reactions (room, seq, person, emoji, active, rev)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (room, seq, person, emoji)
                do update set active = excluded.active, rev = excluded.rev",
            params![room, seq, me.user, emoji, on, change.seq],
        )?;
        let at = change.seq;
        let emoji = emoji.to_owned();
        change.row(Row::Reaction(Reaction { room, seq, user: me.user, emoji, on, rev: at }));
        change.finish(tx)?;
        at
    };
    ops::keep(tx, me, key, kind, &target, Some(Done::change(room, change)))?;
    let row = find(tx, me, room, seq, emoji)?.map(Row::Reaction);
    Ok(Changed { seq: change, again: false, row })
}

/// A message carries so many different emoji and no more.
fn fits(tx: &mut Tx<'_>, room: RoomId, seq: Seq, emoji: &str) -> Result<()> {
    let others = tx.number(
        "select count(distinct emoji) from reactions
         where room = $1 and seq = $2 and active = 1 and emoji <> $3",
        params![room, seq, emoji],
    )?;
    if usize::try_from(others).is_ok_and(|others| others < EMOJI_KINDS) {
        return Ok(());
    }
    Err(StoreError::Invalid("emoji", format!("is one too many (at most {EMOJI_KINDS})")))
}

fn find(
    read: &mut Read<'_>,
    me: &Me,
    room: RoomId,
    seq: Seq,
    emoji: &str,
) -> Result<Option<Reaction>> {
    read.one(
        "select room, seq, person, emoji, active, rev from reactions
         where room = $1 and seq = $2 and person = $3 and emoji = $4",
        params![room, seq, me.user, emoji],
        row,
    )
}

/// The reactions that are on, of these messages of a room.
pub(super) fn on(read: &mut Read<'_>, room: RoomId, seqs: &Vec<i64>) -> Result<Vec<Reaction>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    read.all(
        "select room, seq, person, emoji, active, rev from reactions
         where room = $1 and seq in (select value from rarray($2)) and active = 1
         order by seq, rev",
        params![room, seqs],
        row,
    )
}

/// Reads the columns in the order in which every query of reactions names them.
pub(super) fn row(row: &Record<'_>) -> Outcome<Reaction> {
    Ok(Reaction {
        room: row.get(0)?,
        seq: row.get(1)?,
        user: row.get(2)?,
        emoji: row.get(3)?,
        on: row.get(4)?,
        rev: row.get(5)?,
    })
}
