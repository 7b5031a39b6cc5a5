//! What webhooks are called for. A delivery is a row, written in the transaction of its cause and
//! holding ids alone; what it tells is read when it is sent, and so is whether the webhook may still
//! hear of the room.

mod ears;

pub use ears::{Cause, Ears};

use super::audit::{self, Actor, Note};
use super::engine::{Outcome, Record};
use super::jobs::{self, Kind};
use super::reactions;
use super::rooms;
use super::{
    Event, Once, Read, Result, StoreError, Tx, deeds, delta, members, messages, pages, users,
    webhooks,
};
use crate::access::{self, Admin};
use crate::params;
use hallway_protocol::ids::{Key, Millis, Seq, TenantId, UserId};
use hallway_protocol::rest::{Delivery, DeliveryError, DeliveryStatus, HookCall, HookEvent, Items};
use hallway_protocol::rows::{Row, Visibility};

/// A webhook that no call reached for so long is turned off.
pub const OFF_AFTER: Millis = 3 * 24 * 3_600_000;
/// Jobs of a webhook that are called up at once.
const STEP: i64 = 500;
/// Deliveries are kept so long.
const KEPT: Millis = 30 * 24 * 3_600_000;

/// A delivery that is to be made.
#[derive(Clone, PartialEq, Debug)]
pub struct Due {
    /// Of which webhook.
    pub webhook: String,
    /// Where it goes.
    pub url: String,
    /// What it is signed with, sealed.
    pub secret: String,
    /// What it says; none: it may not be said any more.
    pub call: Option<HookCall>,
    /// The webhook is off: nobody is called.
    pub off: bool,
}

/// A delivery with what it would say now; none: nobody is to be called any more.
pub fn due(read: &mut Read<'_>, id: &str) -> Result<Option<Due>> {
    let found = read.one(
        "select d.event, d.room, d.seq, d.target, d.person, d.at, w.id, w.url, w.secret, w.tenant,
            w.person, w.state
         from deliveries d join webhooks w on w.id = d.webhook
         where d.id = $1 and d.status = 'pending' and w.state <> 'gone'",
        params![id],
        |row| {
            let event = webhooks::events(&row.get::<String>(0)?);
            let (room, seq, at) = (row.get(1)?, row.get(2)?, row.get(5)?);
            let about = (row.get::<Option<Seq>>(3)?, row.get::<Option<UserId>>(4)?);
            let off = row.get::<String>(11)? == "off";
            let (webhook, url, secret) = (row.get(6)?, row.get(7)?, row.get(8)?);
            let due = Due { webhook, url, secret, call: None, off };
            let (tenant, id, rows) = (row.get(9)?, id.to_owned(), Vec::new());
            let call = event.first().filter(|_| !off).map(|event| HookCall {
                id,
                event: *event,
                at,
                tenant,
                room,
                seq,
                rows,
            });
            Ok((due, call, about, row.get::<Option<UserId>>(10)?))
        },
    )?;
    let Some((mut due, call, (target, about), person)) = found else { return Ok(None) };
    if let Some(mut call) = call
        && hears(read, &due.webhook, person, &call)?
    {
        call.rows = rows(read, &call, target, about)?;
        due.call = Some(call);
    }
    Ok(Some(due))
}

/// Whether the webhook may be told of this: the room is public, or its owner named it and is there.
fn hears(
    read: &mut Read<'_>,
    webhook: &str,
    person: Option<UserId>,
    call: &HookCall,
) -> Result<bool> {
    let Some(mut facts) = rooms::facts(read, call.room)? else { return Ok(false) };
    if facts.visibility == Visibility::Public {
        return Ok(true);
    }
    let sql = "select count(*) from webhook_rooms where webhook = $1 and room = $2";
    let named = read.number(sql, params![webhook, call.room])? > 0;
    let Some(person) = person.filter(|_| named) else { return Ok(false) };
    // That it was deleted is told to those who were in it.
    facts.deleted = false;
    let me = webhooks::vouching(call.tenant, person);
    let seen = access::sees(read, &me, &facts)?;
    Ok(seen.is_some_and(|min_seq| call.seq >= min_seq))
}

