//! One operation of the outbox: what a person did that the server has not confirmed yet. What it
//! says on the wire follows from its stored columns alone, so the bytes of an attempt are the
//! bytes of every later one.

use crate::feed::FaultView;
use hallway_protocol::frames::{ClientFrame, MinePatch, Send};
use hallway_protocol::ids::{Key, Millis, RoomId, Seq};
use serde::{Deserialize, Serialize};

/// What a message does to the room's draft. It is decided when the message is first said, and is one
/// of its bytes from then on; those written by earlier versions cleared whatever stood.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draft {
    /// It was written in this one, which goes with it if it still stands by then.
    Over(String),
    /// It clears it: this one, where that is known.
    Cleared(Option<String>),
    /// It leaves it alone.
    Kept,
}

impl Default for Draft {
    fn default() -> Self {
        Draft::Cleared(None)
    }
}

impl Draft {
    /// What one that is written while `draft` stands does to it.
    pub fn over(draft: Option<String>) -> Self {
        draft.map_or(Draft::Kept, Draft::Over)
    }

    /// The draft it was written in, as far as that is known and it takes it along.
    pub fn taken(&self) -> Option<&str> {
        match self {
            Draft::Over(draft) | Draft::Cleared(Some(draft)) => Some(draft),
            Draft::Cleared(None) | Draft::Kept => None,
        }
    }
}

/// What is done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Says something.
    Send {
        /// What.
        text: String,
        /// What it answers.
        #[serde(default)]
        reply: Option<Seq>,
        /// The thread it belongs to.
        #[serde(default)]
        thread: Option<Seq>,
        /// What becomes of the draft.
        #[serde(default)]
        draft: Draft,
    },
    /// Changes a text.
    Edit {
        /// The new one.
        text: String,
    },
    /// Leaves a tombstone.
    Delete,
    /// Sets or takes back an emoji.
    React {
        /// Which.
        emoji: String,
        /// Set or take back.
        on: bool,
    },
    /// Pins or unpins.
    Pin {
        /// Pin or unpin.
        on: bool,
    },
    /// Moves the read mark.
    Read {
        /// To here.
        seq: Seq,
    },
    /// Changes what I keep about the room.
    Mine {
        /// What.
        patch: MinePatch,
    },
    /// Enters the room.
    Join,
    /// Leaves the room.
    Leave,
}

impl Act {
    /// The word in the store's `kind` column.
    pub fn kind(&self) -> &'static str {
        match self {
            Act::Send { .. } => "send",
            Act::Edit { .. } => "edit",
            Act::Delete => "delete",
            Act::React { .. } => "react",
            Act::Pin { .. } => "pin",
            Act::Read { .. } => "read",
            Act::Mine { .. } => "mine",
            Act::Join => "join",
            Act::Leave => "leave",
        }
    }
}

/// Where an operation stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Goes as soon as it may.
    Queued,
    /// Needs another operation to be confirmed first.
    Blocked,
    /// Said on the link, unanswered.
    Sending,
    /// The server asked to wait.
    Waiting,
    /// Refused for good, until the person acts.
    Failed,
    /// Done on the server; its effect is shown until its row arrives.
    Settled,
}

impl State {
    /// The word in the store's `state` column.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Blocked => "blocked",
            State::Sending => "sending",
            State::Waiting => "waiting",
            State::Failed => "failed",
            State::Settled => "settled",
        }
    }

    /// The state of a stored word; what was under way when the program ended is queued again.
    pub fn stored(word: &str) -> Self {
        match word {
            "blocked" => State::Blocked,
            "failed" => State::Failed,
            "settled" => State::Settled,
            _ => State::Queued,
        }
    }
}

/// One operation.
#[derive(Clone, PartialEq, Debug)]
pub struct Op {
    /// Its place: ascending in the order in which the person acted.
    pub op: i64,
    /// The idempotency key.
    pub key: Key,
    /// The room it concerns.
    pub room: RoomId,
    /// What it does.
    pub act: Act,
    /// The message it concerns, once confirmed.
    pub target: Option<Seq>,
    /// The operation that must be confirmed first.
    pub needs: Option<Key>,
    /// Where it stands.
    pub state: State,
    /// How often it was said; written before it is said.
    pub attempts: u32,
    /// Why it failed or waits.
    pub error: Option<FaultView>,
    /// Wall time of the act, for display.
    pub at: Millis,
    /// Server time of the act, or of the first contact after it.
    pub born: Option<Millis>,
    /// Own log position at which a settled one is done with.
    pub settle: Option<Seq>,
    /// Monotonic time before which a waiting one stays.
    pub not_before: i64,
}

impl Op {
    /// It was never said: its content may still change.
    pub fn is_fresh(&self) -> bool {
        self.attempts == 0
    }

    /// It is a message.
    pub fn is_send(&self) -> bool {
        matches!(self.act, Act::Send { .. })
    }

    /// What it does to the room's draft, if it is a message.
    pub fn draft(&self) -> Option<&Draft> {
        if let Act::Send { draft, .. } = &self.act { Some(draft) } else { None }
    }

    /// Decides what a message does to it.
    pub fn set_draft(&mut self, decided: Draft) {
        if let Act::Send { draft, .. } = &mut self.act {
            *draft = decided;
        }
    }

    /// The word it says about the room's draft, if it says one; the inner none: there is none.
    pub fn word(&self) -> Option<Option<&str>> {
        match &self.act {
            Act::Mine { patch } if self.state != State::Failed => {
                patch.draft.as_ref().map(Option::as_deref)
            }
            _ => None,
        }
    }

    /// A message under which this draft is not one any more: it goes, or went, with it.
    pub fn hides(&self, shown: &str) -> bool {
        match self.draft() {
            Some(Draft::Cleared(None)) => self.state != State::Failed,
            Some(draft) => draft.taken() == Some(shown),
            None => false,
        }
    }

    /// It may yet be done without the person.
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, State::Failed | State::Settled)
    }

    /// It concerns this target: a confirmed message, or one that waits with this key.
    pub fn concerns(&self, seq: Option<Seq>, key: Option<&Key>) -> bool {
        !self.is_send()
            && (seq.is_some() && self.target == seq || key.is_some() && self.needs.as_ref() == key)
    }

    /// What it says, as command `id`.
    pub fn frame(&self, id: u64) -> ClientFrame {
        let (room, key) = (self.room, self.key.clone());
        let seq = self.target.unwrap_or(0);
        match self.act.clone() {
            Act::Send { text, reply, thread, draft } => ClientFrame::Send(Send {
                id,
                room,
                key,
                text,
                reply,
                thread,
                files: Vec::new(),
                meta: serde_json::Map::new(),
                clears_draft: matches!(draft, Draft::Cleared(_)),
            }),
            Act::Edit { text } => ClientFrame::Edit { id, room, key, seq, text },
            Act::Delete => ClientFrame::Delete { id, room, key, seq },
            Act::React { emoji, on } => ClientFrame::React { id, room, key, seq, emoji, on },
            Act::Pin { on } => ClientFrame::Pin { id, room, key, seq, on },
            Act::Read { seq } => ClientFrame::Read { id, room, seq },
            Act::Mine { patch } => ClientFrame::Mine { id, room, patch },
            Act::Join => call(id, format!("/rooms/{room}/join"), &key),
            Act::Leave => call(id, format!("/rooms/{room}/leave"), &key),
        }
    }
}

fn call(id: u64, path: String, key: &Key) -> ClientFrame {
    let body = serde_json::json!({ "key": key });
    let key = Some(key.clone());
    ClientFrame::Call { id, method: "POST".into(), path, body: Some(body), key }
}
