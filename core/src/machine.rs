//! The engine and its store, synchronous and deterministic: what the core's thread and the
//! simulation both drive. A step runs the engine, commits what it wrote as one transaction, and
//! answers the effects, among them the changes a window must show.

mod draw;

use crate::apply::Touched;
use crate::engine::{Engine, Step};
use crate::error::Fault;
use crate::feed::{Change, MessageView};
use crate::notify::Call;
use crate::store::{Sql, Store, is_damage};
use crate::world::{Effect, Input, Intent, Target};
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
    /// What was committed and could not be drawn; and whether the link went live with it.
    owed: (Touched, bool),
    /// The store could not even be read: when that is tried again, and what everybody is told.
    stalled: Option<(i64, Fault)>,
}

/// A store that cannot be read is tried again after this, milliseconds.
const STALL: i64 = 5_000;

impl Machine {
    /// Starts from what the store holds, and wants to be connected.
    pub fn open(store: Store, seed: u64) -> Sql<(Machine, Vec<Effect>)> {
        Machine::open_at(store, seed, 0)
    }

    /// The same, at `now`.
    pub fn open_at(store: Store, seed: u64, now: i64) -> Sql<(Machine, Vec<Effect>)> {
        let loaded = store.load()?;
        let unreadable = loaded.unreadable;
        let engine = Engine::new(loaded, seed);
        let mut machine = Machine {
            engine,
            store,
            seed,
            pending: BTreeMap::new(),
            late: None,
            owed: (Touched::default(), false),
            stalled: None,
        };
        // What is unsent from before is drawn by whoever opens a room, not by the feed.
        for (key, row) in machine.unsent(machine.keys()?)? {
            machine.pending.extend(row.map(|row| (key, row)));
        }
        let step = machine.engine.start(now);
        let mut effects = machine.carry_out(now, step, None);
        if unreadable > 0 {
            effects.push(Effect::Change(Change::Problem {
                account: Some(machine.store.account().to_owned()),
                code: "outbox_unreadable".to_owned(),
                message: format!("{unreadable} of what was not sent yet cannot be read"),
            }));
        }
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
        let intent = intent_id(&input);
        if let Some((until, fault)) = self.stalled.clone() {
            return self.wait_for_store(now, until, fault, intent);
        }
        if let Input::Intent { intent: wish, .. } = &mut input
            && let Err(error) = self.resolve(wish)
        {
            return self.broken(now, &error, None, intent);
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
        let key = self.engine.outbox().successor(key).clone();
        let seq = self
            .store
            .connection()
            .prepare_cached(
                "select seq from messages where key = ?1 and room = ?2 and sender = ?3",
            )?
            .query_map((key.as_str(), room.0, self.store.me().0), |row| row.get(0))?
            .next()
            .transpose()?;
        *target = seq.map_or(Target::Key(key), Target::Seq);
        Ok(())
    }

    fn carry_out(&mut self, now: i64, step: Step, intent: Option<u64>) -> Vec<Effect> {
        let committed = if step.writes.is_empty() {
            Ok(Touched::default())
        } else {
            self.store.commit(&step.writes, self.engine.server_now(now))
        };
        let touched = match committed {
            Ok(touched) => touched,
            Err(error) => return self.broken(now, &error, Some(step), intent),
        };
        let shown = self.show(touched, step.went_live);
        let mut out: Vec<Effect> = Vec::new();
        let mut damage = None;
        match shown {
            Ok(changes) => out.extend(changes.into_iter().map(Effect::Change)),
            // It is on disk: it is answered and said, and drawn with the next step.
            Err(error) => {
                tracing::error!(%error, "what was committed cannot be drawn");
                damage = is_damage(&error).then(|| error.to_string());
            }
        }
        out.extend(step.effects);
        if let Some(welcome) = step.reload {
            match self.store.load() {
                Ok(loaded) => {
                    let step = self.engine.rewound(now, loaded, *welcome);
                    out.extend(self.carry_out(now, step, None));
                }
                Err(error) => out.extend(self.broken(now, &error, None, None)),
            }
        }
        out.extend(damage.map(|why| Effect::Damaged { why }));
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
        out.extend(self.engine.drop_fills());
        if is_damage(error) {
            out.push(Effect::Damaged { why: error.to_string() });
        } else {
            out.extend(self.begin_anew(now));
        }
        out
    }

    /// The engine anew, from the disk. A store that cannot be read is not a damaged one: it stays,
    /// and is tried again.
    fn begin_anew(&mut self, now: i64) -> Vec<Effect> {
        match self.store.load() {
            Ok(loaded) => {
                self.stalled = None;
                let engine = Engine::new(loaded, self.seed);
                let before = std::mem::replace(&mut self.engine, engine);
                self.engine.resume(now, &before).effects
            }
            Err(error) if is_damage(&error) => {
                vec![Effect::Damaged { why: error.to_string() }]
            }
            Err(error) => {
                tracing::error!(%error, "the local store cannot be read");
                self.stalled = Some((now + STALL, Fault::from_sql(&error)));
                let mut out = self.engine.give_up(now);
                out.push(Effect::Wake { at: now + STALL });
                out
            }
        }
    }

    /// Nothing happens until the store can be read.
    fn wait_for_store(
        &mut self,
        now: i64,
        until: i64,
        fault: Fault,
        intent: Option<u64>,
    ) -> Vec<Effect> {
        let answer = |id| Effect::Answer { id, result: Err(fault.clone()) };
        let mut out: Vec<Effect> = intent.into_iter().map(answer).collect();
        if now >= until {
            out.extend(self.begin_anew(now));
        } else {
            out.push(Effect::Wake { at: until });
        }
        out
    }
}

fn intent_id(input: &Input) -> Option<u64> {
    if let Input::Intent { id, .. } = input { Some(*id) } else { None }
}

#[cfg(test)]
mod tests;
