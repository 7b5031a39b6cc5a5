//! What the server has on disk, and what changes it: rooms with their logs, people with theirs,
//! keys. Written from the protocol page alone.

use crate::rooms::{RoomData, Spot, blank_mine, notice};
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::MinePatch;
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rows::*;
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// A person and their own log.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: User,
    pub head: Seq,
    pub mine: BTreeMap<RoomId, Mine>,
    /// Since when (own log) each room is as it is; entering again begins anew.
    pub device: SessionRow,
}

/// What leaves after the commit.
#[derive(Clone, Debug)]
pub enum Out {
    Event { room: RoomId, seq: Seq, rows: Vec<Row>, enter: Vec<UserId>, leave: Vec<UserId> },
    Own { user: UserId, since: Seq },
    Users { user: UserId },
}

/// What `ok` says beside the command's id.
#[derive(Clone, Debug)]
pub struct Did {
    pub room: Option<RoomId>,
    pub seq: Option<Seq>,
    pub own: Option<Seq>,
    pub again: bool,
    pub row: Option<Row>,
}

/// A key that was done: what for, and with which number.
#[derive(Clone, Debug)]
pub struct DoneOp {
    pub what: String,
    pub seq: Seq,
}

/// All of it. A copy is a backup.
#[derive(Clone, Debug, Default)]
pub struct Data {
    pub rooms: BTreeMap<RoomId, RoomData>,
    pub people: BTreeMap<UserId, Person>,
    pub ops: BTreeMap<(UserId, Key), DoneOp>,
    /// Epochs, oldest first, each with the heads at which it began.
    pub epochs: Vec<(String, BTreeMap<RoomId, Seq>)>,
    pub outs: Vec<Out>,
    /// Drafts that a message took along, until another word is said of them.
    pub cleared: BTreeMap<(UserId, RoomId), (Key, String)>,
    /// A key that became two messages.
    pub twice: Option<String>,
    pub now: i64,
}

type Result<T> = std::result::Result<T, Refused>;

pub fn not_found(what: &str) -> Refused {
    Refused::new(Code::NotFound, format!("there is no such {what}"))
}

impl Data {
    fn room(&mut self, room: RoomId) -> Result<&mut RoomData> {
        self.rooms.get_mut(&room).filter(|r| !r.row.deleted).ok_or_else(|| not_found("room"))
    }

    /// The room, if this person may change things in it.
    fn entered(&mut self, who: UserId, room: RoomId) -> Result<&mut RoomData> {
        let found = self.room(room)?;
        match found.is_member(who) {
            true => Ok(found),
            false if found.row.visibility == Visibility::Public => {
                Err(Refused::new(Code::Forbidden, "join first"))
            }
            false => Err(not_found("room")),
        }
    }

    /// One change of a room: the next number, its rows, the event.
    fn change(&mut self, room: RoomId, rows: impl FnOnce(&RoomData, Seq) -> Vec<Row>) -> Seq {
        let found = self.rooms.get_mut(&room).expect("the room was looked up");
        let seq = found.head + 1;
        let rows = rows(found, seq);
        found.head = seq;
        rows.iter().for_each(|row| found.record(row));
        self.outs.push(Out::Event { room, seq, rows, enter: Vec::new(), leave: Vec::new() });
        seq
    }

    /// One change of a person's own log.
    fn own(&mut self, user: UserId, change: impl FnOnce(&mut Person, Seq)) -> Seq {
        let person = self.people.get_mut(&user).expect("people stay");
        person.head += 1;
        change(person, person.head);
        self.outs.push(Out::Own { user, since: person.head - 1 });
        person.head
    }

    /// A key that is done is answered again, whoever has been removed since.
    fn again(&self, who: UserId, key: &Key, what: &str) -> Result<Option<Seq>> {
        match self.ops.get(&(who, key.clone())) {
            Some(done) if done.what == what => Ok(Some(done.seq)),
            Some(_) => Err(Refused::new(Code::Conflict, "that key was used for something else")),
            None => Ok(None),
        }
    }

    fn done(&mut self, who: UserId, key: &Key, what: String, seq: Seq) {
        self.ops.insert((who, key.clone()), DoneOp { what, seq });
    }

    fn did(&self, room: RoomId, seq: Seq, again: bool, row: Option<Row>) -> Did {
        Did { room: Some(room), seq: Some(seq), own: None, again, row }
    }

