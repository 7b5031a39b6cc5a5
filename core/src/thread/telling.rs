//! What the thread tells: the feed, whoever waits inside, and the person.

use super::{Driver, Run};
use crate::feed::{Account, AccountState, Change, FaultView, LinkState};
use crate::store::views::{self, read_word};
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::ids::Key;

impl Driver {
    /// Says that the store was replaced.
    pub(super) fn damaged(&self) {
        self.problem("store_damaged", "the local store was damaged and is fetched again");
    }

    pub(super) fn problem(&self, code: &str, message: &str) {
        self.show(vec![Change::Problem {
            account: Some(self.account.clone()),
            code: code.to_owned(),
            message: message.to_owned(),
        }]);
    }

    /// Tells whoever waits, or else the person.
    pub(super) fn refused(&self, key: &Key, joins: bool, why: FaultView) -> Option<Change> {
        let refused = Refused::new(read_word(&why.code, Code::Unknown), why.message);
        let message = refused.to_string();
        if self.refusals.tell(key, refused) {
            self.moved.send_modify(|moved| *moved += 1);
            return None;
        }
        let code = if joins { "join_refused" } else { "leave_refused" }.to_owned();
        Some(Change::Problem { account: Some(self.account.clone()), code, message })
    }

    pub(super) fn show(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.feed.tell(changes);
            self.moved.send_modify(|moved| *moved += 1);
        }
    }
}

impl Run {
    /// Puts the wall time on what is shown.
    pub(super) fn dated(&self, change: Change) -> Change {
        match change {
            Change::Connection(mut connection) => {
                connection.since = self.driver.clock.now();
                self.driver.status.send_replace(connection.state);
                Change::Connection(connection)
            }
            other => other,
        }
    }

    /// What is shown of a change: of my own row the account too, whose name and role stand there.
    pub(super) fn told(&self, change: Change) -> Vec<Change> {
        let mine = matches!(&change, Change::Person { person, .. }
            if person.user == self.driver.bare.user);
        let account = if mine { self.account() } else { None };
        let account = account.map(|account| Change::Account { account });
        std::iter::once(self.dated(change)).chain(account).collect()
    }

    fn account(&self) -> Option<Account> {
        let signed_out = *self.driver.status.borrow() == LinkState::SignedOut;
        let state = if signed_out { AccountState::SignedOut } else { AccountState::Open };
        let bare = Account { state, ..self.driver.bare.clone() };
        let store = self.machine.as_ref()?.store();
        // Where it cannot be read now, whoever asks for the account reads it then.
        views::account(store.connection(), bare).ok()
    }
}
