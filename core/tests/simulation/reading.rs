//! What the server answers from its disk: `welcome`, deltas, pages, the own log. The limits are
//! small, so that a history of a hundred changes meets every kind of answer.

use crate::data::{Data, not_found};
use crate::rooms::RoomData;
use hallway_protocol::error::Refused;
use hallway_protocol::frames::*;
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::limits::Limits;
use hallway_protocol::rest::Page;
use hallway_protocol::rows::*;
use std::collections::{BTreeMap, BTreeSet};

/// Changes a replay may cover.
const REPLAY_MAX: i64 = 14;
/// Rows of one frame of a replay.
const FRAME: usize = 4;
/// Messages of a window, at most.
const LATEST: usize = 5;
/// Changed rows a window may carry before it becomes a reset.
const WINDOW_ROWS: usize = 12;
/// Messages of a page, at most.
const PAGE: usize = 4;

/// A pull under way: what was asked, and where its next frame starts.
#[derive(Clone, Debug)]
pub struct Pull {
    pub id: u64,
    pub room: RoomId,
    pub since: Seq,
    pub floor: Seq,
    pub latest: usize,
}

/// Where a page lies: below, above, or on both sides.
#[derive(Clone, Copy, Debug)]
pub enum Where {
    Before(Seq),
    After(Seq),
    Around(Seq),
}

type Result<T> = std::result::Result<T, Refused>;

impl RoomData {
    /// The row as this person may see it.
    pub fn shows(&self, row: &Row, user: UserId) -> bool {
        let min = self.min_seq(user);
        match row {
            Row::Message(m) => m.seq >= min,
            Row::Reaction(r) => r.seq >= min,
            _ => true,
        }
    }

    fn message_rows(&self, seqs: &BTreeSet<Seq>) -> Vec<Row> {
        let messages = seqs.iter().filter_map(|seq| self.messages.get(seq).cloned());
        let on = self.reactions.values().filter(|r| r.on && seqs.contains(&r.seq)).cloned();
        messages.map(Row::Message).chain(on.map(Row::Reaction)).collect()
    }

    fn latest(&self, min: Seq, count: usize) -> (BTreeSet<Seq>, Seq) {
        let seqs: BTreeSet<Seq> =
            self.messages.range(min..).rev().take(count).map(|(seq, _)| *seq).collect();
        let all = self.messages.range(min..).count() <= count;
        let first = if all { min } else { seqs.first().copied().unwrap_or(self.head + 1) };
        (seqs, first)
    }
}

impl Data {
    /// The rows of the people that rows name.
    fn people_of(&self, rows: &[Row]) -> Vec<Row> {
        let mut named = BTreeSet::new();
        for row in rows {
            match row {
                Row::Message(m) => {
                    named.insert(m.sender);
                    named.extend(&m.mentions);
                }
                Row::Reaction(r) => drop(named.insert(r.user)),
                Row::Member(m) => drop(named.insert(m.user)),
                _ => {}
            }
        }
        named.iter().map(|user| Row::User(self.people[user].user.clone())).collect()
    }

    fn readable(&self, user: UserId, room: RoomId) -> Result<&RoomData> {
        self.rooms.get(&room).filter(|r| r.is_member(user)).ok_or_else(|| not_found("room"))
    }

    /// The head below which a client of `epoch` may keep what it holds: the least head of all
    /// data sets begun since.
    fn base(&self, epoch: Option<&str>, room: RoomId) -> Seq {
        let known = self.epochs.iter().position(|(name, _)| Some(name.as_str()) == epoch);
        let since = match (epoch, known) {
            (None, _) => self.epochs.len() - 1,
            (_, Some(at)) if at + 1 == self.epochs.len() => at,
            (_, Some(at)) => at + 1,
            (_, None) => 0,
        };
        let bases = self.epochs[since..].iter();
        bases.map(|(_, heads)| heads.get(&room).copied().unwrap_or(0)).min().unwrap_or(0)
    }

    /// The present data set.
    pub fn epoch(&self) -> &str {
        self.epochs.last().map_or("", |(name, _)| name)
    }

