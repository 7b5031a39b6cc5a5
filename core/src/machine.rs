//! The engine and its store, synchronous and deterministic: what the core's thread and the
//! simulation both drive. A step runs the engine, commits what it wrote as one transaction, and
//! answers the effects, among them the changes a window must show.

use crate::apply::Touched;
use crate::engine::{Engine, Step};
use crate::error::Fault;
use crate::feed::{Change, MessageView, Notice};
use crate::notify::Call;
use crate::store::{Sql, Store, is_damage, views};
use crate::world::{Effect, Input, Intent, Target};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rows::RoomKind;
use std::collections::{BTreeMap, BTreeSet};

/// One account: its engine and its store.
#[derive(Debug)]
pub struct Machine {
    engine: Engine,
    store: Store,
    seed: u64,
    /// Unsent messages as they were last shown, by key.
    pending: BTreeMap<String, MessageView>,
    /// What came too late to call by itself.
    late: Option<Call>,
}

impl Machine {
    /// Starts from what the store holds, and wants to be connected.
    pub fn open(store: Store, seed: u64) -> Sql<(Machine, Vec<Effect>)> {
        Machine::open_at(store, seed, 0)
    }

    /// The same, at `now`.
    pub fn open_at(store: Store, seed: u64, now: i64) -> Sql<(Machine, Vec<Effect>)> {
        let engine = Engine::new(store.load()?, seed);
        let mut machine = Machine { engine, store, seed, pending: BTreeMap::new(), late: None };
        let keys = machine.keys()?;
        // What is unsent from before is drawn by whoever opens a room, not by the feed.
        machine.compare(keys, &mut BTreeMap::new(), &mut Vec::new())?;
        let step = machine.engine.start(now);
        let effects = machine.carry_out(now, step, None);
        Ok((machine, effects))
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The store alone: everything in memory is lost, as in a crash.
    pub fn into_store(self) -> Store {
        self.store
    }

    /// One input; `now` is monotonic, in milliseconds.
    pub fn step(&mut self, now: i64, mut input: Input) -> Vec<Effect> {
        let intent = match &input {
            Input::Intent { id, .. } => Some(*id),
            _ => None,
        };
        if let Input::Intent { intent, .. } = &mut input
            && let Err(error) = self.resolve(intent)
        {
            return self.broken(now, &error, None, intent_id(&input));
        }
        let step = self.engine.step(now, input);
        self.carry_out(now, step, intent)
    }

    /// A key that was confirmed meanwhile is a number; what failed on a confirmed message is named by
    /// the message's key.
    fn resolve(&self, intent: &mut Intent) -> Sql<()> {
        if let Intent::Retry { key } | Intent::Discard { key } = intent {
            let failed = self
                .store
                .connection()
                .prepare_cached(
                    "select o.key from outbox o join messages m on m.key = ?1
                     where o.room = m.room and o.target_seq = m.seq and o.state = 'failed'
                     order by o.op limit 1",
                )?
                .query_map([key.as_str()], |row| row.get::<_, String>(0))?
                .next()
                .transpose()?;
            if let Some(failed) = failed.and_then(|failed| failed.parse().ok()) {
                *key = failed;
            }
            return Ok(());
        }
        let (room, target) = match intent {
            Intent::Send { room, reply: Some(target), .. }
            | Intent::Edit { room, target, .. }
            | Intent::Delete { room, target, .. }
            | Intent::React { room, target, .. }
            | Intent::Pin { room, target, .. } => (*room, target),
            _ => return Ok(()),
        };
        let Target::Key(key) = &*target else { return Ok(()) };
        let seq = self
            .store
            .connection()
            .prepare_cached("select seq from messages where key = ?1 and room = ?2")?
            .query_map((key.as_str(), room.0), |row| row.get(0))?
            .next()
            .transpose()?;
        if let Some(seq) = seq {
            *target = Target::Seq(seq);
        }
        Ok(())
    }

    fn carry_out(&mut self, now: i64, step: Step, intent: Option<u64>) -> Vec<Effect> {
        let touched = if step.writes.is_empty() {
            Ok(Touched::default())
        } else {
            self.store.commit(&step.writes, self.engine.server_now(now))
        };
        let shown = touched.and_then(|touched| self.show(touched, step.went_live));
        let mut out: Vec<Effect> = match shown {
            Ok(changes) => changes.into_iter().map(Effect::Change).collect(),
            Err(error) => return self.broken(now, &error, Some(step), intent),
        };
        out.extend(step.effects);
        if let Some(welcome) = step.reload {
            match self.store.load() {
                Ok(loaded) => {
                    let step = self.engine.rewound(now, loaded, *welcome);
                    out.extend(self.carry_out(now, step, None));
                }
                Err(error) => return self.broken(now, &error, None, intent),
            }
        }
        out
    }

    /// The store failed: nothing of the step happened. The engine starts anew from the disk, whose
    /// word counts; whoever waited for an answer gets the fault.
    fn broken(
        &mut self,
        now: i64,
        error: &rusqlite::Error,
        step: Option<Step>,
        intent: Option<u64>,
    ) -> Vec<Effect> {
        let fault = Fault::from_sql(error);
        tracing::error!(%error, "the local store failed");
        let answered = step.into_iter().flat_map(|step| step.effects);
        let mut ids: BTreeSet<u64> = intent.into_iter().collect();
        ids.extend(answered.filter_map(|effect| match effect {
            Effect::Answer { id, .. } => Some(id),
            _ => None,
        }));
        let answer = |id| Effect::Answer { id, result: Err(fault.clone()) };
        let mut out: Vec<Effect> = ids.into_iter().map(answer).collect();
        out.push(Effect::Change(Change::Problem {
            account: Some(self.store.account().to_owned()),
            code: fault.what().to_owned(),
            message: fault.to_string(),
        }));
        let loaded = if is_damage(error) { Err(None) } else { self.store.load().map_err(Some) };
        match loaded {
            Ok(loaded) => {
                let engine = Engine::new(loaded, self.seed);
                let before = std::mem::replace(&mut self.engine, engine);
                let step = self.engine.resume(now, &before);
                out.extend(step.effects);
            }
            Err(second) => out.push(Effect::Damaged {
                why: second.map_or_else(|| error.to_string(), |second| second.to_string()),
            }),
        }
        out
    }

    /// What a window must draw again after a commit.
    fn show(&mut self, touched: Touched, went_live: bool) -> Sql<Vec<Change>> {
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
        let mut hidden = touched.hidden;
        let unsent = if touched.all_unsent { self.keys()? } else { touched.unsent };
        self.compare(unsent, &mut rows, &mut hidden)?;
        let conn = self.store.connection();
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
            out.push(Change::Messages { account: account.clone(), room, rows });
        }
        for (room, key) in hidden {
            out.push(Change::MessageGone { account: account.clone(), room, key });
        }
        for (room, why) in touched.gone {
            out.push(Change::RoomGone { account: account.clone(), room, why: why.to_owned() });
        }
        for (room, up_to) in touched.read {
            out.push(Change::NoticeGone { account: account.clone(), room, up_to });
        }
        self.call(&touched.notices, went_live, &mut out)?;
        Ok(out)
    }

