//! The faults stop: within ten seconds everything agrees (L1), and what was promised is kept.

use crate::agenda::Ev;
use crate::checks::{self, Held};
use crate::client::{StoredOp, image, stored_ops};
use crate::rooms::RoomData;
use crate::world::{Pace, World};
use hallway_core::world::{Input, Intent, PageRequest, Place};
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rows::{MessageKind, MineState};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// How long agreement may take (sync.md §6, L1), milliseconds.
const TEN_SECONDS: i64 = 10_000;
/// How long a server may hang up on everybody, and how many links that may cost: with a wait that
/// doubles from half a second to 30 about ten, with one that does not more than a hundred.
const MINUTE: i64 = 60_000;
const LINKS: u32 = 50;
/// How long a client waits for an answer, and a little, milliseconds.
const PATIENCE: i64 = 32_000;
/// Pages one room may need.
const PAGES: usize = 120;

impl World {
    /// A server that hangs up after each welcome is not asked again and again: the wait grows.
    pub fn flap(&mut self, client: usize) -> Held {
        self.calm()?;
        self.flaps = Some((client, 0));
        self.cut(client);
        self.run(self.agenda.now + MINUTE)?;
        match self.flaps.take() {
            Some((_, links)) if links > LINKS => {
                Err(format!("client {client} asked for {links} links in a minute"))
            }
            _ => Ok(()),
        }
    }

    /// Everything from the last fault on.
    pub fn end(&mut self) -> Held {
        self.calm()?;
        // Refusals that were on their way come; what they ask to wait for is no fault.
        self.run(self.agenda.now + 500)?;
        let waits = self.clients.iter().filter_map(|c| c.machine.as_ref()?.engine().outbox().due());
        let patience = waits.max().unwrap_or(0).max(self.agenda.now);
        self.run(patience + TEN_SECONDS)?;
        for client in 0..self.clients.len() {
            let named = |why: String| format!("L1 {}: {why}", self.clients[client].name);
            self.agreed(client).map_err(named)?;
        }
        self.fill()?;
        self.kept_apart()?;
        self.drafts_kept()?;
        for client in 0..self.clients.len() {
            let named = |why: String| format!("{}: {why}", self.clients[client].name);
            self.screens(client).map_err(named)?;
            self.buried(client).map_err(named)?;
        }
        Ok(())
    }

    /// A link that nothing breaks stays: nobody waits for an answer that came long ago.
    pub fn stay(&mut self) -> Held {
        let links = |world: &World| world.clients.iter().map(|c| c.link).collect::<Vec<_>>();
        let before = links(self);
        self.run(self.agenda.now + PATIENCE)?;
        let after = links(self);
        if before == after { Ok(()) } else { Err(format!("links {before:?} became {after:?}")) }
    }

    /// No message took a draft along that was begun after it on the same device.
    fn drafts_kept(&self) -> Held {
        for ((_, room), (key, draft)) in &self.server.data.cleared {
            for client in &self.clients {
                let times = client.wrote.get(key).zip(client.begun.get(draft));
                if times.is_some_and(|(wrote, begun)| wrote < begun) {
                    return Err(format!("room {room}: {key} took {draft} along, begun after it"));
                }
            }
        }
        Ok(())
    }

    /// What was written in one room stands in no other.
    fn kept_apart(&self) -> Held {
        for (id, room) in &self.server.data.rooms {
            for message in room.versions.values().flatten() {
                if self.written.get(&message.text).is_some_and(|meant| meant != id) {
                    return Err(format!("P9 {} was not written in room {id}", message.text));
                }
            }
        }
        Ok(())
    }

    /// The faults stop.
    fn calm(&mut self) -> Held {
        self.say(|| "the faults stop".to_owned());
        self.quiet = true;
        self.server.moody = false;
        self.up = true;
        self.pace = Pace { link: 20, work: 10, page: 60, silent: 0 };
        for wire in self.wires.values_mut() {
            (wire.stalled, wire.pumping) = (0, false);
        }
        for client in 0..self.clients.len() {
            self.clients[client].net = true;
            self.start(client)?;
            let dead = self.clients[client].link.filter(|(_, conn)| self.wires[conn].cut);
            let life = self.clients[client].life(client);
            if let Some((link, _)) = dead {
                self.agenda.after(1, Ev::Closed(life, link, None));
            }
            self.intent(client, Intent::Online(true))?;
        }
        self.run(self.agenda.now + 2)?;
        for client in 0..self.clients.len() {
            let life = self.clients[client].life(client);
            self.input(life, Input::Network)?;
        }
        self.pump_all();
        Ok(())
    }

