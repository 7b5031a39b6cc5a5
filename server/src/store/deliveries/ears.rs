//! Who is to be told of a change: a delivery for each webhook that wants to know, in the transaction
//! of its cause.

use crate::params;
use crate::store::jobs::{self, Kind};
use crate::store::rooms::Facts;
use crate::store::{Read, Result, Tx, webhooks};
use hallway_protocol::ids::{Key, RoomId, Seq, TenantId, UserId};
use hallway_protocol::rest::HookEvent;
use hallway_protocol::rows::{Message, MessageKind, RoomKind, Row, Visibility};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A webhook that is called, as far as choosing goes.
#[derive(Clone, Debug)]
struct Ear {
    id: String,
    events: Vec<HookEvent>,
    rooms: Vec<RoomId>,
}

/// The webhooks of the tenants met in a transaction.
#[derive(Clone, Debug, Default)]
pub struct Ears(HashMap<TenantId, Vec<Ear>>);

/// Something a webhook may be called for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cause {
    event: HookEvent,
    target: Option<Seq>,
    person: Option<UserId>,
}

impl Cause {
    /// Something was said.
    pub fn said(message: &Message) -> Cause {
        Cause { event: HookEvent::Message, target: Some(message.seq), person: None }
    }

    /// What the rows of a change are about; `edit`: a message among them has another text.
    pub fn of(rows: &[Row], edit: bool) -> Vec<Cause> {
        let cause = |row: &Row| {
            let (event, target, person) = match row {
                Row::Message(message) if message.deleted => {
                    (HookEvent::Delete, Some(message.seq), None)
                }
                Row::Message(message) if edit && message.kind == MessageKind::Text => {
                    (HookEvent::Edit, Some(message.seq), None)
                }
                Row::Reaction(row) => (HookEvent::Reaction, Some(row.seq), Some(row.user)),
                Row::Member(row) => (HookEvent::Member, None, Some(row.user)),
                Row::Room(_) => (HookEvent::Room, None, None),
                _ => return None,
            };
            Some(Cause { event, target, person })
        };
        rows.iter().filter_map(cause).collect()
    }
}

impl Ears {
    /// Adds a delivery for each webhook that wants to know, and the job that makes it.
    pub fn tell(
        &mut self,
        tx: &mut Tx<'_>,
        room: &Facts,
        seq: Seq,
        causes: &[Cause],
    ) -> Result<()> {
        if room.kind == RoomKind::Direct || causes.is_empty() {
            return Ok(());
        }
        let ears = match self.0.entry(room.tenant) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(ears(tx, room.tenant)?),
        };
        let public = room.visibility == Visibility::Public;
        let hears = |ear: &&Ear| {
            if ear.rooms.is_empty() { public } else { ear.rooms.contains(&room.id) }
        };
        let ears = ears.iter().filter(hears);
        for (ear, cause) in ears.flat_map(|ear| causes.iter().map(move |cause| (ear, cause))) {
            if ear.events.contains(&cause.event) {
                add(tx, room, seq, &ear.id, cause)?;
            }
        }
        Ok(())
    }
}

fn ears(read: &mut Read<'_>, tenant: TenantId) -> Result<Vec<Ear>> {
    let mut ears = read.all(
        "select id, events from webhooks
         where tenant = $1 and state in ('active', 'failing') order by created_at, id",
        params![tenant],
        |row| {
            let events = webhooks::events(&row.get::<String>(1)?);
            Ok(Ear { id: row.get(0)?, events, rooms: Vec::new() })
        },
    )?;
    for ear in &mut ears {
        let sql = "select room from webhook_rooms where webhook = $1";
        ear.rooms = read.all(sql, params![&ear.id], |row| row.get(0))?;
    }
    Ok(ears)
}

fn add(tx: &mut Tx<'_>, room: &Facts, seq: Seq, webhook: &str, cause: &Cause) -> Result<()> {
    let now = tx.now();
    let (id, event) = (Key::new(now).to_string(), webhooks::event_text(cause.event));
    tx.exec(
        "insert into deliveries (id, webhook, event, room, seq, target, person, status, attempts,
            answer, at)
         values ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, null, $8)",
        params![&id, webhook, event, room.id, seq, cause.target, cause.person, now],
    )?;
    jobs::enqueue(tx, Some(room.tenant), Kind::Webhook, &id, Some(&id))
}
