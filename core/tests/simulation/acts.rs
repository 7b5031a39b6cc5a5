//! What people do and what breaks, at random.

use crate::agenda::Ev;
use crate::checks::Held;
use crate::client::Client;
use crate::hub::Wrong;
use crate::screen::Screen;
use crate::world::World;
use hallway_core::world::{Intent, PageRequest, Place, Target};
use hallway_protocol::frames::{ClientFrame, MinePatch, Send};
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rows::*;

/// Owns every room; runs no client.
const EVE: UserId = UserId(1);
const ADA: UserId = UserId(2);
const LIN: UserId = UserId(3);

/// Everybody.
const HALL: RoomId = RoomId(7);
/// Public; newcomers see what came after them.
const YARD: RoomId = RoomId(8);
/// Ada and Lin.
const PAIR: RoomId = RoomId(9);
/// May be deleted.
const SHED: RoomId = RoomId(10);

const EMOJI: [&str; 3] = ["👍", "🎉", "❤️"];

impl World {
    /// People, rooms, some history, and devices that will start.
    pub fn begin(seed: u64, wrong: Option<Wrong>, trace: bool) -> World {
        let mut world = World::new(seed, wrong, trace);
        let data = &mut world.server.data;
        data.now = 1_700_000_000_000;
        [(EVE, "eve"), (ADA, "ada"), (LIN, "lin")]
            .iter()
            .for_each(|(id, name)| data.register(*id, name));
        let (owner, member) = ((EVE, Role::Owner), |user| (user, Role::Member));
        let room = |room, kind, name: &str, visibility, history| Room {
            room,
            kind,
            name: name.to_owned(),
            topic: String::new(),
            visibility,
            history,
            ephemeral: false,
            sealed: false,
            announce: false,
            slow_seconds: 0,
            archived: false,
            retention_days: None,
            kept_from: 0,
            deleted: false,
            rev: 0,
        };
        let (group, private, all) = (RoomKind::Group, Visibility::Private, History::All);
        data.found(room(HALL, group, "hall", private, all), &[owner, member(ADA), member(LIN)]);
        let yard = room(YARD, RoomKind::Channel, "yard", Visibility::Public, History::Joined);
        data.found(yard, &[owner, member(ADA)]);
        let pair = room(PAIR, RoomKind::Direct, "", private, all);
        data.found(pair, &[member(ADA), member(LIN)]);
        data.found(room(SHED, group, "shed", private, all), &[owner, member(ADA), member(LIN)]);
        data.epochs.push(("e1".to_owned(), Default::default()));
        data.outs.clear();
        world.server.unanswered = if world.rng.chance(40) { 2 } else { 16 };
        for _ in 0..world.rng.between(0, 40) {
            world.ghost();
        }
        world.server.data.outs.clear();
        let users: &[UserId] = match world.rng.between(0, 4) {
            0 => &[ADA, LIN],
            1 => &[ADA, ADA],
            2 => &[ADA, ADA, LIN],
            3 => &[ADA, LIN, ADA],
            _ => &[ADA, LIN, ADA, LIN],
        };
        for (index, user) in users.iter().enumerate() {
            let mut client = Client::new(index, *user, if *user == ADA { "ada" } else { "lin" });
            client.power_fails = world.rng.chance(25);
            world.clients.push(client);
            world.screens.push(Screen::default());
            let after = world.rng.between(0, 600);
            world.agenda.after(after, Ev::Restart(index));
        }
        world.acts = u32::try_from(world.rng.between(50, 110)).unwrap_or(50);
        world.agenda.after(300, Ev::Act);
        world
    }

    /// The next thing somebody does, until there was enough of it.
    pub fn something(&mut self) -> Held {
        if self.acts == 0 {
            return Ok(());
        }
        self.acts -= 1;
        let after =
            if self.rng.chance(30) { self.rng.between(0, 5) } else { self.rng.between(5, 500) };
        self.agenda.after(after, Ev::Act);
        match self.rng.between(0, 99) {
            0..=49 => self.person(),
            50..=79 => {
                self.ghosts();
                Ok(())
            }
            _ => self.breaks(),
        }
    }

