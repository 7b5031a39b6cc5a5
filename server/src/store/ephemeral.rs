//! Ephemeral rooms: one that nobody has been connected in for ten minutes is deleted. Who is
//! connected is known in memory alone, so the job asks; a server that starts knows of nobody, and
//! gives everyone the ten minutes again.

use super::jobs::{self, Job, Kind};
use super::{Result, StoreError, Tx, rooms};
use hallway_protocol::ids::{Millis, RoomId, TenantId};

/// A room left alone for so long is gone.
pub const ALONE: Millis = 10 * 60_000;
/// Between two looks, at least: whoever left a moment too late for the last one.
const AGAIN: Millis = 1_000;

/// Sees to it that somebody looks after the room from now on.
pub(super) fn watch(tx: &mut Tx<'_>, tenant: TenantId, room: RoomId) -> Result<()> {
    let (target, at) = (room.to_string(), tx.now() + ALONE);
    jobs::enqueue_at(tx, Some(tenant), Kind::Vacate, &target, Some(&target), at)
}

/// Looks at the room of a leased job: ends it, or comes again when it may have been alone long
/// enough. `alone` says how long nobody has been connected in it.
pub fn look(tx: &mut Tx<'_>, job: &Job, alone: &dyn Fn(RoomId) -> Millis) -> Result<()> {
    let room = job.target.parse().map(RoomId);
    let room = room.map_err(|_| StoreError::Conflict("a job without a target"))?;
    let facts = rooms::lock(tx, room)?;
    if facts.deleted {
        return jobs::finish(tx, job);
    }
    let left = ALONE - alone(room);
    if left > 0 {
        let at = tx.now() + left.max(AGAIN);
        return jobs::later(tx, job, at);
    }
    rooms::end(tx, &facts)?;
    jobs::finish(tx, job)
}
