//! What moves at the server: frames that arrive, commands that take their time, replays in parts,
//! queues that drain, and the ends of its process.

use crate::agenda::{Ev, Life};
use crate::checks::Held;
use crate::hub::Wrong;
use crate::reading::{Pull, Where};
use crate::world::{World, brief_frame};
use hallway_core::world::{Input, PageRequest, Place};
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::{ClientFrame, ErrorFrame, ServerFrame};

impl World {
    pub fn arrive(&mut self, conn: u64, frame: ClientFrame) {
        if let Some(wire) = self.wires.get_mut(&conn) {
            match &mut wire.allow {
                Some(0) => return,
                Some(left) => *left -= 1,
                None => {}
            }
        }
        if !self.up {
            return;
        }
        let idle = self.server.conns.get(&conn).is_some_and(|c| c.inbox.is_empty());
        self.server.arrive(conn, frame);
        if idle {
            let after = self.soon(self.pace.work);
            self.agenda.after(after, Ev::Exec(conn));
        }
    }

    pub fn exec(&mut self, conn: u64) {
        let Some(found) = self.server.conns.get_mut(&conn) else { return };
        let Some((frame, known)) = found.inbox.pop_front() else { return };
        let user = found.user;
        self.say(|| format!("server: connection {conn} {}", brief_frame(&frame)));
        match frame {
            ClientFrame::Hello(hello) => {
                self.server.hello(conn, hello);
                // Long enough for something to happen in between.
                let after = self.soon(self.pace.work.max(if self.quiet { 0 } else { 300 }));
                self.agenda.after(after, Ev::Welcome(conn));
                return;
            }
            ClientFrame::Pull { id, room, since, floor, latest } => {
                let pull = Pull {
                    id,
                    room,
                    since,
                    floor: floor.unwrap_or(1),
                    latest: latest.unwrap_or(50),
                };
                let slow = self.chase > self.agenda.now && !self.quiet;
                let after =
                    if slow { self.rng.between(200, 1_200) } else { self.soon(self.pace.work) };
                self.agenda.after(after, Ev::Part(conn, pull));
            }
            ClientFrame::Own { id, mut since } => loop {
                let frame = self.server.data.own_frame(user, Some(id), since);
                (since, _) = (frame.to, ());
                let done = frame.done;
                self.server.push(conn, ServerFrame::Own(frame));
                if done {
                    break;
                }
            },
            ClientFrame::Heads { .. } => {
                let rooms = self.server.data.bumps(user);
                self.server.push(conn, ServerFrame::Bump { rooms });
            }
            ClientFrame::Call { id, path, body, .. } => {
                self.server.call(conn, id, &path, body.as_ref())
            }
            ClientFrame::Send(_)
            | ClientFrame::Edit { .. }
            | ClientFrame::Delete { .. }
            | ClientFrame::React { .. }
            | ClientFrame::Pin { .. }
            | ClientFrame::Read { .. }
            | ClientFrame::Mine { .. }
            | ClientFrame::Forget { .. } => self.commit(conn, &frame, known),
            _ => {}
        }
        self.pump_all();
        self.next_command(conn);
    }

    pub fn next_command(&mut self, conn: u64) {
        if self.server.conns.get(&conn).is_some_and(|c| !c.inbox.is_empty()) {
            let after = self.soon(self.pace.work);
            self.agenda.after(after, Ev::Exec(conn));
        }
    }

    /// A command is done, unless the server dies over it.
    fn commit(&mut self, conn: u64, frame: &ClientFrame, known: Option<i64>) {
        let dies = !self.quiet && self.rng.chance(1);
        if !dies {
            self.server.command(conn, frame, known, &mut self.rng);
            return;
        }
        if self.server.wrong == Some(Wrong::PublishBeforeCommit) {
            let before = self.server.data.clone();
            if let Some(user) = self.server.conns.get(&conn).map(|c| c.user) {
                let _ = self.server.act(user, frame, known);
                self.server.publish();
            }
            self.server.data = before;
            // What was written to the sockets gets through before they break.
            let open: Vec<u64> = self.wires.keys().copied().collect();
            for conn in open {
                while self.deliver(conn).is_ok()
                    && self.server.conns.get(&conn).is_some_and(|c| !c.queue.is_empty())
                    && self
                        .wires
                        .get(&conn)
                        .is_some_and(|wire| !wire.cut && wire.stalled <= self.agenda.now)
                {
                }
            }
        }
        self.crash();
    }

    /// The server's program dies and comes back; what was committed stays.
    pub fn crash(&mut self) {
        self.say(|| "server dies".to_owned());
        self.up = false;
        self.server.conns.clear();
        let links: Vec<(usize, u64)> = self
            .clients
            .iter()
            .enumerate()
            .filter_map(|(at, client)| Some((at, client.link?.0)))
            .collect();
        for (client, link) in links {
            let (life, after) = (self.clients[client].life(client), self.rng.between(1, 200));
            self.agenda.after(after, Ev::Closed(life, link, Some(1012)));
        }
        self.wires.values_mut().for_each(|wire| (wire.cut, wire.allow) = (true, Some(0)));
        let after = self.rng.between(50, 1_500);
        self.agenda.after(after, Ev::ServerUp);
    }

