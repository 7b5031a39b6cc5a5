//! What the server says, frame by frame.

use super::{Engine, Fill, Question};
use crate::apply::Write;
use crate::error::Fault;
use crate::feed::{Change, FaultView};
use crate::notify::News;
use crate::op::Act;
use crate::outbox::PATIENCE;
use crate::planted::{Bug, planted};
use crate::room::{PageVerdict, Taken};
use crate::world::Effect;
use hallway_protocol::error::{Code, Refused, Retry};
use hallway_protocol::frames::{Bump, Delta, DeltaKind, Done, Head, OwnFrame, ServerFrame};
use hallway_protocol::ids::{Millis, RoomId, Seq, UserId};
use hallway_protocol::limits::TYPING_MS;
use hallway_protocol::rest::Page;
use hallway_protocol::rows::{Mine, MineState, Row};
use std::collections::BTreeSet;

/// A page that was read too early is asked for again this often.
const PAGE_TRIES: u32 = 5;
/// A pull refused for good (the room may just be going) is not repeated at once, milliseconds.
const REFUSED_PULL: i64 = 5_000;
/// People seen typing in one room at once; nobody reads more names (P11).
const TYPISTS: usize = 32;

impl Engine {
    pub(super) fn frame(&mut self, now: i64, frame: ServerFrame) {
        if let ServerFrame::Welcome(welcome) = frame {
            return self.welcome(now, welcome);
        }
        if !self.link.is_up() {
            return;
        }
        match frame {
            ServerFrame::Event { room, seq, rows } => self.event(now, room, seq, rows),
            ServerFrame::Own(own) => self.own_frame(now, own),
            ServerFrame::Users { rows } => self.rows(rows, News::Quiet),
            ServerFrame::Bump { rooms } => rooms.into_iter().for_each(|bump| self.bump(bump)),
            ServerFrame::Lag { rooms, own } => {
                for (room, head) in rooms {
                    self.with_room(room, |room| room.hint(head, true));
                }
                self.own_head = self.own_head.max(own);
                self.pull_own(now);
            }
            ServerFrame::Delta(delta) => self.delta(now, delta),
            ServerFrame::Ok(done) => self.done(done),
            ServerFrame::Error(error) => {
                let id = error.id;
                self.refused(now, id, &error.refused());
            }
            ServerFrame::Answer { id, status, body } => self.answer(now, id, status, body),
            ServerFrame::Typing { room, user } => self.typing(now, room, user),
            ServerFrame::Presence { users } => {
                let account = self.account.clone();
                self.out.effects.push(Effect::Change(Change::Presence { account, users }));
            }
            ServerFrame::Read { room, marks } => self.receipts(room, marks),
            ServerFrame::Heartbeat { now: server, digest } => self.heartbeat(now, server, &digest),
            ServerFrame::Goaway { after_ms, .. } => self.goaway(after_ms),
            // What a tenant tells its people is for its own clients; a whisper is for who looks now.
            ServerFrame::Notice(_) | ServerFrame::Whisper { .. } => {}
            ServerFrame::Welcome(_) | ServerFrame::Unknown => {}
        }
    }

    fn event(&mut self, now: i64, id: RoomId, seq: Seq, rows: Vec<Row>) {
        if !self.rooms.contains_key(&id) {
            return self.stranger(id, seq);
        }
        self.recent.insert(id, now);
        for row in &rows {
            if let Row::Message(message) = row {
                self.typed(id, message.sender);
            }
        }
        self.rows(rows, News::Live);
        self.with_room(id, |room| room.event(seq));
    }

    fn delta(&mut self, now: i64, delta: Delta) {
        let Some(taken) = self.with_room(delta.room, |room| room.delta(&delta, now)) else {
            return;
        };
        if taken == Taken::Stale {
            return;
        }
        let (room, to) = (delta.room, delta.to);
        if taken == Taken::Reset {
            self.out.writes.push(Write::Distrust { room, to });
        }
        if delta.done
            && let Some(id) = delta.id
        {
            self.asked.remove(&id);
        }
        if delta.min_seq > 1 {
            self.out.writes.push(Write::Cut { room, min_seq: delta.min_seq });
        }
        let whole = (delta.kind != DeltaKind::Replay)
            .then(|| whole(room, (delta.first, to), to, &delta.rows));
        self.rows(delta.rows, News::Late);
        self.out.writes.extend(whole);
        if taken != Taken::Part {
            self.note_mentions(room, delta.mentions);
            self.out.writes.push(Write::Counted(Head {
                room,
                head: delta.head,
                base: 0,
                last_n: delta.last_n,
                read: delta.read,
                unread: delta.unread,
                mentions: delta.mentions,
            }));
        }
    }

    fn bump(&mut self, bump: Bump) {
        let Bump { room, head, last_n, read, unread, mentions } = bump;
        let pull = mentions > 0 || self.focus.contains(&room);
        if self.with_room(room, |room| room.hint(head, pull)).is_none() {
            return self.stranger(room, head);
        }
        self.note_mentions(room, mentions);
        let head = Head { room, head, base: 0, last_n, read, unread, mentions };
        self.out.writes.push(Write::Counted(head));
    }