    fn message_row(&self, room: RoomId, seq: Seq) -> Option<Row> {
        self.rooms.get(&room)?.messages.get(&seq).cloned().map(Row::Message)
    }

    /// The number a `send` with this key already has.
    pub fn sent(&self, who: UserId, room: RoomId, key: &Key) -> Option<Seq> {
        self.rooms.get(&room)?.keys.get(&(who, key.clone())).copied()
    }

    /// `send`; `known` is what the look-up of the key said (inside the transaction, if all is well).
    pub fn send(
        &mut self,
        who: UserId,
        send: &hallway_protocol::frames::Send,
        known: Option<Seq>,
    ) -> Result<Did> {
        let room = send.room;
        self.room(room)?;
        if let Some(seq) = known {
            return Ok(self.did(room, seq, true, self.message_row(room, seq)));
        }
        let now = self.now;
        let found = self.entered(who, room)?;
        // What is bad is so for four seconds in eight.
        let bad = send.text.starts_with("bad") && now / 4_000 % 2 == 0;
        if bad || send.reply.is_some_and(|seq| seq > found.head) {
            return Err(Refused::new(Code::Invalid, "that cannot be right").field("text", "is bad"));
        }
        found.last_n += 1;
        let n = found.last_n;
        let names: Vec<(UserId, String)> =
            self.people.values().map(|p| (p.user.user, format!("@{}", p.user.name))).collect();
        let words: Vec<&str> = send.text.split(' ').collect();
        let mentions: Vec<UserId> =
            names.iter().filter(|(_, at)| words.contains(&at.as_str())).map(|n| n.0).collect();
        let at = self.now;
        let seq = self.change(room, |_, seq| {
            vec![Row::Message(Message {
                room,
                seq,
                rev: seq,
                n,
                sender: who,
                at,
                key: Some(send.key.clone()),
                kind: MessageKind::Text,
                text: send.text.clone(),
                reply: send.reply,
                thread: send.thread,
                files: Vec::new(),
                mentions,
                everyone: words.contains(&"@all"),
                meta: send.meta.clone(),
                edited_at: None,
                pinned: false,
                deleted: false,
            })]
        });
        let found = self.rooms.get_mut(&room).expect("the room was looked up");
        if let Some(first) = found.keys.insert((who, send.key.clone()), seq) {
            self.twice = Some(format!("P4 room {room}: {} is {first} and {seq}", send.key));
        }
        let found = self.rooms.get_mut(&room).expect("the room was looked up");
        let hidden = found.row.kind == RoomKind::Direct;
        let draft = self.people[&who].mine[&room].draft.clone();
        if let Some(draft) = draft.filter(|_| send.clears_draft) {
            self.cleared.insert((who, room), (send.key.clone(), draft));
            self.own(who, |person, rev| {
                let mine = person.mine.get_mut(&room).expect("a member has one");
                (mine.draft, mine.rev) = (None, rev);
            });
        }
        if hidden {
            self.show_direct(room);
        }
        Ok(self.did(room, seq, false, self.message_row(room, seq)))
    }

    /// A direct room appears to its people with a message.
    fn show_direct(&mut self, room: RoomId) {
        let people: Vec<UserId> = self.rooms[&room].members.keys().copied().collect();
        for user in people {
            let state = self.people[&user].mine.get(&room).map(|mine| mine.state);
            if state != Some(MineState::Joined) {
                let read = self.rooms[&room].head - 1;
                self.enter_own(user, room, read);
            }
        }
    }

    /// `edit`, by its author.
    pub fn edit(
        &mut self,
        who: UserId,
        room: RoomId,
        key: &Key,
        seq: Seq,
        text: &str,
    ) -> Result<Did> {
        self.change_message(who, room, key, seq, "edit", |m, now| {
            if m.deleted {
                return Err(Refused::new(Code::Conflict, "it is deleted"));
            }
            if m.sender != who {
                return Err(Refused::new(Code::Forbidden, "it is not yours"));
            }
            if m.text == text {
                return Ok(false);
            }
            m.text = text.to_owned();
            m.edited_at = Some(now);
            Ok(true)
        })
    }

