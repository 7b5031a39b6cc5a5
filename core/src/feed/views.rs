//! Views: rooms, messages and people as a person reads them.

use crate::markup::{self, Piece};
use hallway_protocol::ids::{Millis, RoomId, Seq, UserId};
use hallway_protocol::rows::{File, History, MessageKind, Notify, Role, RoomKind, Visibility};
use serde::{Deserialize, Serialize};

/// A room as its member sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RoomView {
    /// Which.
    pub room: RoomId,
    /// Direct, group, channel.
    pub kind: RoomKind,
    /// Its name; of a direct room the others' names.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Who finds it.
    pub visibility: Visibility,
    /// How far back a newcomer reads.
    pub history: History,
    /// My role.
    pub role: Role,
    /// Direct rooms: the others.
    pub people: Vec<UserId>,
    /// Unread messages, to 100.
    pub unread: i64,
    /// Those that concern me.
    pub mentions: i64,
    /// Marked unread by hand.
    pub unread_mark: bool,
    /// Which messages call for me.
    pub notify: Notify,
    /// Quiet until then.
    pub muted_until: Option<Millis>,
    /// Kept at the top.
    pub favourite: bool,
    /// Text begun and not sent.
    pub draft: Option<String>,
    /// My read mark.
    pub read: Seq,
    /// The last change known.
    pub head: Seq,
    /// When something was last said.
    pub last_at: Millis,
    /// Unsent messages.
    pub pending: usize,
    /// Messages that were refused.
    pub failed: usize,
    /// `left`, `removed`, `deleted`: kept only for the unsent texts in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
}

/// A message as a person sees it: the confirmed row under the pending operations.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageView {
    /// Which it is on the screen, pending and sent. Mine: its key; others' and notices of the room:
    /// `room:seq`, because a key is only its sender's own and another may have used the same.
    pub id: String,
    /// Its key; `room:seq` for notices of the room.
    pub key: String,
    /// Where.
    pub room: RoomId,
    /// Absent while pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// Ordinal among countable messages; 0 while pending.
    pub n: i64,
    /// Who.
    pub sender: UserId,
    /// When, for display.
    pub at: Millis,
    /// Text or system notice.
    pub kind: MessageKind,
    /// What.
    pub text: String,
    /// The same as it is drawn; empty where it is not drawn as Markdown, or not drawn at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Piece>,
    /// What it answers.
    pub reply: Option<ReplyView>,
    /// First message of its thread.
    pub thread: Option<Seq>,
    /// How the thread stands that it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies: Option<ThreadView>,
    /// Attached files.
    pub files: Vec<File>,
    /// Its text was changed.
    pub edited: bool,
    /// It is a tombstone.
    pub deleted: bool,
    /// It is pinned.
    pub pinned: bool,
    /// Whom it names.
    pub mentions: Vec<UserId>,
    /// It names everyone.
    pub everyone: bool,
    /// Free data, or what a system notice says.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// Emoji and who set them.
    pub reactions: Vec<ReactionView>,
    /// Absent when confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Pending>,
    /// Why it failed.
    pub error: Option<FaultView>,
    /// The key of the change of it that failed: by it that is tried again or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// An edit or deletion of it is on the way.
    pub pending_edit: bool,
}

impl MessageView {
    /// The same with its text as it is drawn. Whoever only looks for words does without.
    #[must_use]
    pub(crate) fn drawn(self) -> Self {
        let said = self.kind == MessageKind::Text && !self.deleted;
        let body = if said { markup::tree(&self.text) } else { Vec::new() };
        MessageView { body, ..self }
    }
}

/// How an unconfirmed message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    /// Will go when there is a link.
    Queued,
    /// Needs another message to arrive first.
    Blocked,
    /// On its way.
    Sending,
    /// The server asked to wait, or the person is being asked.
    Waiting,
    /// Refused: retry, edit or discard.
    Failed,
}

/// The answered message in one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplyView {
    /// Which.
    pub seq: Seq,
    /// Who; 0 when it is not here.
    pub sender: UserId,
    /// What.
    pub text: String,
    /// It is a tombstone.
    pub deleted: bool,
}

/// A thread in one line, as far as it is held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ThreadView {
    /// How many answers.
    pub count: i64,
    /// The last one.
    pub last: Seq,
    /// When that was said.
    pub at: Millis,
    /// Who said it.
    pub last_sender: UserId,
}

/// One emoji of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReactionView {
    /// Which.
    pub emoji: String,
    /// Who.
    pub users: Vec<UserId>,
    /// I am among them.
    pub mine: bool,
}

/// Why an operation failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FaultView {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonView {
    /// Who.
    pub user: UserId,
    /// User name.
    pub name: String,
    /// As others see them.
    pub display_name: String,
    /// Media id of the picture.
    pub avatar: Option<String>,
    /// Status text.
    pub status: String,
    /// It is a program.
    pub bot: bool,
    /// It came by a room code alone.
    pub guest: bool,
    /// The account is closed.
    pub deleted: bool,
}

/// What a person is told outside the window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// Whose.
    pub account: String,
    /// The room it opens.
    pub room: RoomId,
    /// The message it opens.
    pub seq: Seq,
    /// Its key.
    pub key: String,
    /// The room's name, or the sender's in a direct room.
    pub title: String,
    /// Who said it.
    pub sender: String,
    /// What was said; empty in a summary.
    pub body: String,
    /// Stands for several that are no longer news.
    pub summary: bool,
    /// How many messages it stands for.
    pub count: i64,
}

/// A part of a room's history.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Timeline {
    /// Oldest first; pending ones last.
    pub rows: Vec<MessageView>,
    /// The people named.
    pub people: Vec<PersonView>,
    /// There is older history.
    pub more_before: bool,
    /// There is newer history.
    pub more_after: bool,
    /// My read mark.
    pub read: Seq,
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Found {
    /// Newest first.
    pub items: Vec<Hit>,
    /// There are more.
    pub more: bool,
}

/// One message found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hit {
    /// The message.
    pub message: MessageView,
    /// Where the words stand, `[start, end)` in characters.
    pub ranges: Vec<(usize, usize)>,
}

/// Members of a room.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Members {
    /// Who and what they may.
    pub rows: Vec<MemberView>,
    /// Who they are.
    pub people: Vec<PersonView>,
}

/// One member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MemberView {
    /// Who.
    pub user: UserId,
    /// What they may.
    pub role: Role,
}
