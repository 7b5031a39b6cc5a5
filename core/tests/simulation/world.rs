//! The whole: clients, links and the server, moved by one agenda from one seed. Nothing here knows
//! the time or a thread; the same seed is the same history.

use crate::agenda::{Agenda, Ev, Life};
use crate::checks::{self, Held};
use crate::client::Client;
use crate::data::Data;
use crate::hub::{Conn, Server, Wrong};
use crate::rng::Rng;
use crate::screen::Screen;
use hallway_core::world::{Effect, Input, Intent, Refresh, Target};
use hallway_protocol::frames::{ClientFrame, MinePatch, ServerFrame};
use hallway_protocol::ids::RoomId;
use std::collections::BTreeMap;

/// One connection as the network sees it.
#[derive(Debug)]
pub struct Wire {
    pub life: Life,
    pub link: u64,
    /// When the last frame to the server arrives: they keep their order.
    pub up: i64,
    /// How many frames still arrive at the server; none: all.
    pub allow: Option<u32>,
    /// Nothing reaches the client any more.
    pub cut: bool,
    /// The client reads nothing until then.
    pub stalled: i64,
    /// A delivery is due.
    pub pumping: bool,
}

/// How slow everything is, in milliseconds at most.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub link: i64,
    pub work: i64,
    pub page: i64,
    /// Of a hundred cuts, how many does the client not notice by itself?
    pub silent: i64,
}

/// Everything.
pub struct World {
    pub rng: Rng,
    pub agenda: Agenda,
    pub server: Server,
    pub up: bool,
    pub pace: Pace,
    /// Data sets of earlier epochs, as they were when they ended.
    pub past: BTreeMap<String, Data>,
    pub backup: Option<Data>,
    pub clients: Vec<Client>,
    pub screens: Vec<Screen>,
    pub wires: BTreeMap<u64, Wire>,
    pub acts: u32,
    pub quiet: bool,
    pub restored: bool,
    /// Until then pulls take their time, and pages are read at once and come late.
    pub chase: i64,
    /// Every welcome to this device is its link's last word, and how often it asked for a link.
    pub flaps: Option<(usize, u32)>,
    pub steps: u64,
    /// What people wrote, and where.
    pub written: BTreeMap<String, RoomId>,
    next_conn: u64,
    trace: Option<Vec<String>>,
}

impl World {
    pub fn new(seed: u64, wrong: Option<Wrong>, trace: bool) -> World {
        let mut rng = Rng::new(seed);
        let slow = rng.chance(30);
        let pace = Pace {
            link: if slow { 400 } else { 40 },
            work: if rng.chance(20) { 1_500 } else { 30 },
            page: if slow { 3_000 } else { 300 },
            silent: 25,
        };
        World {
            rng,
            agenda: Agenda::default(),
            server: Server::new(wrong),
            up: true,
            pace,
            past: BTreeMap::new(),
            backup: None,
            clients: Vec::new(),
            screens: Vec::new(),
            wires: BTreeMap::new(),
            acts: 0,
            quiet: false,
            restored: false,
            chase: 0,
            flaps: None,
            steps: 0,
            written: BTreeMap::new(),
            next_conn: 0,
            trace: trace.then(Vec::new),
        }
    }