    fn text(&mut self) -> String {
        let word = format!("w{:012x}", self.rng.next() >> 16);
        match self.rng.between(0, 19) {
            0 => format!("bad {word}"),
            1 => format!("{word} @ada"),
            2 => format!("{word} @all"),
            _ => word,
        }
    }

    // A person at a device.

    fn person(&mut self) -> Held {
        let alive: Vec<usize> =
            (0..self.clients.len()).filter(|at| self.clients[*at].machine.is_some()).collect();
        let Some(client) = self.rng.pick(&alive).copied() else { return Ok(()) };
        let rooms = self.clients[client].rooms();
        let Some(room) = self.rng.pick(&rooms).copied() else { return Ok(()) };
        let intent = match self.rng.between(0, 99) {
            0..=35 => {
                if self.rng.chance(20) {
                    let begins = self.begins(room);
                    self.intent(client, begins)?;
                }
                Some(self.sends(client, room))
            }
            36..=47 => self.edits(client, room),
            48..=55 => self.deletes(client, room),
            56..=63 => self.reacts(client, room),
            64..=74 => self.reads(client, room),
            75..=80 => Some(self.keeps(room)),
            81..=83 => Some(self.comes_and_goes(&rooms)),
            84..=88 => self.mends(client)?,
            89..=94 => self.looks(client, room),
            95..=96 => Some(Intent::Focus(vec![room])),
            97..=98 => Some(Intent::Online(self.rng.chance(70))),
            _ => Some(Intent::Typing(room)),
        };
        intent.map_or(Ok(()), |intent| self.intent(client, intent))
    }

    fn target(&mut self, client: usize, room: RoomId, own: bool) -> Option<Target> {
        let ops = self.clients[client].ops();
        let pending: Vec<Key> = ops
            .iter()
            .filter(|op| op.room == room && op.kind == "send")
            .map(|op| op.key.clone())
            .collect();
        if !pending.is_empty() && self.rng.chance(50) {
            return self.rng.pick(&pending).cloned().map(Target::Key);
        }
        let at = &self.clients[client];
        let once: Vec<Key> =
            at.order.iter().filter(|sent| sent.1 == room).map(|sent| sent.0.clone()).collect();
        if self.rng.chance(4) {
            // A window may be a moment behind: confirmed by now, replaced, or given up.
            return self.rng.pick(&once).cloned().map(Target::Key);
        }
        let mut seqs = if own { at.own_messages(room) } else { at.messages(room) };
        if self.rng.chance(50) {
            seqs = seqs.split_off(seqs.len().saturating_sub(6));
        }
        self.rng.pick(&seqs).copied().map(Target::Seq)
    }

    fn sends(&mut self, client: usize, room: RoomId) -> Intent {
        let reply = if self.rng.chance(15) { self.target(client, room, false) } else { None };
        let (key, text, at) = (self.rng.key(), self.text(), self.agenda.now);
        Intent::Send { room, key, at, text, reply, thread: None }
    }

    fn edits(&mut self, client: usize, room: RoomId) -> Option<Intent> {
        let target = self.target(client, room, true)?;
        if let Target::Key(of) = &target {
            let failed = |op: &crate::client::StoredOp| op.key == *of && op.state == "failed";
            if self.clients[client].ops().iter().any(failed) {
                // It goes anew under another key.
                self.clients[client].released.insert(of.clone());
            }
        }
        let (key, text) = (self.rng.key(), self.text());
        Some(Intent::Edit { room, key, target, text })
    }

    fn deletes(&mut self, client: usize, room: RoomId) -> Option<Intent> {
        let target = self.target(client, room, true)?;
        Some(Intent::Delete { room, key: self.rng.key(), target })
    }