    /// `welcome` to a `hello`.
    pub fn welcome(&self, user: UserId, hello: &Hello, unanswered: usize) -> Welcome {
        let named: BTreeMap<RoomId, Seq> = match &hello.rooms {
            Cursors::List(list) => list.iter().copied().collect(),
            Cursors::Word(_) => BTreeMap::new(),
        };
        let other = hello.epoch.as_deref().is_some_and(|epoch| epoch != self.epoch());
        let heads = self
            .rooms
            .iter()
            .filter(|(id, r)| r.is_member(user) && (other || named.get(id) != Some(&r.head)));
        let head = |(id, r): (&RoomId, &RoomData)| {
            let read = self.people[&user].mine[id].read;
            let (unread, mentions) = r.unread(user, read);
            let base = self.base(hello.epoch.as_deref(), *id);
            Head { room: *id, head: r.head, base, last_n: r.last_n, read, unread, mentions }
        };
        Welcome {
            v: 1,
            connection: "sim".into(),
            epoch: self.epoch().to_owned(),
            now: self.now,
            heartbeat_ms: 10_000,
            own_head: self.people[&user].head,
            rooms: heads.map(head).collect(),
            gone: named.keys().copied().filter(|id| self.readable(user, *id).is_err()).collect(),
            limits: Limits { unanswered, ..Limits::default() },
        }
    }

    /// Where all rooms of a person stand.
    pub fn bumps(&self, user: UserId) -> Vec<Bump> {
        let rooms = self.rooms.iter().filter(|(_, r)| r.is_member(user));
        rooms
            .map(|(id, r)| {
                let read = self.people[&user].mine[id].read;
                let (unread, mentions) = r.unread(user, read);
                Bump { room: *id, head: r.head, last_n: r.last_n, read, unread, mentions }
            })
            .collect()
    }

    /// The own log, at most three rows a frame.
    pub fn own_frame(&self, user: UserId, id: Option<u64>, since: Seq) -> OwnFrame {
        let mut rows = self.own_rows(user, since);
        let done = id.is_none() || rows.len() <= 3;
        let mut to = self.people[&user].head;
        if !done {
            let cut = rows[2].rev();
            rows.retain(|row| row.rev() <= cut);
            to = cut;
        }
        OwnFrame { id, since, to, done, rows }
    }

    /// One frame of the answer to a pull.
    pub fn delta(&self, user: UserId, pull: &Pull) -> Result<Delta> {
        let room = self.readable(user, pull.room)?;
        let min = room.min_seq(user);
        let behind = room.head - pull.since;
        let mut delta = Delta {
            id: Some(pull.id),
            room: pull.room,
            since: pull.since,
            to: room.head,
            kind: DeltaKind::Replay,
            floor: pull.floor,
            first: pull.since + 1,
            done: true,
            rows: Vec::new(),
            hole: None,
            min_seq: min,
            head: room.head,
            last_n: room.last_n,
            read: self.people[&user].mine[&pull.room].read,
            unread: 0,
            mentions: 0,
        };
        (delta.unread, delta.mentions) = room.unread(user, delta.read);
        if behind < 0 {
            delta.kind = DeltaKind::Reset;
        } else if pull.since == 0 || behind > REPLAY_MAX {
            window(room, user, pull, &mut delta);
        } else {
            replay(room, user, &mut delta);
        }
        if delta.kind == DeltaKind::Reset {
            let (seqs, first) = room.latest(min, pull.latest.min(LATEST));
            delta.rows = room.message_rows(&seqs);
            delta.rows.push(Row::Room(room.row.clone()));
            delta.rows.extend(room.members.values().cloned().map(Row::Member));
            (delta.first, delta.hole) = (first, None);
        }
        delta.rows.extend(self.people_of(&delta.rows));
        Ok(delta)
    }

