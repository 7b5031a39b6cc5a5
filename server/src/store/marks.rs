//! How far people have read and received, and what each keeps about a room. All of it is the
//! person's own log; nobody's mark is touched by a message.

use super::{Event, Me, Read, Result, StoreError, Tx, own, pages, pushes, rooms};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::frames::MinePatch;
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::rest::{Items, Receipt};

/// Marks of one `ack`: no write job touches more than 500 rows.
const ACKS: usize = 500;

/// Moves my read mark forward; the head of my own log after it.
pub fn read(tx: &mut Tx<'_>, me: &Me, room: RoomId, seq: Seq) -> Result<Seq> {
    tx.hold_people(&[me.user])?;
    let facts = rooms::facts(tx, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(tx, me, Act::Mine, &facts)?;
    let seq = seq.min(facts.head);
    let now = marks(tx, me, room)?;
    if seq <= now.read {
        return own::head(tx, me.user);
    }
    let rev = own::next(tx, me.user)?;
    let delivered = now.delivered.max(seq);
    tx.exec(
        "update mine set seen = $1, delivered = $2, unread_mark = 0, rev = $3
         where person = $4 and room = $5",
        params![seq, delivered, rev, me.user, room],
    )?;
    own::show(tx, me.user, room, rev)?;
    pushes::came(tx, me, room)?;
    tx.emit(Event::Marks { room, user: me.user, read: seq, delivered });
    Ok(rev)
}

/// Changes what I keep about a room; the head of my own log after it. The key needs no memory:
/// the same patch again changes nothing.
pub fn update(
    tx: &mut Tx<'_>,
    me: &Me,
    _key: Option<&Key>,
    room: RoomId,
    patch: &MinePatch,
) -> Result<Seq> {
    tx.hold_people(&[me.user])?;
    let facts = rooms::facts(tx, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(tx, me, Act::Mine, &facts)?;
    let now = own::mine(tx, me.user, room)?.ok_or(StoreError::NotFound("room"))?;
    let notify = patch.notify.unwrap_or(now.notify);
    let muted_until = patch.muted_until.unwrap_or(now.muted_until);
    let favourite = patch.favourite.unwrap_or(now.favourite);
    let unread_mark = patch.unread_mark.unwrap_or(now.unread_mark);
    let draft = patch.draft.clone().unwrap_or_else(|| now.draft.clone());
    let draft = draft.filter(|draft| !draft.is_empty());
    let same = notify == now.notify
        && muted_until == now.muted_until
        && favourite == now.favourite
        && unread_mark == now.unread_mark
        && draft == now.draft;
    if same {
        return own::head(tx, me.user);
    }
    let rev = own::next(tx, me.user)?;
    tx.exec(
        "update mine set notify = $1, muted_until = $2, favourite = $3, unread_mark = $4,
            draft = $5, rev = $6
         where person = $7 and room = $8",
        params![
            own::notify_text(notify),
            muted_until,
            favourite,
            unread_mark,
            draft.as_deref(),
            rev,
            me.user,
            room
        ],
    )?;
    own::show(tx, me.user, room, rev)?;
    Ok(rev)
}

/// Notes what one of my devices has stored; takes no number, and passes over rooms I am not in.
pub fn ack(tx: &mut Tx<'_>, me: &Me, stored: &[(RoomId, Seq)]) -> Result<()> {
    tx.hold_people(&[me.user])?;
    for (room, seq) in stored.iter().take(ACKS) {
        let moved = tx.put(
            "update mine set delivered = $1
             where person = $2 and room = $3 and state = 'joined' and delivered < $1
                and $1 <= (select head from rooms where id = $3)
             returning seen",
            params![*seq, me.user, *room],
            |row| row.get::<Seq>(0),
        )?;
        if let Some(read) = moved {
            pushes::came(tx, me, *room)?;
            tx.emit(Event::Marks { room: *room, user: me.user, read, delivered: *seq });
        }
    }
    Ok(())
}

/// How far each member of a room has read and received.
pub fn receipts(
    read: &mut Read<'_>,
    me: &Me,
    room: RoomId,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Receipt>> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(read, me, Act::Receipts, &facts)?;
    let after = pages::number(next)?.unwrap_or(0);
    let found = read.all(
        "select i.person, i.seen, i.delivered
         from members m join mine i on i.person = m.person and i.room = m.room
         where m.room = $1 and m.left_seq is null and m.person > $2 order by m.person limit $3",
        params![room, after, pages::beyond(limit)],
        |row| Ok(Receipt { user: row.get(0)?, read: row.get(1)?, delivered: row.get(2)? }),
    )?;
    let (items, next) = pages::cut(found, limit, |last| last.user.to_string());
    Ok(Items { items, next })
}

fn marks(read: &mut Read<'_>, me: &Me, room: RoomId) -> Result<Receipt> {
    read.one(
        "select person, seen, delivered from mine where person = $1 and room = $2",
        params![me.user, room],
        |row| Ok(Receipt { user: row.get(0)?, read: row.get(1)?, delivered: row.get(2)? }),
    )?
    .ok_or(StoreError::NotFound("room"))
}
