//! What a person is told outside the window: a message calls iff its `seq` is past what was read
//! and what was told, and it is live or under ten minutes old by the server's clock; what is older
//! becomes one summary. The mark of what was told is raised in the same transaction, so a message
//! notifies once a device, whatever crashes (P15).

use crate::apply::Touched;
use crate::planted::{Bug, planted};
use crate::store::Sql;
use hallway_protocol::ids::{Millis, RoomId, Seq};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Younger messages still call when they come late.
const YOUNG: Millis = 10 * 60_000;

/// How rows came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// History, or a device's first look: nothing calls.
    Quiet,
    /// As it happened.
    Live,
    /// Caught up with after an absence.
    Late,
}

/// A message that was not held before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fresh {
    pub(crate) room: RoomId,
    pub(crate) seq: Seq,
    pub(crate) at: Millis,
    pub(crate) concerns: bool,
    pub(crate) news: News,
}

/// A message that calls, or the last one of those a summary stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Where.
    pub room: RoomId,
    /// Which.
    pub seq: Seq,
    /// How many it stands for; 0 for a message of its own.
    pub late: i64,
}

/// What decides for a whole room.
struct Ear {
    told: Seq,
    notify: String,
    muted_until: Option<Millis>,
}

impl Ear {
    fn hears(&self, fresh: &Fresh, server_now: Millis) -> bool {
        let muted = self.muted_until.is_some_and(|until| until > server_now);
        let wanted = self.notify == "all" || self.notify == "mentions" && fresh.concerns;
        fresh.seq > self.told && wanted && !muted
    }
}

/// Turns the fresh messages of a step into calls, and raises the marks.
pub(crate) fn decide(tx: &Connection, touched: &mut Touched, server_now: Millis) -> Sql<()> {
    let mut rooms: BTreeMap<RoomId, Vec<Fresh>> = BTreeMap::new();
    for fresh in std::mem::take(&mut touched.fresh) {
        rooms.entry(fresh.room).or_default().push(fresh);
    }
    for (room, mut fresh) in rooms {
        let Some(ear) = ear(tx, room)? else { continue };
        fresh.sort_by_key(|fresh| fresh.seq);
        let mut late = Call { room, seq: 0, late: 0 };
        for one in &fresh {
            if one.news == News::Quiet || !ear.hears(one, server_now) {
                continue;
            }
            if one.news == News::Live || server_now - one.at < YOUNG {
                touched.notices.push(Call { room, seq: one.seq, late: 0 });
            } else {
                late = Call { room, seq: one.seq, late: late.late + 1 };
            }
        }
        if late.late > 0 {
            touched.notices.push(late);
        }
        let told = fresh.iter().map(|fresh| fresh.seq).max().unwrap_or_default();
        if !planted(Bug::NotifiedForgotten) {
            tx.prepare_cached("update rooms set notified = ?2 where room = ?1 and notified < ?2")?
                .execute(params![room.0, told])?;
        }
    }
    Ok(())
}

fn ear(tx: &Connection, room: RoomId) -> Sql<Option<Ear>> {
    use rusqlite::OptionalExtension;
    tx.prepare_cached(
        "select max(read, notified), notify, muted_until from rooms
         where room = ?1 and state = 'joined'",
    )?
    .query_row([room.0], |row| {
        Ok(Ear { told: row.get(0)?, notify: row.get(1)?, muted_until: row.get(2)? })
    })
    .optional()
}
