//! What the machine hears of the world and what it asks of it. The core's thread and the
//! simulation speak exactly this; sockets, REST and timers stand on the other side.
//!
//! Time is a monotonic count of milliseconds that the caller gives with each input. Keys and wall
//! times come with the intent that needs them, so the same inputs give the same effects.

use crate::error::Fault;
use crate::feed::{Change, FaultView};
use hallway_protocol::error::Refused;
use hallway_protocol::frames::{ClientFrame, MinePatch, Presence, ServerFrame};
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, UserId};
use hallway_protocol::rest::Page;

/// Something happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A person acts; [`Effect::Answer`] with the same `id` answers, after the commit.
    Intent {
        /// The caller's own number.
        id: u64,
        /// What they want.
        intent: Intent,
    },
    /// The link that [`Effect::Connect`] asked for is open; nothing was said on it yet.
    Opened {
        /// Its number.
        link: u64,
    },
    /// The server said something.
    Frame {
        /// On this link; frames of an older one are dropped.
        link: u64,
        /// What.
        frame: ServerFrame,
    },
    /// A sign of life that is no frame (a ping).
    Heard {
        /// On this link.
        link: u64,
    },
    /// The link is gone, or never came to be.
    Closed {
        /// Its number.
        link: u64,
        /// The close code, when the server gave one.
        code: Option<u16>,
    },
    /// How [`Effect::Refresh`] went.
    Refreshed(Refresh),
    /// Answer to [`Effect::Fetch`].
    Fetched {
        /// The number of the question.
        id: u64,
        /// The page, or why there is none.
        page: Result<Page, Refused>,
    },
    /// Time passed: due when the last [`Effect::Wake`] said, and at least every five seconds.
    Tick,
    /// This machine's wall time. It decides nothing alone: a server's clock that leapt while we were
    /// away is not believed against it.
    Wall(Millis),
    /// The OS says that the network changed, or the clock was seen to jump.
    Network,
}

/// How a refresh of the tokens went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refresh {
    /// There are new tokens.
    Renewed,
    /// The server says the session is over.
    Refused,
    /// No server could be asked.
    Unreachable,
}

/// Which message an operation is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A confirmed one.
    Seq(Seq),
    /// One of mine that may still be pending.
    Key(Key),
}

/// What a person wants.
#[derive(Clone, PartialEq, Debug)]
pub enum Intent {
    /// Say something.
    Send {
        /// Where.
        room: RoomId,
        /// Made for this act.
        key: Key,
        /// Wall time, shown while it is pending.
        at: Millis,
        /// What.
        text: String,
        /// What it answers.
        reply: Option<Target>,
        /// The thread it belongs to.
        thread: Option<Seq>,
    },
    /// Change an own message.
    Edit {
        /// Where.
        room: RoomId,
        /// Made for this act.
        key: Key,
        /// Which.
        target: Target,
        /// The new text.
        text: String,
    },
    /// Delete a message.
    Delete {
        /// Where.
        room: RoomId,
        /// Made for this act.
        key: Key,
        /// Which.
        target: Target,
    },
    /// Set or take back an emoji.
    React {
        /// Where.
        room: RoomId,
        /// Made for this act.
        key: Key,
        /// Which.
        target: Target,
        /// What.
        emoji: String,
        /// Set or take back.
        on: bool,
    },
    /// Pin or unpin.
    Pin {
        /// Where.
        room: RoomId,
        /// Made for this act.
        key: Key,
        /// Which.
        target: Target,
        /// Pin or unpin.
        on: bool,
    },
    /// Move the read mark forward.
    Read {
        /// Where.
        room: RoomId,
        /// Made for this act.
        key: Key,
        /// To here.
        seq: Seq,
    },
    /// Change what I keep about a room, the draft included.
    Mine {
        /// Which.
        room: RoomId,
        /// Made for this act.
        key: Key,
        /// What.
        patch: MinePatch,
    },
    /// Enter a public room.
    Join {
        /// Which.
        room: RoomId,
        /// Made for this act.
        key: Key,
    },
    /// Leave a room.
    Leave {
        /// Which.
        room: RoomId,
        /// Made for this act.
        key: Key,
    },
    /// Try a failed operation again, with the same key.
    Retry {
        /// Its key.
        key: Key,
    },
    /// Give an operation up.
    Discard {
        /// Its key.
        key: Key,
    },
    /// The answer to `ask`: what waited over a week shall go.
    SendAnyway,
    /// Make history around a place present; answered when it is, or cannot be.
    Fill(PageRequest),
    /// Be connected, or be not.
    Online(bool),
    /// The rooms on screen.
    Focus(Vec<RoomId>),
    /// Whose presence I want to see.
    Watch {
        /// These people …
        users: Vec<UserId>,
        /// … or those here.
        room: Option<RoomId>,
    },
    /// I am typing.
    Typing(RoomId),
    /// My own presence.
    Presence(Presence),
    /// What the server calls itself, to be kept.
    ServerName(String),
    /// The person signed in again: tokens are there.
    SignedIn,
}

/// A page of history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRequest {
    /// Of this room.
    pub room: RoomId,
    /// Where it lies.
    pub place: Place,
    /// How many messages, at most.
    pub limit: usize,
    /// It must be read at or after this head (the engine sets it).
    pub fresh: Seq,
}

/// Where a page lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Below, exclusive.
    Before(Seq),
    /// Above, exclusive.
    After(Seq),
    /// On both sides.
    Around(Seq),
}

/// What the machine asks for, in order; everything it wrote is committed before.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open a link: answered by `Opened`, or `Closed`. Only the newest link is ever used.
    Connect {
        /// Its number.
        link: u64,
    },
    /// Say this on the link. The access token of `hello` is put in by whoever holds it.
    Send {
        /// On this one.
        link: u64,
        /// What.
        frame: ClientFrame,
    },
    /// Close the link; no `Closed` is awaited.
    Close {
        /// Its number.
        link: u64,
    },
    /// Get new tokens: answered by `Refreshed`.
    Refresh,
    /// Ask REST for a page: answered by `Fetched`.
    Fetch {
        /// The number of the question.
        id: u64,
        /// Which page.
        request: PageRequest,
    },
    /// Give a `Tick` then (monotonic milliseconds); replaces what was asked before.
    Wake {
        /// When.
        at: i64,
    },
    /// Answers an intent, after its commit.
    Answer {
        /// The intent's number.
        id: u64,
        /// What came of it.
        result: Result<(), Fault>,
    },
    /// A join or leave was refused for good, and is not in the outbox any more.
    Refused {
        /// Its key.
        key: Key,
        /// It was a join.
        joins: bool,
        /// Why.
        why: FaultView,
    },
    /// The window shows this.
    Change(Change),
    /// The session is over: ask for the password. Store and outbox stay.
    SignedOut,
    /// Thrown out: delete store and key.
    Erase,
    /// The store cannot be trusted any more: set it aside and make a new one.
    Damaged {
        /// What SQLite said.
        why: String,
    },
}
