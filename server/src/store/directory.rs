//! Lists of rooms: those I am in, and the public ones of the tenant.

use super::users::escaped;
use super::{Me, Read, Result, pages, rooms};
use crate::access::{self, TenantAct};
use crate::params;
use hallway_protocol::rest::Rows;
use hallway_protocol::rows::Row;
use hallway_protocol::text::folded;

/// The rooms I am in, hidden direct ones left out.
pub fn mine(read: &mut Read<'_>, me: &Me, next: Option<&str>, limit: usize) -> Result<Rows> {
    let after = pages::number(next)?.unwrap_or(0);
    let found = read.all(
        "select r.id, r.kind, r.name, r.topic, r.visibility, r.history, r.ephemeral, r.sealed,
            r.deleted_at, r.rev
         from members m join rooms r on r.id = m.room
            join mine i on i.person = m.person and i.room = m.room and i.state = 'joined'
         where m.person = $1 and m.left_seq is null and r.deleted_at is null and r.id > $2
         order by r.id limit $3",
        params![me.user, after, pages::count(limit)],
        rooms::room_row,
    )?;
    let last = found.last().filter(|_| found.len() == limit);
    let next = last.map(|last| last.room.to_string());
    Ok(Rows { rows: found.into_iter().map(Row::Room).collect(), next })
}

/// Public rooms of the tenant by name.
pub fn public(
    read: &mut Read<'_>,
    me: &Me,
    query: &str,
    next: Option<&str>,
    limit: usize,
) -> Result<Rows> {
    access::may_in_tenant(me, TenantAct::Rooms)?;
    let like = format!("%{}%", escaped(&folded(query)));
    let (id, name) = pages::pair(next)?.unwrap_or((0, ""));
    let found = read.all(
        "select id, kind, name, topic, visibility, history, ephemeral, sealed, deleted_at, rev
         from rooms
         where tenant = $1 and visibility = 'public' and deleted_at is null
            and name_folded like $2 escape '\\'
            and (name_folded, id) > ($3, $4)
         order by name_folded, id limit $5",
        params![me.tenant, &like, name, id, pages::count(limit)],
        rooms::room_row,
    )?;
    let last = found.last().filter(|_| found.len() == limit);
    let next = last.map(|last| format!("{}:{}", last.room, folded(&last.name)));
    Ok(Rows { rows: found.into_iter().map(Row::Room).collect(), next })
}