    /// `delete`, by its author or an admin.
    pub fn delete(&mut self, who: UserId, room: RoomId, key: &Key, seq: Seq) -> Result<Did> {
        let role = self.rooms.get(&room).and_then(|r| r.members.get(&who)).map(|m| m.role);
        let did = self.change_message(who, room, key, seq, "delete", |m, _| {
            if m.sender != who && role < Some(Role::Admin) {
                return Err(Refused::new(Code::Forbidden, "it is not yours"));
            }
            if m.deleted {
                return Ok(false);
            }
            *m = Message {
                text: String::new(),
                reply: None,
                files: Vec::new(),
                mentions: Vec::new(),
                everyone: false,
                meta: Map::new(),
                edited_at: None,
                pinned: false,
                deleted: true,
                ..m.clone()
            };
            Ok(true)
        })?;
        // Reactions go with it, without rows of their own.
        let found = self.rooms.get_mut(&room).expect("the room was looked up");
        let rev = found.messages[&seq].rev;
        let gone: Vec<Spot> =
            found.reactions.keys().filter(|spot| spot.0 == seq).cloned().collect();
        for spot in gone {
            found.reactions.remove(&spot);
            found.held.entry(spot).or_default().push((rev, false));
        }
        Ok(did)
    }

    /// `pin`, by an admin.
    pub fn pin(&mut self, who: UserId, room: RoomId, key: &Key, seq: Seq, on: bool) -> Result<Did> {
        self.change_message(who, room, key, seq, if on { "pin" } else { "unpin" }, |m, _| {
            if m.deleted {
                return Err(Refused::new(Code::Conflict, "it is deleted"));
            }
            Ok(std::mem::replace(&mut m.pinned, on) != on)
        })
    }

    fn change_message(
        &mut self,
        who: UserId,
        room: RoomId,
        key: &Key,
        seq: Seq,
        what: &str,
        change: impl FnOnce(&mut Message, i64) -> Result<bool>,
    ) -> Result<Did> {
        let what = format!("{what} {room} {seq}");
        self.room(room)?;
        if let Some(first) = self.again(who, key, &what)? {
            return Ok(self.did(room, first, true, self.message_row(room, seq)));
        }
        let now = self.now;
        let found = self.entered(who, room)?;
        let visible = seq >= found.min_seq(who);
        let held = found.messages.get(&seq).filter(|m| visible && m.kind == MessageKind::Text);
        let mut message = held.cloned().ok_or_else(|| not_found("message"))?;
        let number = if change(&mut message, now)? {
            self.change(room, |_, rev| vec![Row::Message(Message { rev, ..message })])
        } else {
            message.rev
        };
        self.done(who, key, what, number);
        Ok(self.did(room, number, false, self.message_row(room, seq)))
    }

    /// `react`.
    pub fn react(
        &mut self,
        who: UserId,
        room: RoomId,
        key: &Key,
        spot: (Seq, &str),
        on: bool,
    ) -> Result<Did> {
        let (seq, emoji) = spot;
        let what = format!("react {room} {seq} {emoji} {on}");
        self.room(room)?;
        if let Some(first) = self.again(who, key, &what)? {
            return Ok(self.did(room, first, true, None));
        }
        let found = self.entered(who, room)?;
        let visible = seq >= found.min_seq(who);
        match found.messages.get(&seq).filter(|m| visible && m.kind == MessageKind::Text) {
            None => return Err(not_found("message")),
            Some(m) if m.deleted => return Err(Refused::new(Code::Conflict, "it is deleted")),
            Some(_) => {}
        }
        let held = found.reactions.get(&(seq, who, emoji.to_owned())).cloned();
        let number = if held.as_ref().is_some_and(|r| r.on) == on {
            held.as_ref().map_or(found.head, |r| r.rev)
        } else {
            let emoji = emoji.to_owned();
            self.change(room, |_, rev| {
                vec![Row::Reaction(Reaction { room, seq, user: who, emoji, on, rev })]
            })
        };
        self.done(who, key, what, number);
        let row = self.rooms[&room].reactions.get(&(seq, who, emoji.to_owned())).cloned();
        Ok(self.did(room, number, false, row.map(Row::Reaction)))
    }

    /// `read`: never moves back, nor beyond the head.
    pub fn read(&mut self, who: UserId, room: RoomId, seq: Seq) -> Result<Did> {
        let head = self.entered(who, room)?.head;
        let seq = seq.min(head);
        if seq > self.people[&who].mine[&room].read {
            self.own(who, |person, rev| {
                let mine = person.mine.get_mut(&room).expect("a member has one");
                (mine.read, mine.rev, mine.unread_mark) = (seq, rev, false);
            });
        }
        Ok(self.did_own(who))
    }