    /// A line of the trace, where one is kept.
    pub fn say(&mut self, line: impl FnOnce() -> String) {
        let now = self.agenda.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now:>7} {}", line()));
        }
    }

    pub fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// Some time, `most` at the most.
    pub fn soon(&mut self, most: i64) -> i64 {
        self.rng.between(1, most.max(1))
    }

    /// Everything up to `until` happens.
    pub fn run(&mut self, until: i64) -> Held {
        while let Some(ev) = self.agenda.next(until) {
            self.server.data.now = 1_700_000_000_000 + self.agenda.now;
            self.happen(ev)?;
        }
        self.agenda.now = until;
        Ok(())
    }

    fn happen(&mut self, ev: Ev) -> Held {
        match ev {
            Ev::Act => return self.something(),
            Ev::Open(life, link) => return self.open(life, link),
            Ev::Arrive(conn, frame) => self.arrive(conn, frame),
            Ev::Exec(conn) => {
                self.exec(conn);
                return self.server.data.twice.take().map_or(Ok(()), Err);
            }
            Ev::Welcome(conn) => {
                self.server.welcome(conn);
                self.pump_all();
                self.next_command(conn);
            }
            Ev::Part(conn, pull) => self.part(conn, pull),
            Ev::Say(conn, frame, pull) => self.answer(conn, *frame, pull),
            Ev::Deliver(conn) => return self.deliver(conn),
            Ev::Closed(life, link, code) => {
                if self.is_alive(life) {
                    self.clients[life.client].watch.cut();
                    if self.clients[life.client].link.is_some_and(|held| held.0 == link) {
                        self.clients[life.client].link = None;
                    }
                }
                return self.input(life, Input::Closed { link, code });
            }
            Ev::Forget(conn) => {
                self.server.conns.remove(&conn);
            }
            Ev::Tick(life, at) => {
                if self.is_alive(life) && self.clients[life.client].wake == at {
                    self.clients[life.client].wake = i64::MAX;
                    return self.input(life, Input::Tick);
                }
            }
            Ev::Ask(life, id, request) => self.page(life, id, request),
            Ev::Page(life, id, page) => {
                return self.input(life, Input::Fetched { id, page: *page });
            }
            Ev::Restart(client) => return self.start(client),
            Ev::NetUp(client) => self.clients[client].net = true,
            Ev::ServerUp => self.up = true,
            Ev::Peek(life, room, left) => return self.peek(life, room, left),
            Ev::Heartbeat(conn) => self.heartbeat(conn),
        }
        Ok(())
    }

    // The clients.

    /// A client's program starts.
    pub fn start(&mut self, client: usize) -> Held {
        if self.clients[client].machine.is_some() {
            return Ok(());
        }
        let (now, seed) = (self.agenda.now, self.rng.next());
        self.say(|| format!("client {client} starts"));
        let effects = self.clients[client].start(now, seed);
        let life = self.clients[client].life(client);
        self.effects(life, effects)?;
        self.check(life, &Input::Tick)
    }

    pub fn is_alive(&self, life: Life) -> bool {
        let client = &self.clients[life.client];
        client.life == life.life && client.machine.is_some()
    }

    /// A person acts.
    pub fn intent(&mut self, client: usize, intent: Intent) -> Held {
        let id = self.clients[client].next_intent;
        self.clients[client].next_intent += 1;
        self.clients[client].intents.insert(id, intent.clone());
        if let Intent::Send { room, text, .. } | Intent::Edit { room, text, .. } = &intent {
            self.written.insert(text.clone(), *room);
        }
        let life = self.clients[client].life(client);
        self.input(life, Input::Intent { id, intent })
    }

    /// One step of a machine, its effects, and the checks.
    pub fn input(&mut self, life: Life, input: Input) -> Held {
        if !self.is_alive(life) {
            return Ok(());
        }
        self.steps += 1;
        let now = self.agenda.now;
        self.say(|| format!("client {} <- {}", life.client, brief(&input)));
        let client = &mut self.clients[life.client];
        client.watch.tell(&input);
        let machine = client.machine.as_mut().expect("it is alive");
        let effects = machine.step(now, input.clone());
        self.effects(life, effects)?;
        self.check(life, &input)
    }

    fn check(&mut self, life: Life, input: &Input) -> Held {
        let client = &mut self.clients[life.client];
        if client.machine.is_none() {
            return Ok(());
        }
        client.keep_durable();
        let epoch = client.epoch();
        let conn = client.machine.as_ref().expect("it is alive").store().connection();
        let looked = client.watch.look(conn, input, epoch.clone());
        looked.map_err(|why| format!("{}: {why}", client.name))?;
        let room = match input {
            Input::Frame { frame: ServerFrame::Event { room, .. }, .. } => Some(*room),
            Input::Frame { frame: ServerFrame::Delta(delta), .. } => Some(delta.room),
            Input::Frame { frame: ServerFrame::Ok(done), .. } => done.room,
            Input::Fetched { page: Ok(page), .. } => page.rows.iter().find_map(|row| match row {
                hallway_protocol::rows::Row::Message(m) => Some(m.room),
                _ => None,
            }),
            _ => None,
        };
        let client = &self.clients[life.client];
        match (room, self.data_of(epoch.as_deref()), client.conn()) {
            (Some(room), Some(data), Some(conn)) => {
                checks::truth(conn, room, data).map_err(|why| format!("{}: {why}", client.name))
            }
            _ => Ok(()),
        }
    }

    /// The data set that a client speaks of.
    pub fn data_of(&self, epoch: Option<&str>) -> Option<&Data> {
        let epoch = epoch?;
        if epoch == self.server.data.epoch() {
            Some(&self.server.data)
        } else {
            self.past.get(epoch)
        }
    }

    fn effects(&mut self, life: Life, effects: Vec<Effect>) -> Held {
        let now = self.agenda.now;
        for effect in effects {
            self.say(|| format!("client {} -> {}", life.client, brief_effect(&effect)));
            let client = &mut self.clients[life.client];
            client.watch.hear(&effect).map_err(|why| format!("{}: {why}", client.name))?;
            match effect {
                Effect::Connect { link } => {
                    client.wanted = Some(link);
                    if let Some((_, links)) = self.flaps.as_mut().filter(|f| f.0 == life.client) {
                        *links += 1;
                    }
                    let after = self.soon(self.pace.link);
                    self.agenda.after(after, Ev::Open(life, link));
                }
                Effect::Send { link, frame } => self.send(life, link, frame),
                Effect::Close { link } => self.hang_up(life, link),
                Effect::Refresh => return self.input(life, Input::Refreshed(Refresh::Renewed)),
                Effect::Fetch { id, request } => {
                    let most = if self.chase > now { 30 } else { self.pace.page };
                    let after = self.soon(most);
                    self.agenda.after(after, Ev::Ask(life, id, request));
                }
                Effect::Wake { at } => {
                    let at = at.max(now + 1).min(now + 5_000);
                    client.wake = at;
                    self.agenda.at(at, Ev::Tick(life, at));
                }
                Effect::Answer { id, result } => self.answered(life, id, result.is_ok()),
                Effect::Change(change) => self.screens[life.client].draw(&change),
                Effect::Refused { .. } => {}
                Effect::SignedOut | Effect::Erase | Effect::Damaged { .. } => {}
            }
        }
        // At least every five seconds.
        let client = &mut self.clients[life.client];
        if client.wake == i64::MAX || client.wake < now {
            client.wake = now + 5_000;
            self.agenda.at(now + 5_000, Ev::Tick(life, now + 5_000));
        }
        Ok(())
    }

    fn answered(&mut self, life: Life, id: u64, done: bool) {
        let client = &mut self.clients[life.client];
        let Some(intent) = client.intents.remove(&id).filter(|_| done) else { return };
        match intent {
            Intent::Mine { patch: MinePatch { draft: Some(Some(draft)), .. }, .. } => {
                client.begun.insert(draft, self.steps);
            }
            Intent::Send { key, room, .. } => {
                client.order.push((key.clone(), room));
                client.wrote.insert(key.clone(), self.steps);
                client.promised.insert(key, room);
            }
            Intent::Discard { key } => drop(client.released.insert(key)),
            Intent::Delete { target: Target::Key(key), .. }
            | Intent::Edit { target: Target::Key(key), .. } => {
                client.released.insert(key);
            }
            _ => {}
        }
    }

    // The links.

    fn open(&mut self, life: Life, link: u64) -> Held {
        if !self.is_alive(life)
            || self.clients[life.client].wanted.take_if(|l| *l == link).is_none()
        {
            return Ok(());
        }
        if !self.up || !self.clients[life.client].net {
            return self.input(life, Input::Closed { link, code: None });
        }
        self.next_conn += 1;
        let conn = self.next_conn;
        let user = self.clients[life.client].user;
        self.server.conns.insert(conn, Conn::of(user));
        self.wires.insert(
            conn,
            Wire { life, link, up: 0, allow: None, cut: false, stalled: 0, pumping: false },
        );
        self.clients[life.client].link = Some((link, conn));
        self.clients[life.client].watch.cut();
        self.agenda.after(10_000, Ev::Heartbeat(conn));
        self.say(|| format!("client {} link {link} is connection {conn}", life.client));
        self.input(life, Input::Opened { link })
    }

    fn send(&mut self, life: Life, link: u64, frame: ClientFrame) {
        let Some((_, conn)) = self.clients[life.client].link.filter(|held| held.0 == link) else {
            return;
        };
        let after = self.soon(self.pace.link);
        let now = self.agenda.now;
        let Some(wire) = self.wires.get_mut(&conn) else { return };
        wire.up = wire.up.max(now + after);
        let at = wire.up;
        self.agenda.at(at, Ev::Arrive(conn, frame));
    }

    fn hang_up(&mut self, life: Life, link: u64) {
        self.clients[life.client].wanted.take_if(|wanted| *wanted == link);
        let Some((_, conn)) = self.clients[life.client].link.filter(|held| held.0 == link) else {
            return;
        };
        self.clients[life.client].link = None;
        self.clients[life.client].watch.cut();
        self.lose(conn);
    }

    /// The connection is lost: some of what was said still arrives, and the server hears of it late.
    fn lose(&mut self, conn: u64) {
        let (allow, after) = (self.rng.between(0, 4), self.rng.between(1, 3_000));
        if let Some(wire) = self.wires.get_mut(&conn) {
            wire.cut = true;
            wire.allow.get_or_insert(u32::try_from(allow).unwrap_or(0));
        }
        self.agenda.after(after, Ev::Forget(conn));
    }

    /// Cuts a client's link; it may not notice by itself.
    pub fn cut(&mut self, client: usize) {
        let Some((link, conn)) = self.clients[client].link else { return };
        let silent = self.rng.chance(self.pace.silent);
        self.say(|| format!("client {client} loses connection {conn}, silent: {silent}"));
        self.lose(conn);
        if !silent {
            let (life, after) = (self.clients[client].life(client), self.rng.between(1, 300));
            self.agenda.after(after, Ev::Closed(life, link, None));
        }
    }

    /// The room that most happens in.
    pub fn room_ids(&self) -> Vec<RoomId> {
        self.server.data.rooms.iter().filter(|(_, r)| !r.row.deleted).map(|(id, _)| *id).collect()
    }
}

/// A frame in a line.
pub fn brief_frame(frame: &ClientFrame) -> String {
    serde_json::to_string(frame).expect("plain data")
}

fn brief(input: &Input) -> String {
    match input {
        Input::Frame { link, frame } => {
            format!("[{link}] {}", serde_json::to_string(frame).expect("plain data"))
        }
        Input::Fetched { id, page: Ok(page) } => {
            format!("page {id} {}", serde_json::to_string(page).expect("plain data"))
        }
        other => format!("{other:?}"),
    }
}

fn brief_effect(effect: &Effect) -> String {
    match effect {
        Effect::Send { link, frame } => format!("[{link}] {}", brief_frame(frame)),
        Effect::Change(change) => {
            let mut text = serde_json::to_string(change).expect("plain data");
            text.truncate(text.char_indices().nth(200).map_or(text.len(), |(at, _)| at));
            format!("shows {text}")
        }
        other => format!("{other:?}"),
    }
}
