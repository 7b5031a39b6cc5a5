//! The server's memory: connections, what waits on each, who hears what. One command of a
//! connection at a time; events leave after the commit; a queue that grows too long collapses.

use crate::data::{Data, Did, Out};
use crate::rng::Rng;
use hallway_protocol::digest::digest;
use hallway_protocol::error::{Code, Refused, Retry};
use hallway_protocol::frames::*;
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rows::Row;
use std::collections::{BTreeMap, VecDeque};

/// Durable frames that may wait on one connection.
const QUEUE: usize = 10;
/// How often one key is refused "for now" at most, so that faults can end.
const REFUSALS: u32 = 3;

/// A mistake of the server, planted to see whether it is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// Heads are read before the connection is registered in its rooms.
    HeadsBeforeRegistering,
    /// Events leave before the commit, which then may not come.
    PublishBeforeCommit,
    /// The key is looked up when a command arrives, not where it is written.
    DedupOutsideTransaction,
    /// A slow reader's queue is dropped, and nobody tells it.
    DropWithoutLag,
}

/// All of them.
pub const WRONGS: [Wrong; 4] = [
    Wrong::HeadsBeforeRegistering,
    Wrong::PublishBeforeCommit,
    Wrong::DedupOutsideTransaction,
    Wrong::DropWithoutLag,
];

/// One connection as the server sees it.
#[derive(Debug, Default)]
pub struct Conn {
    pub user: UserId,
    pub rooms: BTreeMap<RoomId, Seq>,
    pub hello: Option<Hello>,
    /// Read too early, when the server is wrong.
    pub early: Option<Welcome>,
    /// `welcome` was said: frames may follow.
    pub gate: bool,
    held: Vec<ServerFrame>,
    pub queue: VecDeque<ServerFrame>,
    pub inbox: VecDeque<(ClientFrame, Option<Seq>)>,
    refused: BTreeMap<RoomId, (Key, Refused)>,
}

/// The server.
#[derive(Debug, Default)]
pub struct Server {
    pub data: Data,
    pub conns: BTreeMap<u64, Conn>,
    pub wrong: Option<Wrong>,
    pub unanswered: usize,
    /// Refuse now and then.
    pub moody: bool,
    refusals: BTreeMap<Key, u32>,
    /// A queue grew too long since this was last looked at.
    pub collapses: u32,
}

fn room_of(frame: &ClientFrame) -> Option<(RoomId, u64, Option<&Key>)> {
    Some(match frame {
        ClientFrame::Send(send) => (send.room, send.id, Some(&send.key)),
        ClientFrame::Edit { room, id, key, .. }
        | ClientFrame::Delete { room, id, key, .. }
        | ClientFrame::React { room, id, key, .. }
        | ClientFrame::Forget { room, id, key }
        | ClientFrame::Pin { room, id, key, .. } => (*room, *id, Some(key)),
        ClientFrame::Read { room, id, .. } | ClientFrame::Mine { room, id, .. } => {
            (*room, *id, None)
        }
        _ => return None,
    })
}

impl Conn {
    /// A connection of this person that has said nothing yet.
    pub fn of(user: UserId) -> Conn {
        Conn { user, ..Conn::default() }
    }

    /// Puts a frame behind the others; before `welcome` it waits.
    fn push(&mut self, frame: ServerFrame) {
        if self.gate { self.queue.push_back(frame) } else { self.held.push(frame) }
    }

    fn is_durable(frame: &ServerFrame) -> bool {
        match frame {
            ServerFrame::Event { .. } => true,
            ServerFrame::Own(own) => own.id.is_none(),
            _ => false,
        }
    }
}

impl Server {
    /// An empty server that refuses now and then.
    pub fn new(wrong: Option<Wrong>) -> Server {
        Server { wrong, moody: true, ..Server::default() }
    }

    /// Registers a connection in its person's rooms.
    pub fn register(&mut self, conn: u64) {
        let Some(found) = self.conns.get_mut(&conn) else { return };
        let rooms = self.data.rooms.iter().filter(|(_, r)| r.is_member(found.user));
        found.rooms = rooms.map(|(id, r)| (*id, r.min_seq(found.user))).collect();
    }