    /// Unsent messages that changed are drawn, those that are gone and not confirmed disappear.
    fn compare(
        &mut self,
        keys: BTreeSet<String>,
        rows: &mut BTreeMap<RoomId, Vec<MessageView>>,
        hidden: &mut Vec<(RoomId, String)>,
    ) -> Sql<()> {
        for key in keys {
            let now = views::pending_one(self.store.connection(), self.store.me(), &key)?;
            let before = match &now {
                Some(row) => self.pending.insert(key.clone(), row.clone()),
                None => self.pending.remove(&key),
            };
            match (now, before) {
                (Some(now), before) if before.as_ref() != Some(&now) => {
                    rows.entry(now.room).or_default().push(now);
                }
                (None, Some(before)) if !self.is_confirmed(&key)? => {
                    hidden.push((before.room, key));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The keys of all unsent messages, those shown before included.
    fn keys(&self) -> Sql<BTreeSet<String>> {
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
            .prepare_cached("select exists (select 1 from messages where key = ?1)")?
            .query_row([key], |row| row.get(0))
    }

    /// Turns calls into notices; what came late waits until everything is here, and is one.
    fn call(&mut self, calls: &[Call], went_live: bool, out: &mut Vec<Change>) -> Sql<()> {
        for call in calls {
            if call.late == 0 {
                out.extend(self.notice(*call)?.map(Change::Notice));
            } else {
                let sum = self.late.map_or(0, |late| late.late);
                self.late = Some(Call { late: call.late + sum, ..*call });
            }
        }
        if went_live && let Some(late) = self.late.take() {
            out.extend(self.notice(late)?.map(Change::Notice));
        }
        Ok(())
    }

    fn notice(&self, call: Call) -> Sql<Option<Notice>> {
        let (conn, me) = (self.store.connection(), self.store.me());
        let message = views::messages(conn, me, call.room, &[call.seq])?.pop();
        let room = views::rooms(conn, me, Some(call.room))?.pop();
        let (Some(message), Some(room)) = (message, room) else { return Ok(None) };
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

fn intent_id(input: &Input) -> Option<u64> {
    if let Input::Intent { id, .. } = input { Some(*id) } else { None }
}

#[cfg(test)]
mod tests;