    fn reacts(&mut self, client: usize, room: RoomId) -> Option<Intent> {
        let target = self.target(client, room, false)?;
        let emoji = self.rng.pick(&EMOJI)?.to_string();
        Some(Intent::React { room, key: self.rng.key(), target, emoji, on: self.rng.chance(65) })
    }

    fn reads(&mut self, client: usize, room: RoomId) -> Option<Intent> {
        let seqs = self.clients[client].messages(room);
        let seq =
            if self.rng.chance(60) { seqs.last().copied() } else { self.rng.pick(&seqs).copied() };
        Some(Intent::Read { room, key: self.rng.key(), seq: seq? })
    }

    fn keeps(&mut self, room: RoomId) -> Intent {
        if self.rng.chance(60) {
            return self.begins(room);
        }
        let patch = MinePatch { favourite: Some(self.rng.chance(50)), ..MinePatch::default() };
        Intent::Mine { room, key: self.rng.key(), patch }
    }

    /// A text is begun, or what was begun is thrown away; no two are the same.
    fn begins(&mut self, room: RoomId) -> Intent {
        let draft = self.rng.chance(80).then(|| format!("d{:012x}", self.rng.next() >> 16));
        let patch = MinePatch { draft: Some(draft), ..MinePatch::default() };
        Intent::Mine { room, key: self.rng.key(), patch }
    }

    fn comes_and_goes(&mut self, rooms: &[RoomId]) -> Intent {
        let key = self.rng.key();
        if rooms.contains(&YARD) && self.rng.chance(75) {
            Intent::Leave { room: YARD, key }
        } else {
            Intent::Join { room: YARD, key }
        }
    }

    fn mends(&mut self, client: usize) -> Result<Option<Intent>, String> {
        let ops = self.clients[client].ops();
        let waiting: Vec<Key> = ops.iter().map(|op| op.key.clone()).collect();
        let failed: Vec<(Key, RoomId)> = ops
            .iter()
            .filter(|op| op.state == "failed")
            .map(|op| (op.key.clone(), op.room))
            .collect();
        let way = self.rng.between(0, 3);
        if way == 0 {
            return Ok(self.rng.pick(&waiting).cloned().map(|key| Intent::Discard { key }));
        }
        let Some((key, room)) = self.rng.pick(&failed).cloned() else { return Ok(None) };
        if way == 1 {
            return Ok(Some(Intent::Discard { key }));
        }
        if self.rng.chance(50) {
            let begins = self.begins(room);
            self.intent(client, begins)?;
        }
        Ok(Some(Intent::Retry { key }))
    }

    fn looks(&mut self, client: usize, room: RoomId) -> Option<Intent> {
        let seqs = self.clients[client].messages(room);
        let seq = *self.rng.pick(&seqs)?;
        let lowest =
            crate::checks::covered(self.clients[client].conn()?, room).first().map(|r| r.0);
        let place = match self.rng.between(0, 4) {
            0 => Place::Around(seq),
            1 => Place::After(seq),
            2 => Place::Before(seq),
            _ => Place::Before(lowest.unwrap_or(seq)),
        };
        Some(Intent::Fill(PageRequest { room, place, limit: 4, fresh: 0 }))
    }

    // Everybody else, and the other devices of the same people.

    fn ghosts(&mut self) {
        let count = match self.rng.between(0, 9) {
            0 => self.rng.between(8, 30),
            1..=3 => self.rng.between(2, 7),
            _ => 1,
        };
        for _ in 0..count {
            self.ghost();
        }
        self.pump_all();
    }