/// The rows as they are now.
fn rows(
    read: &mut Read<'_>,
    call: &HookCall,
    target: Option<Seq>,
    about: Option<UserId>,
) -> Result<Vec<Row>> {
    let (room, none) = (call.room, UserId(0));
    let mut rows: Vec<Row> = match (call.event, target) {
        (HookEvent::Message | HookEvent::Edit | HookEvent::Delete, Some(seq)) => {
            messages::find(read, room, seq)?.map(Row::Message).into_iter().collect()
        }
        (HookEvent::Reaction, Some(seq)) => read
            .all(
                "select room, seq, person, emoji, active, rev from reactions
                 where room = $1 and seq = $2 and person = $3 and rev >= $4 order by rev",
                params![room, seq, about.unwrap_or(none), call.seq],
                reactions::row,
            )?
            .into_iter()
            .map(Row::Reaction)
            .collect(),
        (HookEvent::Member, _) => {
            let member = members::row(read, room, about.unwrap_or(none))?;
            member.map(Row::Member).into_iter().collect()
        }
        (HookEvent::Room, _) => rooms::any(read, room)?.map(Row::Room).into_iter().collect(),
        _ => Vec::new(),
    };
    rows.extend(users::rows(read, delta::people(&rows))?);
    Ok(rows)
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// It arrived.
    Arrived(u16),
    /// It did not, and comes again unless it was the `last`; `gone`: the other side wants no more.
    Failed {
        /// Why.
        error: DeliveryError,
        /// The status it was answered with.
        answer: Option<u16>,
        /// There will be no other.
        last: bool,
        /// The other side is gone for good.
        gone: bool,
    },
    /// It may not be said.
    Withheld,
    /// The webhook is off: given up without a call, until somebody wants it tried again.
    Off,
}

/// Writes down how an attempt ended, and what it says of the webhook. True: that is off, and what did
/// not arrive is given up.
pub fn tried(tx: &mut Tx<'_>, id: &str, webhook: &str, how: Tried) -> Result<bool> {
    let now = tx.now();
    let (status, answer, error) = match how {
        Tried::Arrived(answer) => ("delivered", Some(answer), None),
        Tried::Failed { error, answer, last, gone } => {
            (if last || gone { "failed" } else { "pending" }, answer, Some(error))
        }
        Tried::Withheld => ("withheld", None, Some(DeliveryError::Hidden)),
        Tried::Off => ("failed", None, Some(DeliveryError::Off)),
    };
    let called = i64::from(matches!(how, Tried::Arrived(_) | Tried::Failed { .. }));
    tx.exec(
        "update deliveries set status = $1, answer = $2, error = $3, attempts = attempts + $4
         where id = $5",
        params![status, answer.map(i64::from), error.map(word), called, id],
    )?;
    match how {
        Tried::Withheld | Tried::Off => return Ok(false),
        Tried::Arrived(_) => {
            tx.exec(
                "update webhooks set state = 'active', failing_since = null
                 where id = $1 and state = 'failing'",
                params![webhook],
            )?;
            return Ok(false);
        }
        Tried::Failed { .. } => {}
    }
    tx.exec(
        "update webhooks set state = 'failing', failing_since = coalesce(failing_since, $1)
         where id = $2 and state in ('active', 'failing')",
        params![now, webhook],
    )?;
    let gone = matches!(how, Tried::Failed { gone: true, .. });
    let turned = tx.exec(
        "update webhooks set state = 'off'
         where id = $1 and state = 'failing' and (failing_since <= $2 or $3 = 1)",
        params![webhook, now - OFF_AFTER, gone],
    )? == 1;
    let sql = "select tenant, state from webhooks where id = $1";
    let known = tx.one(sql, params![webhook], |row| {
        Ok((row.get::<TenantId>(0)?, row.get::<String>(1)? == "off"))
    })?;
    let off = known.is_some_and(|(_, off)| off);
    if turned {
        let note = Note::of(known.map(|(tenant, _)| tenant), Actor::Operator, "webhook_off");
        audit::note(tx, &note.on(format_args!("webhook:{webhook}")))?;
        given_up(tx, webhook)?;
    }
    if off {
        let sql = "update deliveries set status = 'failed' where id = $1 and status = 'pending'";
        tx.exec(sql, params![id])?;
    }
    Ok(off)
}

