//! What a step writes, and what that touched.

use crate::notify::{self, News};
use crate::op::Op;
use crate::room::Mark;
use hallway_protocol::frames::Head;
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::rows::Row;
use std::collections::{BTreeMap, BTreeSet};

/// One write of a step; all of a step's are one transaction.
#[derive(Clone, Debug)]
pub enum Write {
    /// Rows of room logs and people.
    Rows {
        /// The rows.
        rows: Vec<Row>,
        /// Whether they may call for the person.
        news: News,
    },
    /// Where a room stands; `covered` when that changed too.
    Mark {
        /// Which.
        room: RoomId,
        /// The facts.
        mark: Mark,
        /// The ranges.
        covered: Option<Vec<(Seq, Seq)>>,
    },
    /// The server counted.
    Counted(Head),
    /// In this range the rows just written are all there are, as of that head.
    Whole {
        /// Which room.
        room: RoomId,
        /// First of the range.
        lo: Seq,
        /// Last of the range.
        hi: Seq,
        /// The head at which it was read.
        as_of: Seq,
        /// The messages in it.
        messages: BTreeSet<Seq>,
        /// The reactions that are on.
        reactions: BTreeSet<(Seq, UserId, String)>,
    },
    /// What is held of the room is no longer known to be the server's.
    Distrust {
        /// Which room.
        room: RoomId,
        /// Versions past this one are of another history.
        to: Seq,
    },
    /// Nothing below is mine to see.
    Cut {
        /// Which room.
        room: RoomId,
        /// The lowest that is.
        min_seq: Seq,
    },
    /// I am not in the room any more.
    Gone {
        /// Which room.
        room: RoomId,
        /// `left`, `removed` or `deleted`.
        why: &'static str,
    },
    /// I was not let into the room, and unsent texts wait in it.
    Outside(RoomId),
    /// The server has my read mark at least here.
    ReadMark {
        /// Which room.
        room: RoomId,
        /// The mark.
        seq: Seq,
    },
    /// How far others have read and received.
    Receipts {
        /// Which room.
        room: RoomId,
        /// `[user, read, delivered]`.
        marks: Vec<(UserId, Seq, Seq)>,
    },
    /// An operation as it stands.
    Put(Op),
    /// An operation that is gone.
    Remove(i64),
    /// A fact of the whole store.
    Set(&'static str, String),
    /// Another data set: what is past each room's `base` was never said.
    Epoch {
        /// Its name.
        epoch: String,
        /// Where each room stood when it began.
        heads: Vec<(RoomId, Seq)>,
    },
}

impl Write {
    /// Whether the person was told of it: such a step is on disk before it is answered.
    pub(crate) fn is_promise(&self) -> bool {
        matches!(self, Write::Put(_) | Write::Remove(_) | Write::Epoch { .. })
    }
}

/// What a step changed, for the feed.
#[derive(Debug, Default)]
pub struct Touched {
    /// Messages to draw again.
    pub messages: BTreeMap<RoomId, BTreeSet<Seq>>,
    /// Messages out of view.
    pub hidden: Vec<(RoomId, String)>,
    /// Rooms to draw again.
    pub rooms: BTreeSet<RoomId>,
    /// Keys of unconfirmed messages to draw again, or to take off the screen.
    pub unsent: BTreeSet<String>,
    /// All of them, for what holds them back changed.
    pub all_unsent: bool,
    /// Rooms that are gone.
    pub gone: Vec<(RoomId, &'static str)>,
    /// People to draw again.
    pub users: BTreeSet<UserId>,
    /// Messages that may call for the person.
    pub fresh: Vec<notify::Fresh>,
    /// Messages that do.
    pub notices: Vec<notify::Call>,
    /// Read marks that rose: what was told is read.
    pub read: BTreeMap<RoomId, Seq>,
    /// Messages of others that are not there to be read any more: what was told of them goes.
    pub over: BTreeSet<(RoomId, Seq)>,
}

impl Touched {
    pub(crate) fn message(&mut self, room: RoomId, seq: Seq) {
        self.messages.entry(room).or_default().insert(seq);
        self.rooms.insert(room);
    }

    /// What was touched before, and this.
    pub(crate) fn add(&mut self, later: Touched) {
        for (room, seqs) in later.messages {
            self.messages.entry(room).or_default().extend(seqs);
        }
        for (room, seq) in later.read {
            let read = self.read.entry(room).or_default();
            *read = seq.max(*read);
        }
        self.over.extend(later.over);
        self.hidden.extend(later.hidden);
        self.rooms.extend(later.rooms);
        self.unsent.extend(later.unsent);
        self.all_unsent |= later.all_unsent;
        self.gone.extend(later.gone);
        self.users.extend(later.users);
        self.fresh.extend(later.fresh);
        self.notices.extend(later.notices);
    }
}