    fn ghost(&mut self) {
        let rooms = self.room_ids();
        let Some(room) = self.rng.pick(&rooms).copied() else { return };
        let members: Vec<UserId> = {
            let found = &self.server.data.rooms[&room];
            found.members.keys().copied().filter(|user| found.is_member(*user)).collect()
        };
        let Some(who) = self.rng.pick(&members).copied() else { return };
        let key = self.rng.key();
        match self.rng.between(0, 99) {
            0..=44 => self.ghost_sends(who, room, key),
            45..=79 => self.ghost_changes(who, room, key),
            80..=87 => {
                let head = self.server.data.rooms[&room].head;
                let seq = self.rng.between(1, head);
                self.ghost_acts(who, &ClientFrame::Read { id: 0, room, seq });
            }
            _ => self.ghost_rules(room),
        }
        self.server.publish();
    }

    fn ghost_acts(&mut self, who: UserId, frame: &ClientFrame) {
        // A refusal is an answer too.
        let _ = self.server.act(who, frame, None);
    }

    fn ghost_sends(&mut self, who: UserId, room: RoomId, key: Key) {
        let found = &self.server.data.rooms[&room];
        let seqs: Vec<Seq> = found.messages.keys().copied().collect();
        let reply = if self.rng.chance(20) { self.rng.pick(&seqs).copied() } else { None };
        let send = Send {
            id: 0,
            room,
            key,
            text: self.text().replace("bad ", ""),
            reply,
            thread: None,
            files: Vec::new(),
            meta: Default::default(),
            clears_draft: false,
        };
        self.ghost_acts(who, &ClientFrame::Send(send));
    }

    fn ghost_changes(&mut self, who: UserId, room: RoomId, key: Key) {
        let found = &self.server.data.rooms[&room];
        let live = found.messages.values().filter(|m| m.kind == MessageKind::Text && !m.deleted);
        let mut live: Vec<(Seq, UserId)> = live.map(|m| (m.seq, m.sender)).collect();
        if self.rng.chance(50) {
            live = live.split_off(live.len().saturating_sub(8));
        }
        let Some((seq, sender)) = self.rng.pick(&live).copied() else { return };
        let frame = match self.rng.between(0, 9) {
            0..=2 => ClientFrame::Edit { id: 0, room, key, seq, text: self.text() },
            3..=4 => ClientFrame::Delete { id: 0, room, key, seq },
            5 => ClientFrame::Pin { id: 0, room, key, seq, on: self.rng.chance(60) },
            _ => {
                let emoji = self.rng.pick(&EMOJI).map(ToString::to_string).unwrap_or_default();
                ClientFrame::React { id: 0, room, key, seq, emoji, on: self.rng.chance(60) }
            }
        };
        let by_author = matches!(frame, ClientFrame::Edit { .. } | ClientFrame::Delete { .. });
        self.ghost_acts(if by_author { sender } else { who }, &frame);
    }

    fn ghost_rules(&mut self, room: RoomId) {
        let user = if self.rng.chance(50) { ADA } else { LIN };
        let data = &mut self.server.data;
        let inside = data.rooms[&room].is_member(user);
        let direct = data.rooms[&room].row.kind == RoomKind::Direct;
        match self.rng.between(0, 11) {
            0..=1 if inside && !direct => drop(data.part(user, room, EVE)),
            0..=3 if !inside && !direct => drop(data.join(user, room, EVE)),
            4..=5 if !direct => data.settle(room, EVE, Some(format!("room {}", data.now)), None),
            6..=7 if !direct => {
                let role = if self.rng.chance(50) { Role::Admin } else { Role::Member };
                data.settle(room, EVE, None, Some((user, role)));
            }
            8..=9 => data.rename_person(user, format!("name {}", data.now)),
            10 if room == SHED && !self.clients.is_empty() && self.rng.chance(20) => {
                data.close_room(room)
            }
            _ => {}
        }
    }

    // What breaks.

