//! A store that is damaged, and the time until there is another: nothing is done in it but to try
//! again.

use super::Run;
use crate::error::{Fault, Result};
use crate::feed::{Change, Connection, LinkState};
use crate::machine::Machine;
use crate::world::{Effect, Input};

/// Waits before a new store is tried again where none could be made: doubling from the first to the
/// second, milliseconds.
pub(super) const AGAIN: (i64, i64) = (1_000, 60_000);

impl Run {
    /// The store is damaged: carry its outbox over, set it aside, begin anew.
    pub(super) fn rebuild(&mut self, why: &str) {
        tracing::error!(why, "the store is damaged: set aside and fetched again");
        self.drop_machine(&Fault::Offline);
        self.damaged = true;
        self.begin_again();
    }

    /// The machine goes, with its link; whoever waited for it is answered, and asks the next one.
    pub(super) fn drop_machine(&mut self, fault: &Fault) {
        for (_, answer) in self.waiters.drain() {
            let _ = answer.send(Err(fault.clone()));
        }
        self.out = None;
        self.machine = None;
    }

    /// Without a machine there is nothing to do but to try to have one.
    pub(super) fn begin_again(&mut self) {
        let held = self.driver.reader.hold();
        self.store += 1;
        let opened = self.anew();
        drop(held);
        match opened {
            Ok((machine, effects)) => {
                self.again = None;
                self.machine = Some(machine);
                self.carry_out(effects);
                self.step(Input::Wall(self.driver.clock.now()));
            }
            Err(error) => {
                let wait = self.again.map_or(AGAIN.0, |(_, wait)| (wait * 2).min(AGAIN.1));
                if self.again.is_none() {
                    let said = format!("no local store can be made: {error}");
                    self.driver.problem("store_broken", &said);
                    self.offline();
                }
                self.again = Some((self.driver.clock.ticks() + wait, wait));
            }
        }
    }

    fn anew(&mut self) -> Result<(Machine, Vec<Effect>)> {
        if self.damaged {
            self.driver.place.replace()?;
            self.damaged = false;
            self.driver.damaged();
        }
        self.driver.machine()
    }

    pub(super) fn offline(&mut self) {
        let change = self.dated(Change::Connection(Connection {
            account: self.driver.account.clone(),
            state: LinkState::Offline,
            since: 0,
            retry_ms: None,
            why: Some("there is no local store".into()),
        }));
        self.driver.show(vec![change]);
    }
}
