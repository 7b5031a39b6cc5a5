//! A mistake of ours that panics ends a machine, never the account: the store and its outbox are as
//! they were at the last commit, so a new machine goes on from there. One that makes the same
//! mistake again and again is let be after a while, and the account waits for its person.

use super::{Over, Run};
use crate::error::Fault;
use futures_util::FutureExt;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Waits before the next machine: doubling from the first to the second, milliseconds.
pub(super) const WAIT: (i64, i64) = (1_000, 60_000);
/// So many in a row, and it is not tried any more: four minutes of trying.
pub(super) const MISTAKES: u32 = 10;
/// A machine that lived this long made its mistake by itself, milliseconds.
pub(super) const CALM: i64 = 10 * 60_000;

impl Run {
    /// Does some of the thread's work; false when the thread is done. (Whatever the work left half
    /// done is of the machine, and that goes.)
    pub(super) fn guarded(&mut self, work: impl FnOnce(&mut Run) -> bool) -> bool {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(lives) => lives,
            Err(panic) => self.recover(&said(&*panic)),
        }
    }

    fn recover(&mut self, what: &str) -> bool {
        tracing::error!(account = self.driver.account, what, "a mistake of ours ended the account");
        let fault = Fault::local("core_broken", format!("a mistake of the program: {what}"));
        // What cannot even be dropped in peace is gone all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| self.drop_machine(&fault)));
        let now = self.driver.clock.ticks();
        let (before, last) = self.mistakes;
        let row = if now - last > CALM { 1 } else { before + 1 };
        self.mistakes = (row, now);
        self.driver.problem("core_broken", &fault.to_string());
        self.offline();
        if row >= MISTAKES {
            self.over(Over::Broken);
            return false;
        }
        let wait = (WAIT.0 << (row - 1)).min(WAIT.1);
        self.again = Some((now + wait, wait));
        self.wake = now + wait;
        true
    }
}

/// What a task beside the thread comes to, or what stands for it when it panics: the machine waits
/// for its word.
pub(super) async fn or_else<T>(work: impl Future<Output = T>, instead: impl FnOnce() -> T) -> T {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!(what = said(&*panic), "a mistake of ours ended a task");
        instead()
    })
}

/// The words of a panic.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