    fn breaks(&mut self) -> Held {
        let client = self.rng.next() as usize % self.clients.len();
        match self.rng.between(0, 99) {
            0..=29 => self.cut(client),
            30..=49 => self.stall(client),
            50..=64 => self.dies(client),
            65..=79 => {
                self.clients[client].net = false;
                self.cut(client);
                let after = self.rng.between(100, 6_000);
                self.agenda.after(after, Ev::NetUp(client));
            }
            80..=83 => self.crash(),
            84..=88 => self.backup = Some(self.server.data.clone()),
            89..=90 => self.restore(),
            91..=98 => self.chase(client),
            _ => {
                let life = self.clients[client].life(client);
                return self.input(life, hallway_core::world::Input::Network);
            }
        }
        Ok(())
    }

    /// A device falls far behind in a room, and its person scrolls up while it catches up.
    fn chase(&mut self, client: usize) {
        let rooms = self.clients[client].rooms();
        let Some(room) = self.rng.pick(&rooms).copied() else { return };
        if self.rng.chance(50) {
            self.cut(client);
        } else {
            self.stall(client);
        }
        for _ in 0..self.rng.between(15, 24) {
            let (who, key) =
                (self.server.data.rooms[&room].members.keys().next().copied(), self.rng.key());
            self.ghost_sends(who.unwrap_or(EVE), room, key);
            self.server.publish();
        }
        self.pump_all();
        self.chase = self.agenda.now + 5_000;
        let life = self.clients[client].life(client);
        self.agenda.after(20, Ev::Peek(life, room, 60));
    }

    /// While a pull is on its way: a page below what is held, and a change of what it shows.
    pub fn peek(&mut self, life: crate::agenda::Life, room: RoomId, left: u32) -> Held {
        if left == 0 || self.quiet || !self.is_alive(life) {
            return Ok(());
        }
        let after = self.rng.between(20, 120);
        self.agenda.after(after, Ev::Peek(life, room, left - 1));
        let machine = self.clients[life.client].machine.as_ref();
        let fetching = machine.and_then(|m| m.engine().room(room)).is_some_and(|r| r.is_fetching());
        let lowest = self.clients[life.client]
            .conn()
            .and_then(|conn| crate::checks::covered(conn, room).first().map(|range| range.0));
        let (Some(lowest), true) = (lowest, fetching) else { return Ok(()) };
        let below: Vec<(Seq, UserId)> = self.server.data.rooms[&room]
            .messages
            .range(..lowest)
            .filter(|(_, m)| m.kind == MessageKind::Text && !m.deleted)
            .map(|(seq, m)| (*seq, m.sender))
            .collect();
        let below = &below[below.len().saturating_sub(4)..];
        if let Some((seq, sender)) = self.rng.pick(below).copied() {
            let (key, text) = (self.rng.key(), self.text());
            self.ghost_acts(sender, &ClientFrame::Edit { id: 0, room, key, seq, text });
            self.server.publish();
            self.pump_all();
        }
        if self.rng.chance(50) {
            return Ok(());
        }
        let place = Place::Before(lowest);
        self.intent(life.client, Intent::Fill(PageRequest { room, place, limit: 4, fresh: 0 }))
    }

    fn stall(&mut self, client: usize) {
        let until = self.agenda.now + self.rng.between(200, 4_000);
        let Some((_, conn)) = self.clients[client].link else { return };
        self.say(|| format!("client {client} reads nothing until {until}"));
        if let Some(wire) = self.wires.get_mut(&conn) {
            wire.stalled = until;
        }
    }

    fn dies(&mut self, client: usize) {
        let power = self.clients[client].power_fails && self.rng.chance(60);
        self.say(|| format!("client {client} dies, power fails: {power}"));
        self.cut(client);
        self.clients[client].die(power);
        self.clients[client].watch.restart(power);
        // The window dies too; a new one asks for what it draws.
        self.screens[client].messages.clear();
        if power {
            self.screens[client].rooms.clear();
        }
        let after = self.rng.between(10, 2_500);
        self.agenda.after(after, Ev::Restart(client));
    }
}
