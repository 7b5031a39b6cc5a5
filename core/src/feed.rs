//! What the window (or any other user of the core) sees: views, and the changes that keep them
//! true. A view is what a person reads, confirmed rows overlaid by pending operations; it is made
//! from the store after each commit, so the feed never runs ahead of the disk.

mod pipe;
mod views;

pub use pipe::Feed;
pub(crate) use pipe::{Teller, pipe};
pub use views::{
    FaultView, Found, Hit, MemberView, Members, MessageView, Notice, Pending, PersonView,
    ReactionView, ReplyView, RoomView, ThreadView, Timeline,
};

use hallway_protocol::frames::Presence;
use hallway_protocol::ids::{Millis, RoomId, Seq, UserId};
use hallway_protocol::rows::TenantRole;
use serde::{Deserialize, Serialize};

/// One thing that changed; `account` says for whom.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Change {
    /// An account appeared or changed its state.
    Account {
        /// Whose.
        account: Account,
    },
    /// An account is no longer on this device.
    AccountGone {
        /// Whose.
        account: String,
    },
    /// How the link stands.
    Connection(Connection),
    /// A room appeared or changed.
    Room {
        /// Whose.
        account: String,
        /// The room.
        room: RoomView,
    },
    /// A room is gone.
    RoomGone {
        /// Whose.
        account: String,
        /// Which.
        room: RoomId,
        /// `left`, `removed` or `deleted`.
        why: String,
    },
    /// Messages appeared or changed; keyed by `id`.
    Messages {
        /// Whose.
        account: String,
        /// Where.
        room: RoomId,
        /// Which.
        rows: Vec<MessageView>,
    },
    /// A message is no longer to be seen.
    MessageGone {
        /// Whose.
        account: String,
        /// Where.
        room: RoomId,
        /// Its `id`.
        key: String,
    },
    /// A person appeared or changed.
    Person {
        /// Whose.
        account: String,
        /// Who.
        person: PersonView,
    },
    /// Who types: the whole list each time.
    Typing {
        /// Whose.
        account: String,
        /// Where.
        room: RoomId,
        /// Who.
        users: Vec<UserId>,
    },
    /// Who is there, of those watched.
    Presence {
        /// Whose.
        account: String,
        /// Who and how.
        users: Vec<(UserId, Presence)>,
    },
    /// Marks that moved: `[user, read, delivered]`.
    Receipts {
        /// Whose.
        account: String,
        /// Where.
        room: RoomId,
        /// The marks.
        marks: Vec<(UserId, Seq, Seq)>,
    },
    /// What waits to be sent.
    Outbox {
        /// Whose.
        account: String,
        /// How many wait.
        waiting: usize,
        /// How many failed.
        failed: usize,
        /// After a week away: ask before they go.
        ask: bool,
    },
    /// Tell the person.
    Notice(Notice),
    /// What was told is read: take it back up to here.
    NoticeGone {
        /// Whose.
        account: String,
        /// Where.
        room: RoomId,
        /// Up to this message.
        up_to: Seq,
    },
    /// A message that may have been told is deleted, or no longer mine to see: take its notice back.
    NoticeOver {
        /// Whose.
        account: String,
        /// Where.
        room: RoomId,
        /// Which message.
        seq: Seq,
    },
    /// Nobody read for so long that changes were dropped: everything shown is to be read anew.
    Missed,
    /// Something a person must know of.
    Problem {
        /// Whose; null for the whole app.
        account: Option<String>,
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
}

/// An account on this device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Random, of this device alone.
    pub id: String,
    /// Address of the server.
    pub server: String,
    /// Its name, for people.
    pub server_name: String,
    /// Who I am there.
    pub user: UserId,
    /// My user name.
    pub name: String,
    /// As others see me.
    pub display_name: String,
    /// What I may do in the tenant.
    pub role: TenantRole,
    /// How it stands.
    pub state: AccountState,
    /// Why it cannot be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<FaultView>,
}

/// How an account stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Usable.
    Open,
    /// The session is over: the password is needed. Store and outbox are there.
    SignedOut,
    /// The key cannot be had: the store is untouched.
    Locked,
    /// Ended from elsewhere: store and key are deleted.
    ThrownOut,
}

/// How the link of an account stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Whose.
    pub account: String,
    /// In one word.
    pub state: LinkState,
    /// Since when, wall time, for display.
    pub since: Millis,
    /// Milliseconds until the next attempt.
    pub retry_ms: Option<i64>,
    /// Why it is not live, for people.
    pub why: Option<String>,
}

/// How a link stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// No link.
    #[default]
    Offline,
    /// On the way, up to `welcome`.
    Connecting,
    /// Welcomed; what was missed is coming.
    CatchingUp,
    /// Everything held is current.
    Live,
    /// The password is needed first.
    SignedOut,
}
