//! What a window would show: the feed's changes, applied by key, and nothing else. It reads the
//! same JSON that the window reads, so a change of its shape shows here first.

use hallway_protocol::ids::{RoomId, Seq, UserId};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The screen of one device: written by whoever reads its feed, watched by the story.
#[derive(Clone)]
pub struct Glass(watch::Sender<Screen>);

impl Default for Glass {
    fn default() -> Self {
        Glass(watch::Sender::new(Screen::default()))
    }
}

impl Glass {
    /// Applies a batch of the feed at once.
    pub fn apply(&self, changes: &[Value]) {
        self.0.send_modify(|screen| changes.iter().for_each(|change| screen.apply(change)));
    }

    /// Puts a timeline on it.
    pub fn put(&self, room: RoomId, rows: &Value) {
        self.0.send_modify(|screen| screen.put(Some(room.0), rows));
    }

    /// What it shows now.
    pub fn now(&self) -> Screen {
        self.0.borrow().clone()
    }

    /// Tells of each change.
    pub fn changes(&self) -> watch::Receiver<Screen> {
        self.0.subscribe()
    }

    /// Waits until `seen` makes something of it.
    pub async fn until<T>(&self, what: &str, mut seen: impl FnMut(&Screen) -> Option<T>) -> T {
        let mut changes = self.0.subscribe();
        let task = async {
            loop {
                if let Some(found) = seen(&changes.borrow_and_update()) {
                    return found;
                }
                changes.changed().await.expect("this glass keeps the sender");
            }
        };
        match tokio::time::timeout(crate::wait::SOON, task).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain: {what}; the screen shows {:#?}", self.now()),
        }
    }

    /// Waits until `is` holds.
    pub async fn shows(&self, what: &str, is: impl Fn(&Screen) -> bool) {
        self.until(what, |screen| is(screen).then_some(())).await;
    }
}

/// A message as somebody sees it. Equal lines look equal: pending state and own marks are left out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// Position; none while pending.
    pub seq: Option<Seq>,
    /// Whose.
    pub sender: i64,
    /// What.
    pub text: String,
    /// Its text has been changed.
    pub edited: bool,
    /// It is a tombstone.
    pub deleted: bool,
    /// Emoji and who set it.
    pub reactions: Vec<(String, Vec<i64>)>,
}

/// One room on the screen.
#[derive(Clone, Default, Debug)]
struct View {
    room: Value,
    /// By key, with the order in which pending ones came.
    messages: BTreeMap<String, (u64, Value)>,
    typing: Vec<i64>,
    receipts: BTreeMap<i64, (i64, i64)>,
}

/// Everything the feed has said so far.
#[derive(Clone, Default, Debug)]
pub struct Screen {
    rooms: BTreeMap<i64, View>,
    /// `live`, `offline` and so on.
    pub connection: String,
    /// Of the account itself: `open`, `signed_out`, `thrown_out`.
    pub account: String,
    /// The last `outbox` change.
    pub outbox: Value,
    /// Notices shown, in order.
    pub notices: Vec<Value>,
    /// Codes of the problems told.
    pub problems: Vec<String>,
    /// Rooms that went, and why.
    pub gone: BTreeMap<i64, String>,
    /// The last presence told of each person.
    pub presence: BTreeMap<i64, String>,
    order: u64,
}

