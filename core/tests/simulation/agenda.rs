//! Virtual time: what happens next, in the order of its moment; what happens at one moment, in the
//! order in which it was decided.

use crate::reading::Pull;
use hallway_core::world::PageRequest;
use hallway_protocol::error::Refused;
use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::ids::RoomId;
use hallway_protocol::rest::Page;
use std::collections::BTreeMap;

/// One life of one client: what was meant for an earlier one is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    pub client: usize,
    pub life: u32,
}

/// Something that will happen.
#[derive(Clone, Debug)]
pub enum Ev {
    /// Somebody does something, or something breaks.
    Act,
    /// A link is asked for.
    Open(Life, u64),
    /// A frame reaches the server.
    Arrive(u64, ClientFrame),
    /// The server does the next command of a connection.
    Exec(u64),
    /// The server has read the heads.
    Welcome(u64),
    /// The server reads the next part of a replay.
    Part(u64, Pull),
    /// What was read a while ago is said, and then the rest of a replay is read.
    Say(u64, Box<ServerFrame>, Option<Pull>),
    /// The next frame reaches the client.
    Deliver(u64),
    /// The client hears that its link is gone.
    Closed(Life, u64, Option<u16>),
    /// The server hears that a connection is gone.
    Forget(u64),
    /// A client asked to be woken.
    Tick(Life, i64),
    /// A question reaches REST.
    Ask(Life, u64, PageRequest),
    /// Its answer reaches the client.
    Page(Life, u64, Box<Result<Page, Refused>>),
    /// A client's program starts again.
    Restart(usize),
    /// A client's network is back.
    NetUp(usize),
    /// The server's program starts again.
    ServerUp,
    /// A person scrolls up while the room is catching up, this often more.
    Peek(Life, RoomId, u32),
    /// The server says that it lives.
    Heartbeat(u64),
}

/// What will happen, and when it is.
#[derive(Debug, Default)]
pub struct Agenda {
    pub now: i64,
    tie: u64,
    queue: BTreeMap<(i64, u64), Ev>,
}

impl Agenda {
    /// `ev` happens `after` milliseconds from now.
    pub fn after(&mut self, after: i64, ev: Ev) {
        self.at(self.now + after, ev);
    }

    /// `ev` happens at `at`.
    pub fn at(&mut self, at: i64, ev: Ev) {
        self.tie += 1;
        self.queue.insert((at.max(self.now), self.tie), ev);
    }

    /// The next thing not after `until`; time moves to it.
    pub fn next(&mut self, until: i64) -> Option<Ev> {
        let (at, _) = *self.queue.keys().next().filter(|(at, _)| *at <= until)?;
        self.now = at;
        self.queue.pop_first().map(|(_, ev)| ev)
    }
}