    /// `hello` came.
    pub fn hello(&mut self, conn: u64, hello: Hello) {
        if self.wrong == Some(Wrong::HeadsBeforeRegistering) {
            let user = self.conns[&conn].user;
            let early = self.data.welcome(user, &hello, self.unanswered);
            self.conns.entry(conn).and_modify(|c| c.early = Some(early));
        } else {
            self.register(conn);
        }
        self.conns.entry(conn).and_modify(|c| c.hello = Some(hello));
    }

    /// Reads the heads, says `welcome` and opens the gate.
    pub fn welcome(&mut self, conn: u64) {
        let Some((user, hello)) =
            self.conns.get(&conn).and_then(|c| Some((c.user, c.hello.clone()?)))
        else {
            return;
        };
        let mut welcome = self.data.welcome(user, &hello, self.unanswered);
        if self.wrong == Some(Wrong::HeadsBeforeRegistering) {
            self.register(conn);
            welcome = self.conns.get_mut(&conn).and_then(|c| c.early.take()).unwrap_or(welcome);
        }
        let Some(found) = self.conns.get_mut(&conn) else { return };
        found.gate = true;
        found.queue.push_back(ServerFrame::Welcome(welcome));
        let held = std::mem::take(&mut found.held);
        found.queue.extend(held);
    }

    /// Answers to one connection.
    pub fn push(&mut self, conn: u64, frame: ServerFrame) {
        if let Some(found) = self.conns.get_mut(&conn) {
            found.push(frame);
        }
    }

    /// Hands what was committed to those whom it concerns.
    pub fn publish(&mut self) {
        for out in std::mem::take(&mut self.data.outs) {
            self.dispatch(out);
        }
        let full: Vec<u64> =
            self.conns.iter().filter(|(_, c)| Server::is_full(c)).map(|c| *c.0).collect();
        full.into_iter().for_each(|conn| self.collapse(conn));
    }

    fn is_full(conn: &Conn) -> bool {
        conn.queue.iter().filter(|frame| Conn::is_durable(frame)).count() > QUEUE
    }

    fn dispatch(&mut self, out: Out) {
        match out {
            Out::Event { room, seq, rows, enter, leave } => {
                let r = &self.data.rooms[&room];
                for conn in self.conns.values_mut().filter(|c| c.hello.is_some()) {
                    if enter.contains(&conn.user) {
                        conn.rooms.insert(room, r.min_seq(conn.user));
                    }
                    let Some(min) = conn.rooms.get(&room).copied() else { continue };
                    let seen = |row: &&Row| seq >= min && r.shows(row, conn.user);
                    let rows = rows.iter().filter(seen).cloned().collect();
                    conn.push(ServerFrame::Event { room, seq, rows });
                    if leave.contains(&conn.user) {
                        conn.rooms.remove(&room);
                    }
                }
            }
            Out::Own { user, since } => {
                let frame = self.data.own_frame(user, None, since);
                for conn in self.conns.values_mut().filter(|c| c.user == user && c.hello.is_some())
                {
                    conn.push(ServerFrame::Own(frame.clone()));
                }
            }
            Out::Users { user } => {
                let row = Row::User(self.data.people[&user].user.clone());
                for conn in self.conns.values_mut() {
                    if conn.rooms.keys().any(|room| self.data.rooms[room].is_member(user)) {
                        conn.push(ServerFrame::Users { rows: vec![row.clone()] });
                    }
                }
            }
        }
    }

    /// Drops what waits and says how far everything is.
    fn collapse(&mut self, conn: u64) {
        let Some(found) = self.conns.get_mut(&conn) else { return };
        self.collapses += 1;
        let mut heads: BTreeMap<RoomId, Seq> = BTreeMap::new();
        for frame in &found.queue {
            if let ServerFrame::Event { room, .. } = frame {
                heads.insert(*room, self.data.rooms[room].head);
            }
        }
        found.queue.retain(|frame| !Conn::is_durable(frame));
        if self.wrong != Some(Wrong::DropWithoutLag) {
            let own = self.data.people[&found.user].head;
            found.queue.push_back(ServerFrame::Lag { rooms: heads.into_iter().collect(), own });
        }
    }

    /// A command arrived and waits for its turn.
    pub fn arrive(&mut self, conn: u64, frame: ClientFrame) {
        let known = match (&frame, self.conns.get(&conn)) {
            (ClientFrame::Send(send), Some(c)) => self.data.sent(c.user, send.room, &send.key),
            _ => None,
        };
        if let Some(found) = self.conns.get_mut(&conn) {
            found.inbox.push_back((frame, known));
        }
    }