impl Screen {
    /// Applies one change. A kind it does not know is a failure: the plan of the feed is closed.
    pub fn apply(&mut self, change: &Value) {
        let room = change["room"].as_i64().or_else(|| change["room"]["room"].as_i64());
        match change["what"].as_str().expect("a change says what it is") {
            "account" => self.account = text(&change["account"]["state"]),
            "connection" => self.connection = text(&change["state"]),
            "room" => self.view(room).room = change["room"].clone(),
            "room_gone" => {
                let room = room.expect("it names the room");
                self.rooms.remove(&room);
                self.gone.insert(room, text(&change["why"]));
            }
            "messages" => self.put(room, &change["rows"]),
            "message_gone" => {
                self.view(room).messages.remove(&text(&change["key"]));
            }
            "typing" => self.view(room).typing = ids(&change["users"]),
            "outbox" => self.outbox = change.clone(),
            "notice" => self.notices.push(change.clone()),
            "problem" => self.problems.push(text(&change["code"])),
            "presence" => {
                for pair in change["users"].as_array().into_iter().flatten() {
                    let user = pair[0].as_i64().expect("a presence names a person");
                    self.presence.insert(user, text(&pair[1]));
                }
            }
            "account_gone" => self.account = "gone".into(),
            "receipts" => {
                for mark in change["marks"].as_array().into_iter().flatten() {
                    let user = mark[0].as_i64().expect("a receipt names a person");
                    self.view(room).receipts.insert(user, (num(&mark[1]), num(&mark[2])));
                }
            }
            "notice_gone" => {
                let read = |notice: &Value| {
                    notice["room"] == change["room"] && num(&notice["seq"]) <= num(&change["up_to"])
                };
                self.notices.retain(|notice| !read(notice));
            }
            "notice_over" => {
                let over = |notice: &Value| {
                    notice["room"] == change["room"] && notice["seq"] == change["seq"]
                };
                self.notices.retain(|notice| !over(notice));
            }
            "person" => {}
            other => panic!("the feed said {other:?}, which no window knows: {change}"),
        }
    }

    /// Puts the rows of a timeline on the screen, as a window does that opens a room.
    pub fn put(&mut self, room: Option<i64>, rows: &Value) {
        for row in rows.as_array().into_iter().flatten() {
            self.order += 1;
            let order = self.order;
            let messages = &mut self.view(room).messages;
            let slot = messages.entry(text(&row["id"])).or_insert((order, Value::Null));
            slot.1 = row.clone();
        }
    }

    fn view(&mut self, room: Option<i64>) -> &mut View {
        self.rooms.entry(room.expect("the change names a room")).or_default()
    }

    /// The rooms in the list.
    pub fn rooms(&self) -> Vec<RoomId> {
        let known = self.rooms.iter().filter(|(_, view)| !view.room.is_null());
        known.map(|(&room, _)| RoomId(room)).collect()
    }

    /// The room's own line in the list; null when it is not there.
    pub fn room(&self, room: RoomId) -> Value {
        self.rooms.get(&room.0).map_or(Value::Null, |view| view.room.clone())
    }

    /// Who types there.
    pub fn typing(&self, room: RoomId) -> Vec<i64> {
        self.rooms.get(&room.0).map_or_else(Vec::new, |view| view.typing.clone())
    }

    /// How far somebody has read and received there, as told while it was open.
    pub fn receipt(&self, room: RoomId, user: UserId) -> (Seq, Seq) {
        self.rooms
            .get(&room.0)
            .and_then(|view| view.receipts.get(&user.0))
            .copied()
            .unwrap_or((0, 0))
    }

    /// The messages of people, confirmed ones by `seq`, then the pending.
    pub fn shows(&self, room: RoomId) -> Vec<Line> {
        self.messages(room).iter().filter(|row| row["kind"] != "system").map(line).collect()
    }

    /// The raw views in the same order, system notices included.
    pub fn messages(&self, room: RoomId) -> Vec<Value> {
        let Some(view) = self.rooms.get(&room.0) else { return Vec::new() };
        let mut rows: Vec<_> = view.messages.values().collect();
        rows.sort_by_key(|(order, row)| match row["seq"].as_i64() {
            Some(seq) => (0, seq),
            None => (1, i64::try_from(*order).unwrap_or(i64::MAX)),
        });
        rows.into_iter().map(|(_, row)| row.clone()).collect()
    }

    /// The message that says `text`, if it is there.
    pub fn finds(&self, room: RoomId, text: &str) -> Option<Value> {
        self.messages(room).into_iter().find(|row| row["text"] == text)
    }
}

/// A view as a line.
#[must_use]
pub fn line(row: &Value) -> Line {
    let mut reactions: Vec<_> = row["reactions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let mut users = ids(&one["users"]);
            users.sort_unstable();
            (text(&one["emoji"]), users)
        })
        .filter(|(_, users)| !users.is_empty())
        .collect();
    reactions.sort();
    Line {
        seq: row["seq"].as_i64(),
        sender: row["sender"].as_i64().unwrap_or_default(),
        text: text(&row["text"]),
        edited: row["edited"].as_bool().unwrap_or_default(),
        deleted: row["deleted"].as_bool().unwrap_or_default(),
        reactions,
    }
}

fn num(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_i64).collect()
}
