//! Lists of rooms: those I am in, and the public ones of the tenant.

use super::rooms::select_rooms;
use super::users::escaped;
use super::{Me, Read, Result, pages, rooms};
use crate::access::{self, TenantAct};
use crate::params;
use hallway_protocol::rest::Rows;
use hallway_protocol::rows::{Room, Row};
use hallway_protocol::text::folded;

/// The rooms I am in, hidden direct ones left out: those in use, or those put away.
pub fn mine(
    read: &mut Read<'_>,
    me: &Me,
    archived: bool,
    next: Option<&str>,
    limit: usize,
) -> Result<Rows> {
    let after = pages::number(next)?.unwrap_or(0);
    let found = read.all(
        select_rooms!(
            "where id in (select m.room from members m
                join mine i on i.person = m.person and i.room = m.room and i.state = 'joined'
                where m.person = $1 and m.left_seq is null)
                and deleted_at is null and id > $2
                and case when archived_at is null then 0 else 1 end = $3
             order by id limit $4"
        ),
        params![me.user, after, archived, pages::beyond(limit)],
        rooms::room_row,
    )?;
    let (found, next) = pages::cut(found, limit, |last| last.room.to_string());
    Ok(Rows { rows: found.into_iter().map(Row::Room).collect(), next })
}

/// Public rooms of the tenant by name.
pub fn public(
    read: &mut Read<'_>,
    me: &Me,
    query: &str,
    archived: bool,
    next: Option<&str>,
    limit: usize,
) -> Result<Rows> {
    access::may_in_tenant(me, TenantAct::Rooms)?;
    let like = format!("%{}%", escaped(&folded(query)));
    let (id, name) = pages::pair(next)?.unwrap_or((0, ""));
    let found = read.all(
        select_rooms!(
            "where tenant = $1 and visibility = 'public' and deleted_at is null
                and name_folded like $2 escape '\\'
                and (name_folded, id) > ($3, $4)
                and case when archived_at is null then 0 else 1 end = $5
             order by name_folded, id limit $6"
        ),
        params![me.tenant, &like, name, id, archived, pages::beyond(limit)],
        rooms::room_row,
    )?;
    let place = |last: &Room| format!("{}:{}", last.room, folded(&last.name));
    let (found, next) = pages::cut(found, limit, place);
    Ok(Rows { rows: found.into_iter().map(Row::Room).collect(), next })
}