    fn store(&self, client: usize) -> &Connection {
        self.clients[client].conn().expect("everything runs")
    }

    /// Cursors are heads, the outbox is empty or failed, and nothing promised is missing.
    fn agreed(&self, client: usize) -> Held {
        let (user, conn) = (self.clients[client].user, self.store(client));
        let data = &self.server.data;
        let epoch = self.clients[client].epoch();
        if epoch.as_deref() != Some(data.epoch()) {
            return Err(format!("speaks of epoch {epoch:?}"));
        }
        let want: BTreeMap<RoomId, Seq> = data
            .rooms
            .iter()
            .filter(|(_, r)| r.is_member(user))
            .map(|(id, r)| (*id, r.head))
            .collect();
        let mut statement = conn
            .prepare("select room, cursor from rooms where state = 'joined' and catch_from is null")
            .expect("the schema is known");
        let have: BTreeMap<RoomId, Seq> = statement
            .query_map([], |row| Ok((RoomId(row.get(0)?), row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("numbers");
        if want != have {
            return Err(format!("cursors are {have:?}, heads {want:?}"));
        }
        let own = self.clients[client].machine.as_ref().map(|m| m.engine().own());
        if own != Some(data.people[&user].head) {
            return Err(format!("own cursor is {own:?}, head {}", data.people[&user].head));
        }
        self.outbox(client, conn)?;
        self.order(client)
    }

    fn outbox(&self, client: usize, conn: &Connection) -> Held {
        let ops = stored_ops(conn);
        // What failed, and what waits for it; a message that went anew stands behind what waits.
        let mut stuck = BTreeSet::new();
        let waits = |op: &StoredOp, stuck: &BTreeSet<Key>| {
            op.state == "blocked" && op.needs.as_ref().is_some_and(|key| stuck.contains(key))
        };
        for _ in &ops {
            let found = ops.iter().filter(|op| op.state == "failed" || waits(op, &stuck));
            let found: BTreeSet<Key> = found.map(|op| op.key.clone()).collect();
            stuck = found;
        }
        if let Some(op) = ops.iter().find(|op| !stuck.contains(&op.key)) {
            return Err(format!("still in the outbox: {op:?}"));
        }
        let at = &self.clients[client];
        for (key, room) in &at.promised {
            let sent = self.server.data.sent(at.user, *room, key).is_some();
            // What a restore lost comes back from a device that still holds it.
            let deleted = |data: &crate::data::Data| {
                let seq = data.sent(at.user, *room, key);
                seq.is_some_and(|seq| data.rooms[room].messages[&seq].deleted)
            };
            let lost = self.restored && !at.watch.stayed(*room) || self.past.values().any(deleted);
            if !sent && !at.released.contains(key) && !stuck.contains(key) && !lost {
                return Err(format!("P9 the message {key} of room {room} is nowhere"));
            }
        }
        Ok(())
    }

    /// P3: one device's messages stand in the order in which they were written.
    fn order(&self, client: usize) -> Held {
        let at = &self.clients[client];
        // What a restore lost comes back from each device that holds some of it.
        let alone = self.clients.iter().filter(|other| other.user == at.user).count() == 1;
        if self.restored && (!alone || at.power_fails) {
            return Ok(());
        }
        let mut last: BTreeMap<RoomId, Seq> = BTreeMap::new();
        for (key, room) in at.order.iter().filter(|(key, _)| !at.watch.unordered.contains(key)) {
            let Some(seq) = self.server.data.sent(at.user, *room, key) else { continue };
            let before = last.insert(*room, seq).unwrap_or(0);
            if seq < before {
                return Err(format!("P3 room {room}: {key} is {seq}, written after {before}"));
            }
        }
        Ok(())
    }

    /// All history comes to every device.
    fn fill(&mut self) -> Held {
        for client in 0..self.clients.len() {
            for room in self.clients[client].rooms() {
                let mut tries = 0;
                while let Some(before) = self.hole(client, room) {
                    tries += 1;
                    if tries > PAGES {
                        let held = checks::covered(self.store(client), room);
                        return Err(format!(
                            "client {client} room {room} cannot be filled: {held:?}"
                        ));
                    }
                    let place = Place::Before(before);
                    self.intent(
                        client,
                        Intent::Fill(PageRequest { room, place, limit: 4, fresh: 0 }),
                    )?;
                    self.run(self.agenda.now + 200)?;
                }
            }
        }
        Ok(())
    }

    /// Below which number something is missing.
    fn hole(&self, client: usize, room: RoomId) -> Option<Seq> {
        let found = self.server.data.rooms.get(&room)?;
        let lowest = found.min_seq(self.clients[client].user);
        let held = checks::covered(self.store(client), room);
        match held.last() {
            Some((lo, hi)) if *hi >= found.head => (*lo > lowest).then_some(*lo),
            _ => Some(found.head + 1),
        }
    }

    /// Every device shows what the server has: messages, reactions, members, marks.
    fn screens(&self, client: usize) -> Held {
        let (user, conn) = (self.clients[client].user, self.store(client));
        for (id, room) in self.server.data.rooms.iter().filter(|(_, r)| r.is_member(user)) {
            checks::truth(conn, *id, &self.server.data)?;
            members(conn, *id, room)?;
            self.badge(client, *id, room, user)?;
            self.drawn(client, *id, room, user)?;
        }
        let shown: BTreeSet<RoomId> = self.screens[client]
            .rooms
            .values()
            .filter(|room| room.gone.is_none())
            .map(|room| room.room)
            .collect();
        let joined: BTreeSet<RoomId> = self.clients[client].rooms().into_iter().collect();
        // After a power cut the window was drawn from a store that knew less.
        let whole = shown == joined || self.clients[client].power_fails && shown.is_subset(&joined);
        if !whole {
            return Err(format!("the window lists {shown:?}, the store {joined:?}"));
        }
        Ok(())
    }

    /// P8: unread and marks, by the definition.
    fn badge(&self, client: usize, id: RoomId, room: &RoomData, user: UserId) -> Held {
        let mine = &self.server.data.people[&user].mine[&id];
        let Some(view) = self.screens[client].rooms.get(&id) else {
            let excused = self.clients[client].power_fails;
            return if excused { Ok(()) } else { Err(format!("room {id} was never shown")) };
        };
        if self.restored && view.read > mine.read {
            // A mark past the end of the restored log: it is not lowered (protocol.md §6), and the
            // server cannot know it.
            return Ok(());
        }
        let read = mine.read;
        let (unread, mentions) = room.unread(user, read);
        // A tombstone does not say whom it named, nor an answer whom it answers where that message
        // is not held: the server's next count does.
        let unsure =
            room.messages.range(read + 1..).filter(|(_, m)| m.deleted || m.reply.is_some());
        let near = (view.mentions - mentions).unsigned_abs() <= unsure.count() as u64;
        let shown = if near { mentions } else { view.mentions };
        let have = (view.read, view.unread, shown, view.draft.clone(), view.favourite);
        // A text that was refused stands in its message, not in the box as well.
        let draft = mine.draft.clone().filter(|draft| !refused(self.store(client), id, draft));
        let want = (read, unread, mentions, draft, mine.favourite);
        // What could not be said is still shown as said.
        let waits = |op: &crate::client::StoredOp| {
            op.room == id && (op.kind == "mine" || op.state == "blocked")
        };
        if have != want && !stored_ops(self.store(client)).iter().any(waits) {
            return Err(format!("P8 room {id} shows {have:?}, is {want:?} (head {})", room.head));
        }
        Ok(())
    }

    /// What a window drew is what the server has.
    fn drawn(&self, client: usize, id: RoomId, room: &RoomData, user: UserId) -> Held {
        let changed: BTreeSet<String> = stored_ops(self.store(client))
            .into_iter()
            .filter(|op| op.room == id)
            .map(|op| op.key.to_string())
            .collect();
        for ((_, key), view) in
            self.screens[client].messages.iter().filter(|((of, _), _)| *of == id)
        {
            let Some(seq) = view.seq else {
                if changed.contains(key) {
                    continue;
                }
                return Err(format!("room {id} still shows {key} as unsent"));
            };
            let Some(message) = room.messages.get(&seq).filter(|_| seq >= room.min_seq(user))
            else {
                return Err(format!("room {id} shows {seq}, which is not there to see"));
            };
            if message.kind == MessageKind::System || view.pending_edit {
                continue;
            }
            let have = (&view.text, view.deleted, view.pinned, view.state);
            let want = (&message.text, message.deleted, message.pinned, None);
            if have != want {
                return Err(format!("room {id} draws {seq} as {have:?}, it is {want:?}"));
            }
            let on = room.reactions.values().filter(|r| r.on && r.seq == seq);
            let on: BTreeSet<(&str, UserId)> = on.map(|r| (r.emoji.as_str(), r.user)).collect();
            let drawn = view.reactions.iter();
            let drawn: BTreeSet<(&str, UserId)> =
                drawn.flat_map(|r| r.users.iter().map(|user| (r.emoji.as_str(), *user))).collect();
            if on != drawn && changed.is_empty() {
                return Err(format!("room {id} draws {seq} with {drawn:?}, it has {on:?}"));
            }
        }
        Ok(())
    }

    /// P14: what was deleted, and what is no longer mine to see, is nowhere in the raw store.
    fn buried(&self, client: usize) -> Held {
        let (user, conn) = (self.clients[client].user, self.store(client));
        let raw = image(conn);
        let mut statement =
            conn.prepare("select payload from outbox").expect("the schema is known");
        let waiting: Vec<String> = statement
            .query_map([], |row| row.get(0))
            .and_then(Iterator::collect)
            .expect("the schema is known");
        let found = words_in(&raw);
        for (id, room) in &self.server.data.rooms {
            let inside = room.is_member(user);
            for versions in room.versions.values() {
                let last = versions.last().expect("one at least");
                let visible = inside && last.seq >= room.min_seq(user);
                let gone: Vec<&str> = match visible && !last.deleted {
                    true => versions
                        .iter()
                        .map(|m| m.text.as_str())
                        .filter(|t| *t != last.text)
                        .collect(),
                    false => versions.iter().map(|m| m.text.as_str()).collect(),
                };
                for word in gone.iter().flat_map(|text| text.split(' ')).filter(|w| is_word(w)) {
                    let excused = waiting.iter().any(|payload| payload.contains(word));
                    if found.contains(word.as_bytes()) && !excused {
                        return Err(format!(
                            "P14 {word} of {id}/{} is still in the store",
                            last.seq
                        ));
                    }
                }
            }
        }
        let left = self.server.data.people[&user].mine.values();
        let left = left.filter(|mine| mine.state != MineState::Joined).map(|mine| mine.room);
        for room in left {
            if !checks::covered(conn, room).is_empty() {
                return Err(format!("P14 room {room} was left and is still covered"));
            }
        }
        Ok(())
    }
}

/// Whether a refused message of the room took this draft along.
fn refused(conn: &Connection, id: RoomId, draft: &str) -> bool {
    let sql = "select exists (select 1 from outbox where room = ?1 and kind = 'send'
        and state = 'failed' and instr(payload, ?2) > 0)";
    let found = conn.query_row(sql, (id.0, draft), |row| row.get(0));
    found.expect("the schema is known")
}

/// One of the words that the simulation makes up: `w` and twelve hexadecimal digits.
fn is_word(word: &str) -> bool {
    word.len() == 13 && word.starts_with('w')
}

/// Every made-up word in the raw bytes.
fn words_in(raw: &[u8]) -> BTreeSet<&[u8]> {
    raw.windows(13)
        .filter(|w| {
            w[0] == b'w' && w[1..].iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
        })
        .collect()
}

fn members(conn: &Connection, id: RoomId, room: &RoomData) -> Held {
    let mut statement = conn
        .prepare_cached("select user, left_seq, role, rev from members where room = ?1")
        .expect("the schema is known");
    let have: BTreeMap<UserId, (Option<Seq>, String, Seq)> = statement
        .query_map([id.0], |row| Ok((UserId(row.get(0)?), (row.get(1)?, row.get(2)?, row.get(3)?))))
        .and_then(Iterator::collect)
        .expect("the schema is known");
    let role = |role| serde_json::to_value(role).ok().and_then(|v| v.as_str().map(str::to_owned));
    let want: BTreeMap<UserId, (Option<Seq>, String, Seq)> = room
        .members
        .values()
        .map(|m| (m.user, (m.left_seq, role(m.role).unwrap_or_default(), m.rev)))
        .collect();
    if have == want {
        Ok(())
    } else {
        Err(format!("room {id}: members {have:?}, the server {want:?}"))
    }
}