    /// A page of history.
    pub fn page(&self, user: UserId, room: RoomId, place: Where, limit: usize) -> Result<Page> {
        let r = self.readable(user, room)?;
        let (min, limit) = (r.min_seq(user), limit.clamp(1, PAGE));
        let below = |seq: Seq, limit| -> BTreeSet<Seq> {
            r.messages.range(min..seq.max(min)).rev().take(limit).map(|(seq, _)| *seq).collect()
        };
        let above = |seq: Seq, limit| -> BTreeSet<Seq> {
            r.messages.range(seq.max(min)..).take(limit).map(|(seq, _)| *seq).collect()
        };
        // Nothing is missing from the first message found, or from the start if that was all.
        let lowest = |seqs: &BTreeSet<Seq>, limit: usize| match seqs.first() {
            Some(first) if seqs.len() == limit => *first,
            _ => min,
        };
        let highest = |seqs: &BTreeSet<Seq>, limit: usize| match seqs.last() {
            Some(last) if seqs.len() == limit => *last,
            _ => r.head,
        };
        let (seqs, lo, hi) = match place {
            Where::Before(seq) => {
                let seqs = below(seq, limit);
                let lo = lowest(&seqs, limit);
                (seqs, lo, (seq - 1).min(r.head))
            }
            Where::After(seq) => {
                let seqs = above(seq + 1, limit);
                let hi = highest(&seqs, limit);
                (seqs, (seq + 1).max(min), hi)
            }
            Where::Around(seq) => {
                let half = limit.div_ceil(2);
                let (mut low, high) = (below(seq, half), above(seq, half));
                let (lo, hi) = (lowest(&low, half), highest(&high, half));
                low.extend(high);
                (low, lo, hi)
            }
        };
        let mut rows = r.message_rows(&seqs);
        let quoted: BTreeSet<Seq> = seqs.iter().filter_map(|seq| r.messages[seq].reply).collect();
        let quoted = quoted.iter().filter(|seq| **seq >= min && !seqs.contains(seq));
        rows.extend(quoted.filter_map(|seq| r.messages.get(seq).cloned()).map(Row::Message));
        rows.extend(self.people_of(&rows));
        Ok(Page { lo, hi, rows, as_of: r.head, min_seq: min })
    }
}

/// Every row with `since < rev`, in the order of `rev`, cut between two of them.
fn replay(room: &RoomData, user: UserId, delta: &mut Delta) {
    let mut rows: Vec<Row> = room.messages.values().cloned().map(Row::Message).collect();
    rows.extend(room.reactions.values().cloned().map(Row::Reaction));
    rows.extend(room.members.values().cloned().map(Row::Member));
    rows.push(Row::Room(room.row.clone()));
    rows.retain(|row| row.rev() > delta.since && room.shows(row, user));
    rows.sort_by_key(Row::rev);
    if rows.len() > FRAME {
        let cut = rows[FRAME - 1].rev();
        let whole = rows.iter().take_while(|row| row.rev() <= cut).count();
        delta.done = whole == rows.len();
        rows.truncate(whole);
        delta.to = if delta.done { room.head } else { cut };
    }
    delta.rows = rows;
}

/// What changed in `floor … since`, and the latest.
fn window(room: &RoomData, user: UserId, pull: &Pull, delta: &mut Delta) {
    let min = room.min_seq(user);
    let inside = pull.floor.max(min)..=pull.since;
    let (seqs, first) = room.latest(min, pull.latest.min(LATEST));
    let mut rows = room.message_rows(&seqs);
    let mut changed = 0;
    if pull.since > 0 {
        let messages =
            room.messages.values().filter(|m| m.rev > pull.since && inside.contains(&m.seq));
        let reactions =
            room.reactions.values().filter(|r| r.rev > pull.since && inside.contains(&r.seq));
        let old: Vec<Row> = messages
            .cloned()
            .map(Row::Message)
            .chain(reactions.cloned().map(Row::Reaction))
            .filter(|row| !rows.contains(row))
            .collect();
        changed = old.len();
        rows.extend(old);
    }
    rows.push(Row::Room(room.row.clone()));
    let members = room.members.values().filter(|m| m.rev > pull.since);
    rows.extend(members.cloned().map(Row::Member));
    delta.kind = if changed > WINDOW_ROWS { DeltaKind::Reset } else { DeltaKind::Window };
    (delta.rows, delta.first) = (rows, first);
    delta.hole = (pull.since > 0 && pull.since + 1 < first).then_some((pull.since + 1, first - 1));
}