/// A webhook is off: what waits to be told it is looked at now, and given up. What is beyond a step
/// comes when its time does.
pub(super) fn given_up(tx: &mut Tx<'_>, webhook: &str) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "update jobs set next_at = $1
         where kind = 'webhook' and state = 'pending' and next_at > $1 and target in
            (select id from deliveries where webhook = $2 and status = 'pending'
             order by id limit $3)",
        params![now, webhook, STEP],
    )?;
    tx.emit(Event::Jobs);
    Ok(())
}

/// The deliveries of a webhook, the last first.
pub fn list(
    read: &mut Read<'_>,
    admin: &Admin,
    webhook: &str,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Delivery>> {
    let tenant = webhooks::tenant(admin)?;
    webhooks::by_id(read, tenant, webhook)?;
    let next = next.map(str::parse::<Key>).transpose().map_err(|_| pages::not_ours())?;
    let next = next.map(|next| next.to_string());
    let found = read.all(
        "select id, event, room, seq, status, attempts, answer, at, error from deliveries
         where webhook = $1 and (cast($2 as text) is null or id < $2) order by id desc limit $3",
        params![webhook, next.as_deref(), pages::beyond(limit)],
        delivery,
    )?;
    let (items, next) = pages::cut(found, limit, |last| last.id.clone());
    Ok(Items { items, next })
}

/// Makes one again, whatever became of it.
pub fn replay(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    webhook: &str,
    id: &str,
) -> Result<Once<()>> {
    let tenant = webhooks::tenant(admin)?;
    if deeds::first(tx, admin, key, "replay", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    webhooks::by_id(tx, tenant, webhook)?;
    let again = tx.exec(
        "update deliveries set status = 'pending' where webhook = $1 and id = $2",
        params![webhook, id],
    )?;
    if again == 0 {
        return Err(StoreError::NotFound("delivery"));
    }
    jobs::hurry(tx, Some(tenant), Kind::Webhook, id)?;
    deeds::keep(tx, admin, key, "replay", id, "")?;
    Ok(Once { again: false, answer: () })
}

/// A job that was given up is tried again: what it is to deliver waits anew.
pub(super) fn revive(tx: &mut Tx<'_>, job: &str) -> Result<()> {
    tx.exec(
        "update deliveries set status = 'pending'
         where status = 'failed'
            and id = (select target from jobs where id = $1 and kind = 'webhook')",
        params![job],
    )?;
    Ok(())
}

/// Forgets what has had its time, and what is left of webhooks taken away; at most `most` of each.
pub fn forget(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    let now = tx.now();
    let old = tx.exec(
        "delete from deliveries where id in
            (select id from deliveries where at < $1 order by at limit $2)",
        params![now - KEPT, most],
    )?;
    let orphans = tx.exec(
        "delete from deliveries where id in
            (select d.id from webhooks w join deliveries d on d.webhook = w.id
             where w.state = 'gone' limit $1)",
        params![most],
    )?;
    tx.exec(
        "delete from webhooks where state = 'gone'
            and not exists (select 1 from deliveries d where d.webhook = webhooks.id)",
        &[],
    )?;
    Ok(old.max(orphans))
}

fn delivery(row: &Record<'_>) -> Outcome<Delivery> {
    let event = webhooks::events(&row.get::<String>(1)?);
    let answer = row.get::<Option<i64>>(6)?;
    Ok(Delivery {
        id: row.get(0)?,
        event: event.first().copied().unwrap_or(HookEvent::Room),
        room: row.get(2)?,
        seq: row.get(3)?,
        status: match row.get::<String>(4)?.as_str() {
            "delivered" => DeliveryStatus::Delivered,
            "failed" => DeliveryStatus::Failed,
            "withheld" => DeliveryStatus::Withheld,
            _ => DeliveryStatus::Pending,
        },
        attempts: row.get(5)?,
        answer: answer.and_then(|answer| u16::try_from(answer).ok()),
        at: row.get(7)?,
        error: row.get::<Option<String>>(8)?.as_deref().and_then(error),
    })
}

/// As it is stored.
fn word(error: DeliveryError) -> &'static str {
    let known = DeliveryError::ALL.iter().find(|(known, _)| *known == error);
    known.map_or("broken", |(_, word)| *word)
}

fn error(word: &str) -> Option<DeliveryError> {
    let known = DeliveryError::ALL.iter().find(|(_, known)| *known == word);
    known.map(|(error, _)| *error)
}