    fn did_own(&self, who: UserId) -> Did {
        let own = Some(self.people[&who].head);
        Did { room: None, seq: None, own, again: false, row: None }
    }

    /// `mine`.
    pub fn mine(&mut self, who: UserId, room: RoomId, patch: &MinePatch) -> Result<Did> {
        self.entered(who, room)?;
        let held = self.people[&who].mine[&room].clone();
        let mut mine = held.clone();
        mine.notify = patch.notify.unwrap_or(mine.notify);
        mine.favourite = patch.favourite.unwrap_or(mine.favourite);
        mine.unread_mark = patch.unread_mark.unwrap_or(mine.unread_mark);
        mine.muted_until = patch.muted_until.unwrap_or(mine.muted_until);
        if let Some(draft) = &patch.draft {
            mine.draft.clone_from(draft);
            self.cleared.remove(&(who, room));
        }
        if mine != held {
            self.own(who, |person, rev| drop(person.mine.insert(room, Mine { rev, ..mine })));
        }
        Ok(self.did_own(who))
    }

    /// Joining and leaving, once a key.
    pub fn call(&mut self, who: UserId, path: &str, key: &Key) -> Result<serde_json::Value> {
        let mut parts = path.trim_start_matches('/').split('/').skip(1);
        let room = parts.next().and_then(|id| id.parse().ok()).unwrap_or_default();
        let (again, joins) = (self.again(who, key, path)?, parts.next() == Some("join"));
        if again.is_none() && joins {
            self.join(who, room, who)?;
        } else if again.is_none() {
            self.part(who, room, who)?;
        }
        self.done(who, key, path.to_owned(), 0);
        let row = self.rooms.get(&room).filter(|_| joins).map(|r| Row::Room(r.row.clone()));
        Ok(row.map_or(serde_json::Value::Null, |row| json!(row)))
    }

    /// Enters a room: by oneself a public one, by somebody any.
    pub fn join(&mut self, who: UserId, room: RoomId, by: UserId) -> Result<Row> {
        let found = self.room(room)?;
        if found.is_member(who) {
            return Ok(Row::Room(found.row.clone()));
        }
        if by == who && found.row.visibility == Visibility::Private {
            return Err(not_found("room"));
        }
        let what = if by == who { "joined" } else { "added" };
        let (now, user) = (self.now, self.people[&who].user.clone());
        let seq = self.change(room, |r, seq| {
            let (joined_seq, rev, role) = (seq, seq, Role::Member);
            let (user_id, left_seq, muted_until) = (who, None, None);
            let member =
                Member { room, user: user_id, role, joined_seq, left_seq, muted_until, rev };
            vec![Row::Member(member), notice(r, seq, by, what, who, now), Row::User(user)]
        });
        if let Some(Out::Event { enter, .. }) = self.outs.last_mut() {
            enter.push(who);
        }
        self.enter_own(who, room, seq);
        Ok(Row::Room(self.rooms[&room].row.clone()))
    }

    fn enter_own(&mut self, who: UserId, room: RoomId, read: Seq) {
        self.own(who, |person, rev| {
            let mine = person.mine.entry(room).or_insert_with(|| blank_mine(room));
            mine.state = MineState::Joined;
            mine.read = mine.read.max(read);
            mine.rev = rev;
        });
    }

    /// Leaves a room, or is removed from it; `false` when not in it.
    pub fn part(&mut self, who: UserId, room: RoomId, by: UserId) -> Result<()> {
        let found = self.room(room)?;
        if !found.is_member(who) || found.row.kind == RoomKind::Direct {
            return Err(not_found("room"));
        }
        let state = if by == who { MineState::Left } else { MineState::Removed };
        let what = if by == who { "left" } else { "removed" };
        let now = self.now;
        self.change(room, |r, seq| {
            let member = Member { left_seq: Some(seq), rev: seq, ..r.members[&who].clone() };
            vec![Row::Member(member), notice(r, seq, by, what, who, now)]
        });
        if let Some(Out::Event { leave, .. }) = self.outs.last_mut() {
            leave.push(who);
        }
        self.leave_own(who, room, state);
        Ok(())
    }

    fn leave_own(&mut self, who: UserId, room: RoomId, state: MineState) {
        self.own(who, |person, rev| {
            let mine = person.mine.get_mut(&room).expect("a member has one");
            let read = mine.read;
            *mine = Mine { state, read, rev, ..blank_mine(room) };
        });
    }