    /// Does one command of a room, commits and answers.
    pub fn command(&mut self, conn: u64, frame: &ClientFrame, known: Option<Seq>, rng: &mut Rng) {
        let Some(user) = self.conns.get(&conn).map(|c| c.user) else { return };
        let answer = match self.stopped(conn, frame, rng) {
            Some(refused) => Err(refused),
            None => self.act(user, frame, known),
        };
        let (_, id, _) = room_of(frame).expect("commands of a room alone come here");
        let answer = match answer {
            Ok(Did { room, seq, own, again, row }) => {
                ServerFrame::Ok(Done { id, room, seq, own, again, row })
            }
            Err(refused) => ServerFrame::Error(ErrorFrame::new(Some(id), refused)),
        };
        // The answer may come before the event, or after it.
        if rng.chance(50) {
            self.push(conn, answer);
            self.publish();
        } else {
            self.publish();
            self.push(conn, answer);
        }
    }

    /// Why the command is not even tried: one before it must come again, or a mood.
    fn stopped(&mut self, conn: u64, frame: &ClientFrame, rng: &mut Rng) -> Option<Refused> {
        let (room, _, key) = room_of(frame)?;
        let found = self.conns.get_mut(&conn)?;
        if let Some((first, refused)) = found.refused.get(&room) {
            if key != Some(first) {
                return Some(refused.clone());
            }
            found.refused.remove(&room);
        }
        let known = key.filter(|_| !matches!(frame, ClientFrame::Forget { .. }));
        let count = self.refusals.entry(known.cloned()?).or_default();
        if !self.moody || *count >= REFUSALS || !rng.chance(12) {
            return None;
        }
        *count += 1;
        let code = if rng.chance(50) { Code::Busy } else { Code::RateLimited };
        let after = Some(rng.between(50, 900));
        let refused =
            Refused { after_ms: after, retry: Retry::Later, ..Refused::new(code, "not now") };
        found.refused.insert(room, (known.cloned()?, refused.clone()));
        Some(refused)
    }

    /// The change itself.
    pub fn act(
        &mut self,
        user: UserId,
        frame: &ClientFrame,
        known: Option<Seq>,
    ) -> Result<Did, Refused> {
        let data = &mut self.data;
        match frame {
            ClientFrame::Send(send) => {
                let outside = self.wrong == Some(Wrong::DedupOutsideTransaction);
                let known = if outside { known } else { data.sent(user, send.room, &send.key) };
                data.send(user, send, known)
            }
            ClientFrame::Edit { room, key, seq, text, .. } => {
                data.edit(user, *room, key, *seq, text)
            }
            ClientFrame::Delete { room, key, seq, .. } => data.delete(user, *room, key, *seq),
            ClientFrame::React { room, key, seq, emoji, on, .. } => {
                data.react(user, *room, key, (*seq, emoji), *on)
            }
            ClientFrame::Pin { room, key, seq, on, .. } => data.pin(user, *room, key, *seq, *on),
            ClientFrame::Read { room, seq, .. } => data.read(user, *room, *seq),
            ClientFrame::Mine { room, patch, .. } => data.mine(user, *room, patch),
            _ => Ok(Did { room: None, seq: None, own: None, again: false, row: None }),
        }
    }

    /// `call`: joining and leaving.
    pub fn call(&mut self, conn: u64, id: u64, path: &str, body: Option<&serde_json::Value>) {
        let Some(user) = self.conns.get(&conn).map(|c| c.user) else { return };
        let key = body.and_then(|body| body["key"].as_str()).and_then(|key| key.parse().ok());
        let answer = match key {
            Some(key) => self.data.call(user, path, &key),
            None => Err(Refused::new(Code::Invalid, "a key is needed here")),
        };
        let (status, body) = match answer {
            Ok(body) => (if body.is_null() { 204 } else { 200 }, body),
            Err(refused) => (refused.code.status(), serde_json::json!(refused)),
        };
        self.publish();
        self.push(conn, ServerFrame::Answer { id, status, body });
    }

    /// What a connection was told, summed up.
    pub fn digest(&self, conn: u64) -> String {
        let Some(found) = self.conns.get(&conn) else { return String::new() };
        let heads = found.rooms.keys().map(|room| (*room, self.data.rooms[room].head));
        digest(heads, self.data.people[&found.user].head)
    }
}
