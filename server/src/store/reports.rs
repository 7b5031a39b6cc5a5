//! Reports: somebody says that a message should not be there. A report holds ids and the reporter's
//! words; whoever deals with it sees of the message what they may see anyway.

use super::engine::{Outcome, Record};
use super::{Me, Once, Read, Result, StoreError, Tx, audit, messages, ops, pages, rooms};
use crate::access::{self, Act, TenantAct};
use crate::params;
use audit::Note;
use hallway_protocol::ids::{Key, Millis, RoomId};
use hallway_protocol::rest::{Items, NewReport, Report};
use hallway_protocol::rows::MessageKind;

/// Which reports to show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Find {
    /// Dealt with, or open; none: both.
    pub resolved: Option<bool>,
    /// Where the last part ended.
    pub next: Option<String>,
    /// How many.
    pub limit: usize,
}

/// Reports a message I see. The same message again is the same report.
pub fn create(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    new: &NewReport,
) -> Result<Once<Report>> {
    let room = new.room;
    let first = match ops::first(tx, me, key, "report", "")? {
        Some(done) => find(tx, me, &done.answer)?,
        None => mine(tx, me, room, new.seq)?,
    };
    if let Some(answer) = first {
        return Ok(Once { again: true, answer });
    }
    let facts = rooms::facts(tx, room)?.ok_or(StoreError::NotFound("room"))?;
    let standing = access::may(tx, me, Act::See, &facts)?;
    let message = messages::visible(tx, room, new.seq, standing.min_seq)?;
    if message.deleted || message.kind == MessageKind::System {
        return Err(StoreError::Conflict("there is nothing in it to report"));
    }
    let (id, now) = (format!("{:032x}", rand::random::<u128>()), tx.now());
    tx.exec(
        "insert into reports (id, tenant, room, seq, sender, reason, person, at, resolved_at,
            resolved_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, null, null)",
        params![&id, me.tenant, room, new.seq, message.sender, &new.reason, me.user, now],
    )?;
    let note = Note::by(me, "message_reported").on(format_args!("message:{room}/{}", new.seq));
    audit::note(tx, &note.with("report", id.as_str()))?;
    ops::keep(tx, me, key, "report", "", Some(ops::Done::made(&id)))?;
    let report = mine(tx, me, room, new.seq)?.ok_or(StoreError::NotFound("report"))?;
    Ok(Once { again: false, answer: report })
}

fn mine(read: &mut Read<'_>, me: &Me, room: RoomId, seq: i64) -> Result<Option<Report>> {
    read.one(
        "select id, room, seq, sender, reason, person, at, resolved_at, resolved_by from reports
         where room = $1 and seq = $2 and person = $3",
        params![room, seq, me.user],
        row,
    )
}

/// The reports that are mine to deal with, newest first: of the tenant for those who moderate it,
/// else of the rooms of which I am an admin.
pub fn list(read: &mut Read<'_>, me: &Me, find: &Find) -> Result<Items<Report>> {
    let all = access::may_in_tenant(me, TenantAct::Moderate).is_ok();
    let (at, id) = pages::pair(find.next.as_deref())?.unwrap_or((Millis::MAX, ""));
    let state = find.resolved.map(i64::from);
    let found = read.all(
        "select id, room, seq, sender, reason, person, at, resolved_at, resolved_by from reports p
         where p.tenant = $1 and (p.at, p.id) < ($2, $3)
            and (cast($4 as int8) is null
                or case when p.resolved_at is null then 0 else 1 end = $4)
            and ($5 = 1 or exists (select 1 from members m join rooms r on r.id = m.room
                where m.room = p.room and m.person = $6 and m.left_seq is null and m.role > 0
                    and r.deleted_at is null))
         order by p.at desc, p.id desc limit $7",
        params![me.tenant, at, id, state, all, me.user, pages::beyond(find.limit)],
        row,
    )?;
    let place = |last: &Report| format!("{}:{}", last.at, last.id);
    let (items, next) = pages::cut(found, find.limit, place);
    Ok(Items { items, next })
}

/// Somebody dealt with a report, or it is open again.
pub fn resolve(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    id: &str,
    resolved: bool,
) -> Result<Once<Report>> {
    let again = ops::first(tx, me, key, "report-patch", id)?.is_some();
    let present = find(tx, me, id)?.ok_or(StoreError::NotFound("report"))?;
    if access::may_in_tenant(me, TenantAct::Moderate).is_err() {
        let facts = rooms::facts(tx, present.room)?.ok_or(StoreError::NotFound("report"))?;
        let may = access::may(tx, me, Act::DeleteOther, &facts);
        may.map_err(|_| StoreError::NotFound("report"))?;
    }
    if !again && present.resolved_at.is_some() != resolved {
        let at = resolved.then_some(tx.now());
        let by = resolved.then_some(me.user);
        tx.exec(
            "update reports set resolved_at = $1, resolved_by = $2 where id = $3",
            params![at, by, id],
        )?;
        let act = if resolved { "report_resolved" } else { "report_reopened" };
        audit::note(tx, &Note::by(me, act).on(format_args!("report:{id}")))?;
    }
    if !again {
        ops::keep(tx, me, key, "report-patch", id, None)?;
    }
    let answer = find(tx, me, id)?.ok_or(StoreError::NotFound("report"))?;
    Ok(Once { again, answer })
}

fn find(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Option<Report>> {
    read.one(
        "select id, room, seq, sender, reason, person, at, resolved_at, resolved_by from reports
         where tenant = $1 and id = $2",
        params![me.tenant, id],
        row,
    )
}

fn row(row: &Record<'_>) -> Outcome<Report> {
    Ok(Report {
        id: row.get(0)?,
        room: row.get(1)?,
        seq: row.get(2)?,
        sender: row.get(3)?,
        reason: row.get(4)?,
        by: row.get(5)?,
        at: row.get(6)?,
        resolved_at: row.get(7)?,
        resolved_by: row.get(8)?,
    })
}
