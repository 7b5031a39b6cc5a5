//! What a window must draw after a step, and what the person is told.

use super::Machine;
use crate::apply::Touched;
use crate::feed::{Change, MessageView, Notice};
use crate::notify::Call;
use crate::store::{Sql, views};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rows::RoomKind;
use std::collections::{BTreeMap, BTreeSet};

impl Machine {
    /// What a window must draw again after a commit; what cannot be read now is owed.
    pub(super) fn show(&mut self, touched: Touched, went_live: bool) -> Sql<Vec<Change>> {
        let (mut all, live) = std::mem::take(&mut self.owed);
        all.add(touched);
        let went_live = live || went_live;
        let drawn = self.draw(&all, went_live);
        if drawn.is_err() {
            self.owed = (all, went_live);
        }
        drawn
    }

    fn draw(&mut self, touched: &Touched, went_live: bool) -> Sql<Vec<Change>> {
        let account = self.store.account().to_owned();
        let (conn, me) = (self.store.connection(), self.store.me());
        let mut out = Vec::new();
        for person in views::people(conn, touched.users.iter().copied())? {
            out.push(Change::Person { account: account.clone(), person });
        }
        let mut rows: BTreeMap<RoomId, Vec<MessageView>> = BTreeMap::new();
        for (room, seqs) in &touched.messages {
            let seqs: Vec<Seq> = seqs.iter().copied().collect();
            rows.insert(*room, views::messages(conn, me, *room, &seqs)?);
        }
        let keys = if touched.all_unsent { self.keys()? } else { touched.unsent.clone() };
        let unsent = self.unsent(keys)?;
        let mut hidden = touched.hidden.clone();
        self.compare(&unsent, &mut rows, &mut hidden)?;
        for room in touched.rooms.iter().filter(|room| self.is_known(**room)) {
            let view = views::rooms(conn, me, Some(*room))?.pop();
            out.push(match view {
                Some(room) => Change::Room { account: account.clone(), room },
                // It is being left: should that be refused, it comes back.
                None => {
                    let (account, why) = (account.clone(), "left".to_owned());
                    Change::RoomGone { account, room: *room, why }
                }
            });
        }
        for (room, rows) in rows.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            let rows = rows.into_iter().map(MessageView::drawn).collect();
            out.push(Change::Messages { account: account.clone(), room, rows });
        }
        for (room, key) in hidden {
            out.push(Change::MessageGone { account: account.clone(), room, key });
        }
        for (room, why) in &touched.gone {
            let (account, why) = (account.clone(), (*why).to_owned());
            out.push(Change::RoomGone { account, room: *room, why });
        }
        for (room, up_to) in &touched.read {
            let account = account.clone();
            out.push(Change::NoticeGone { account, room: *room, up_to: *up_to });
        }
        for (room, seq) in &touched.over {
            let account = account.clone();
            out.push(Change::NoticeOver { account, room: *room, seq: *seq });
        }
        let late = self.call(&touched.notices, went_live, &mut out)?;
        self.late = late;
        for (key, row) in unsent {
            match row {
                Some(row) => self.pending.insert(key, row),
                None => self.pending.remove(&key),
            };
        }
        Ok(out)
    }

    /// These unsent messages as they are now; none where one is no longer unsent.
    pub(super) fn unsent(&self, keys: BTreeSet<String>) -> Sql<Vec<(String, Option<MessageView>)>> {
        let (conn, me) = (self.store.connection(), self.store.me());
        let one = |key: String| {
            let row = views::pending_one(conn, me, &key)?;
            Ok((key, row))
        };
        keys.into_iter().map(one).collect()
    }

    /// Unsent messages that changed are drawn, those that are gone and not confirmed disappear.
    fn compare(
        &self,
        unsent: &[(String, Option<MessageView>)],
        rows: &mut BTreeMap<RoomId, Vec<MessageView>>,
        hidden: &mut Vec<(RoomId, String)>,
    ) -> Sql<()> {
        for (key, now) in unsent {
            match (now, self.pending.get(key)) {
                (Some(now), before) if before != Some(now) => {
                    rows.entry(now.room).or_default().push(now.clone());
                }
                (None, Some(before)) if !self.is_confirmed(key)? => {
                    hidden.push((before.room, key.clone()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The keys of all unsent messages, those shown before included.
    pub(super) fn keys(&self) -> Sql<BTreeSet<String>> {
        let mut statement =
            self.store.connection().prepare("select key from outbox where kind = 'send'")?;
        let stored: Sql<Vec<String>> = statement.query_map([], |row| row.get(0))?.collect();
        Ok(stored?.into_iter().chain(self.pending.keys().cloned()).collect())
    }

    fn is_known(&self, room: RoomId) -> bool {
        let known = self
            .store
            .connection()
            .prepare_cached("select exists (select 1 from rooms where room = ?1)")
            .and_then(|mut known| known.query_row([room.0], |row| row.get(0)));
        known.unwrap_or(false)
    }

    fn is_confirmed(&self, key: &str) -> Sql<bool> {
        self.store
            .connection()
            .prepare_cached(
                "select exists (select 1 from messages where key = ?1 and sender = ?2)",
            )?
            .query_row((key, self.store.me().0), |row| row.get(0))
    }

    /// Turns calls into notices; what came late waits until everything is here, and is one. Answers
    /// what still waits.
    fn call(&self, calls: &[Call], went_live: bool, out: &mut Vec<Change>) -> Sql<Option<Call>> {
        let mut waits = self.late;
        for call in calls {
            if call.late == 0 {
                out.extend(self.notice(*call)?.map(Change::Notice));
            } else {
                let sum = waits.map_or(0, |late| late.late);
                waits = Some(Call { late: call.late + sum, ..*call });
            }
        }
        if went_live && let Some(late) = waits.take() {
            out.extend(self.notice(late)?.map(Change::Notice));
        }
        Ok(waits)
    }

    fn notice(&self, call: Call) -> Sql<Option<Notice>> {
        let (conn, me) = (self.store.connection(), self.store.me());
        let message = views::messages(conn, me, call.room, &[call.seq])?.pop();
        let room = views::rooms(conn, me, Some(call.room))?.pop();
        let (Some(message), Some(room)) = (message, room) else { return Ok(None) };
        // Deleted again before it was told: a sum of several still says that there was news.
        if message.deleted && call.late == 0 {
            return Ok(None);
        }
        let sender = views::people(conn, [message.sender])?.pop();
        let sender = sender.map(|person| person.display_name).unwrap_or_default();
        let summary = call.late > 0;
        let title = if room.kind == RoomKind::Direct { sender.clone() } else { room.name };
        Ok(Some(Notice {
            account: self.store.account().to_owned(),
            room: call.room,
            seq: call.seq,
            key: message.key,
            title,
            sender,
            body: if summary { String::new() } else { message.text },
            summary,
            count: call.late.max(1),
        }))
    }
}