    pub(super) fn note_mentions(&mut self, room: RoomId, mentions: i64) {
        if mentions > 0 {
            self.mentioned.insert(room);
        } else {
            self.mentioned.remove(&room);
        }
    }

    fn own_frame(&mut self, now: i64, frame: OwnFrame) {
        let asked = frame.id.filter(|id| self.asked.contains_key(id));
        self.own_head = self.own_head.max(frame.to);
        if frame.since > self.own {
            return self.pull_own(now);
        }
        let held = self.own;
        let mut rows = frame.rows;
        // What the cursor has passed is known; people come beside it with versions of their own.
        rows.retain(|row| row.rev() > held || matches!(row, Row::User(_)));
        let mines: Vec<Mine> = rows
            .iter()
            .filter_map(|row| if let Row::Mine(mine) = row { Some(mine.clone()) } else { None })
            .collect();
        self.rows(rows, News::Quiet);
        for mine in mines {
            self.mine(&mine);
        }
        if frame.to > self.own {
            self.own = frame.to;
            self.acks.own(frame.to);
            self.out.writes.push(Write::Set("own", frame.to.to_string()));
        }
        self.outbox.own_reached(self.own);
        if let Some(id) = asked {
            if frame.done {
                self.asked.remove(&id);
                let told = self.own_asked.take().unwrap_or_default();
                // The log ends here, whatever was guessed about its head before it was asked for;
                // what was told meanwhile may have happened after the answer was read.
                if self.own_head <= told {
                    self.own_head = self.own;
                }
            } else if let Some(question) = self.asked.get_mut(&id) {
                question.until = now + super::link::ANSWER_TIMEOUT;
            }
        }
        self.pull_own(now);
    }

    /// How I stand to a room.
    fn mine(&mut self, mine: &Mine) {
        match mine.state {
            MineState::Joined => {
                self.enter(mine.room, mine.head);
                self.note_mentions(mine.room, mine.mentions);
                match &mine.draft {
                    Some(draft) => drop(self.drafts.insert(mine.room, draft.clone())),
                    None => drop(self.drafts.remove(&mine.room)),
                }
                self.with_room(mine.room, |room| room.set_min_seq(mine.min_seq));
            }
            MineState::Left => self.leave(mine.room, "left"),
            MineState::Removed => self.leave(mine.room, "removed"),
            MineState::Deleted => self.leave(mine.room, "deleted"),
        }
    }

    /// I am not in the room any more.
    pub(super) fn leave(&mut self, room: RoomId, why: &'static str) {
        if self.rooms.remove(&room).is_some() {
            self.out.writes.push(Write::Gone { room, why });
        }
        self.direct.remove(&room);
        self.drafts.remove(&room);
        self.mentioned.remove(&room);
        self.recent.remove(&room);
        let fault = FaultView {
            code: Code::NotFound.as_str().to_owned(),
            message: format!("this room is gone: {why}"),
        };
        self.outbox.left(room, &fault);
    }

    fn done(&mut self, done: Done) {
        let asked = self.asked.remove(&done.id);
        let mut message = None;
        if let Some(row) = done.row {
            if let (Row::Message(row), Some(seq)) = (&row, done.seq)
                && row.seq == seq
            {
                message = Some((row.room, seq));
            }
            self.rows(vec![row], News::Quiet);
        }
        // What nobody asked for covers nothing: ranges would grow as the peer likes (P11).
        let Some(Question::Op(op)) = asked.map(|asked| asked.what) else { return };
        if let Some((room, seq)) = message {
            self.with_room(room, |room| room.ok(seq));
        }
        let Some(op) = self.outbox.get(op).cloned() else { return };
        match op.act {
            Act::Send { .. } => {
                self.outbox.confirmed(&op.key, done.seq);
            }
            Act::Read { seq } => {
                self.out.writes.push(Write::ReadMark { room: op.room, seq });
                self.outbox.confirmed(&op.key, None);
            }
            Act::Mine { .. } if done.own.is_some_and(|own| own > self.own) => {
                self.outbox.settled(op.op, done.own.unwrap_or_default());
            }
            _ => {
                self.outbox.confirmed(&op.key, None);
            }
        }
    }

    pub(super) fn refused(&mut self, now: i64, id: Option<u64>, refused: &Refused) {
        let Some((id, asked)) = id.and_then(|id| Some((id, self.asked.remove(&id)?))) else {
            return;
        };
        if let (Some((room, key)), Retry::Later | Retry::SignIn) = (asked.said, refused.retry) {
            self.outbox.stop(room, key);
        }
        match asked.what {
            Question::Op(op) => match refused.retry {
                Retry::Later => self.outbox.later(op, refused, now),
                // The link will be closed for it; the operation goes again with new tokens.
                Retry::SignIn => self.outbox.later(op, refused, now),
                Retry::Never => self.refused_for_good(op, refused),
            },
            Question::Pull(room) => {
                let after = match refused.retry {
                    Retry::Later => refused.after_ms.unwrap_or_default().min(PATIENCE),
                    _ => REFUSED_PULL,
                };
                self.with_room(room, |room| room.refused(id, now, after));
            }
            Question::Own => {
                self.own_asked = None;
                self.own_head = self.own;
                self.probe(now);
            }
            Question::Aside => {}
        }
    }