    /// The owner renames a room or changes a role.
    pub fn settle(
        &mut self,
        room: RoomId,
        by: UserId,
        name: Option<String>,
        role: Option<(UserId, Role)>,
    ) {
        let now = self.now;
        if let Some(name) = name {
            self.change(room, |r, seq| {
                let row = Room { name, rev: seq, ..r.row.clone() };
                vec![Row::Room(row), notice(r, seq, by, "renamed", by, now)]
            });
        }
        if let Some((user, role)) = role.filter(|(user, _)| self.rooms[&room].is_member(*user)) {
            self.change(room, |r, seq| {
                let member = Member { role, rev: seq, ..r.members[&user].clone() };
                vec![Row::Member(member), notice(r, seq, by, "role", user, now)]
            });
        }
    }

    /// The owner deletes a room.
    pub fn close_room(&mut self, room: RoomId) {
        let inside: Vec<UserId> = {
            let found = &self.rooms[&room];
            found.members.keys().copied().filter(|user| found.is_member(*user)).collect()
        };
        self.change(room, |r, seq| {
            vec![Row::Room(Room { deleted: true, rev: seq, ..r.row.clone() })]
        });
        if let Some(Out::Event { leave, .. }) = self.outs.last_mut() {
            leave.extend(&inside);
        }
        inside.iter().for_each(|user| self.leave_own(*user, room, MineState::Deleted));
    }

    /// A person changes their name.
    pub fn rename_person(&mut self, who: UserId, name: String) {
        self.own(who, |person, rev| {
            person.user.display_name = name;
            person.user.rev = rev;
        });
        self.outs.push(Out::Users { user: who });
    }

    /// Makes a room with its first members.
    pub fn found(&mut self, row: Room, members: &[(UserId, Role)]) {
        let room = row.room;
        let (by, now) = (members[0].0, self.now);
        self.rooms.insert(
            room,
            RoomData {
                row: row.clone(),
                head: 0,
                last_n: 0,
                members: BTreeMap::new(),
                messages: BTreeMap::new(),
                reactions: BTreeMap::new(),
                keys: BTreeMap::new(),
                versions: BTreeMap::new(),
                held: BTreeMap::new(),
            },
        );
        self.change(room, |r, seq| {
            let mut rows =
                vec![Row::Room(Room { rev: seq, ..row }), notice(r, seq, by, "created", by, now)];
            rows.extend(members.iter().map(|(user, role)| {
                Row::Member(Member {
                    room,
                    user: *user,
                    role: *role,
                    joined_seq: seq,
                    left_seq: None,
                    muted_until: None,
                    rev: seq,
                })
            }));
            rows
        });
        members.iter().for_each(|(user, _)| self.enter_own(*user, room, 0));
    }

    /// A new person.
    pub fn register(&mut self, user: UserId, name: &str) {
        let row = User {
            user,
            name: name.to_owned(),
            display_name: name.to_owned(),
            avatar: None,
            status: String::new(),
            bot: false,
            guest: false,
            deleted: false,
            role: None,
            email: None,
            email_next: None,
            language: None,
            second_factor: false,
            oidc: false,
            rev: 1,
        };
        let device = SessionRow {
            id: format!("s{user}"),
            device: "sim".into(),
            current: false,
            last_seen_at: self.now,
            ended: false,
            rev: 1,
        };
        self.people.insert(user, Person { user: row, head: 1, mine: BTreeMap::new(), device });
    }

    /// Rows a person's screens may lack since a number of their own log.
    pub fn own_rows(&self, user: UserId, since: Seq) -> Vec<Row> {
        let person = &self.people[&user];
        let mut rows: Vec<Row> = Vec::new();
        for mine in person.mine.values().filter(|mine| mine.rev > since) {
            let mut mine = mine.clone();
            if mine.state == MineState::Joined {
                let room = &self.rooms[&mine.room];
                (mine.unread, mine.mentions) = room.unread(user, mine.read);
                (mine.head, mine.min_seq) = (room.head, room.min_seq(user));
            }
            rows.push(Row::Mine(mine));
        }
        if person.user.rev > since {
            rows.push(Row::User(person.user.clone()));
        }
        if person.device.rev > since {
            rows.push(Row::Session(person.device.clone()));
        }
        rows.sort_by_key(Row::rev);
        rows
    }
}