    /// The server is set back to its backup, under a new epoch.
    pub fn restore(&mut self) {
        let Some(mut data) = self.backup.take() else { return };
        self.crash();
        self.restored = true;
        let name = format!("e{}", self.past.len() + 2);
        let heads = data.rooms.iter().map(|(id, room)| (*id, room.head)).collect();
        self.say(|| format!("server goes back to {heads:?} as {name}"));
        data.epochs.push((name, heads));
        let old = std::mem::replace(&mut self.server.data, data);
        self.past.insert(old.epoch().to_owned(), old);
    }

    pub fn part(&mut self, conn: u64, mut pull: Pull) {
        let Some(user) = self.server.conns.get(&conn).map(|c| c.user) else { return };
        let moody = self.server.moody && self.rng.chance(6);
        let busy = Refused::new(Code::Busy, "not now");
        let (frame, rest) =
            match if moody { Err(busy) } else { self.server.data.delta(user, &pull) } {
                Ok(delta) => {
                    pull.since = delta.to;
                    let rest = (!delta.done).then_some(pull);
                    (ServerFrame::Delta(delta), rest)
                }
                Err(refused) => (ServerFrame::Error(ErrorFrame::new(Some(pull.id), refused)), None),
            };
        // Other commands of the connection may be done, and answered, before it is said.
        if self.rng.chance(30) {
            let after = self.soon(self.pace.work);
            self.agenda.after(after, Ev::Say(conn, Box::new(frame), rest));
        } else {
            self.answer(conn, frame, rest);
        }
    }

    pub fn answer(&mut self, conn: u64, frame: ServerFrame, rest: Option<Pull>) {
        if let Some(pull) = rest {
            // Now and then the next frame takes too long.
            let most = if self.quiet || !self.rng.chance(5) { self.pace.work } else { 5_000 };
            let after = self.soon(most);
            self.agenda.after(after, Ev::Part(conn, pull));
        }
        self.server.push(conn, frame);
        self.pump_all();
    }

    pub fn heartbeat(&mut self, conn: u64) {
        if self.server.conns.get(&conn).is_some_and(|c| c.gate) {
            let now = self.server.data.now;
            let digest = self.server.digest(conn);
            self.server.push(conn, ServerFrame::Heartbeat { now, digest });
            self.pump_all();
        }
        if self.server.conns.contains_key(&conn) {
            self.agenda.after(10_000, Ev::Heartbeat(conn));
        }
    }

    /// What waits on the connections begins to move.
    pub fn pump_all(&mut self) {
        let waiting: Vec<u64> = self
            .server
            .conns
            .iter()
            .filter(|(_, c)| !c.queue.is_empty())
            .map(|(id, _)| *id)
            .collect();
        for conn in waiting {
            let after = self.soon(self.pace.link);
            let Some(wire) = self.wires.get_mut(&conn) else { continue };
            if !wire.pumping && !wire.cut {
                wire.pumping = true;
                self.agenda.after(after, Ev::Deliver(conn));
            }
        }
    }

    pub fn deliver(&mut self, conn: u64) -> Held {
        let now = self.agenda.now;
        let after = self.soon(self.pace.link / 4);
        let Some(wire) = self.wires.get_mut(&conn) else { return Ok(()) };
        wire.pumping = false;
        if wire.cut {
            return Ok(());
        }
        if wire.stalled > now {
            wire.pumping = true;
            let at = wire.stalled;
            self.agenda.at(at, Ev::Deliver(conn));
            return Ok(());
        }
        let (life, link) = (wire.life, wire.link);
        let Some(found) = self.server.conns.get_mut(&conn) else { return Ok(()) };
        let Some(frame) = found.queue.pop_front() else { return Ok(()) };
        if !found.queue.is_empty() {
            wire.pumping = true;
            self.agenda.after(after, Ev::Deliver(conn));
        }
        let last = matches!(frame, ServerFrame::Welcome(_))
            && self.flaps.is_some_and(|flaps| flaps.0 == life.client);
        self.input(life, Input::Frame { link, frame })?;
        if last {
            self.cut(life.client);
        }
        Ok(())
    }

    pub fn page(&mut self, life: Life, id: u64, request: PageRequest) {
        let place = match request.place {
            Place::Before(seq) => Where::Before(seq),
            Place::After(seq) => Where::After(seq),
            Place::Around(seq) => Where::Around(seq),
        };
        let user = self.clients[life.client].user;
        let reachable = self.up && self.clients[life.client].net;
        let page = if !reachable || (self.server.moody && self.rng.chance(8)) {
            Err(Refused::new(Code::Busy, "not now"))
        } else {
            self.server.data.page(user, request.room, place, request.limit)
        };
        let slow = self.chase > self.agenda.now && !self.quiet;
        let after = if slow { self.rng.between(50, 1_500) } else { self.soon(self.pace.page) };
        self.agenda.after(after, Ev::Page(life, id, Box::new(page)));
    }
}