    /// A mark or a setting that is refused has nothing a person could do about it.
    fn refused_for_good(&mut self, op: i64, refused: &Refused) {
        let mute = |act: &Act| matches!(act, Act::Read { .. } | Act::Mine { .. });
        if self.outbox.get(op).is_some_and(|op| mute(&op.act)) {
            self.outbox.remove(op);
        } else {
            self.outbox.failed(op, view(refused));
        }
    }

    /// The answer to a `call`: joining and leaving.
    fn answer(&mut self, now: i64, id: u64, status: u16, body: serde_json::Value) {
        let op = match self.asked.get(&id).map(|asked| asked.what) {
            Some(Question::Op(op)) => self.outbox.get(op).cloned(),
            _ => None,
        };
        // A leave whose `own` came first is gone already, but its answer was awaited.
        let Some(found) = op else {
            if !planted(Bug::LeaveAwaited) {
                self.asked.remove(&id);
            }
            return;
        };
        let gone = status == 404 && found.act == Act::Leave;
        if (200..300).contains(&status) || gone {
            self.asked.remove(&id);
            self.outbox.confirmed(&found.key, None);
            return;
        }
        let refused = serde_json::from_value(body)
            .unwrap_or_else(|_| Refused::new(Code::Broken, "the server could not do that"));
        self.refused(now, Some(id), &refused);
    }

    fn typing(&mut self, now: i64, room: RoomId, user: UserId) {
        if user != self.me && self.rooms.contains_key(&room) {
            let users = self.typing.entry(room).or_default();
            if users.len() >= TYPISTS && !users.contains_key(&user) {
                return;
            }
            if users.insert(user, now + TYPING_MS).is_none() {
                self.show_typing(room);
            }
        }
    }

    /// A message ends its sender's typing.
    fn typed(&mut self, room: RoomId, user: UserId) {
        if self.typing.get_mut(&room).is_some_and(|users| users.remove(&user).is_some()) {
            self.show_typing(room);
        }
    }

    fn receipts(&mut self, room: RoomId, marks: Vec<(UserId, Seq, Seq)>) {
        if self.rooms.contains_key(&room) {
            self.out.writes.push(Write::Receipts { room, marks: marks.clone() });
            let account = self.account.clone();
            self.out.effects.push(Effect::Change(Change::Receipts { account, room, marks }));
        }
    }

    fn heartbeat(&mut self, now: i64, server: Millis, digest: &str) {
        self.note_contact(now, server);
        self.check_digest(now, digest);
    }

    pub(super) fn fetched(&mut self, id: u64, page: Result<Page, Refused>) {
        let Some(fill) = self.fills.remove(&id) else { return };
        let room = fill.request.room;
        let result = match page {
            Err(refused) if refused.code == Code::Unknown => Err(Fault::Offline),
            Err(refused) => Err(Fault::Refused(refused)),
            Ok(page) if is_foreign(&page, room) => Err(Fault::Offline),
            Ok(page) => match self.with_room(room, |machine| machine.page(&page)) {
                None => Err(Fault::not_found("room")),
                Some(PageVerdict::Apply) => {
                    self.out.writes.push(Write::Cut { room, min_seq: page.min_seq });
                    let whole = whole(room, (page.lo, page.hi), page.as_of, &page.rows);
                    self.rows(page.rows, News::Quiet);
                    self.out.writes.push(whole);
                    Ok(())
                }
                Some(PageVerdict::Again) if fill.tries < PAGE_TRIES => {
                    return self.fetch(Fill { tries: fill.tries + 1, ..fill });
                }
                Some(PageVerdict::Again) => Err(Fault::Offline),
            },
        };
        self.out.effects.push(Effect::Answer { id: fill.intent, result });
    }

    pub(super) fn fetch(&mut self, mut fill: Fill) {
        let id = self.id();
        fill.request.fresh = self.rooms.get(&fill.request.room).map_or(0, |room| room.mark().win);
        self.fills.insert(id, fill);
        self.out.effects.push(Effect::Fetch { id, request: fill.request });
    }
}

fn view(refused: &Refused) -> FaultView {
    FaultView { code: refused.code.as_str().to_owned(), message: refused.message.clone() }
}

/// It speaks of another room: nothing in it says anything about this one.
fn is_foreign(page: &Page, room: RoomId) -> bool {
    page.rows.iter().any(|row| matches!(row, Row::Message(message) if message.room != room))
}

/// What was read of a range is all there is in it.
fn whole(room: RoomId, (lo, hi): (Seq, Seq), as_of: Seq, rows: &[Row]) -> Write {
    let (mut messages, mut reactions) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        match row {
            Row::Message(message) => {
                messages.insert(message.seq);
            }
            Row::Reaction(reaction) if reaction.on => {
                reactions.insert((reaction.seq, reaction.user, reaction.emoji.clone()));
            }
            _ => {}
        }
    }
    Write::Whole { room, lo, hi, as_of, messages, reactions }
}
