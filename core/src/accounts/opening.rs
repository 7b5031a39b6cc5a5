//! Opening an account, and going on trying: a keyring may come after the app or be unlocked when its
//! person gets to it, a disk may have room again. Until then the store stays untouched and the
//! account is listed as locked, with why.

use super::{Accounts, Place, shut};
use crate::account::Core;
use crate::error::{Fault, Result};
use crate::feed::Change;
use crate::secrets::{Denied, PATIENCE, Secret, away};
use std::time::Duration;
use tokio::sync::oneshot;

/// A start waits this long for the keyring; then the account is shown as locked.
const KEYRING: Duration = Duration::from_secs(2);
/// Waits before the next attempt: doubling from the first to the second.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// The same for a keyring that is locked: each attempt may ask its person.
const ASKED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));

impl Accounts {
    /// Opens one account of the profile. One that cannot be opened does not keep the others shut, and
    /// a keyring that asks its person is not waited for: the account is locked until it answers.
    pub(super) async fn begin(&self, id: String) {
        let asks = Fault::local("keyring_locked", "the keyring has not answered yet");
        self.shut(&id, asks);
        let (done, opened) = oneshot::channel();
        let accounts = self.clone();
        let mut stop = self.0.tasks.stop();
        self.0.tasks.once("open", async move {
            tokio::select! {
                () = accounts.keep_opening(&id, done) => {}
                () = stop.heard() => {}
            }
        });
        let _ = tokio::time::timeout(KEYRING, opened).await;
    }

    /// Until it is open, or gone.
    async fn keep_opening(&self, id: &str, done: oneshot::Sender<()>) {
        let (mut done, mut said) = (Some(done), None);
        let mut tries = 0;
        while self.is_shut(id) {
            let core = match self.secret(id).await {
                Ok(secret) => self.open_with(id, secret).await,
                Err(denied) => Err(denied.into()),
            };
            let fault = match core {
                Ok(core) => {
                    // Nobody waits any more: whoever watches the feed is told all of it.
                    if done.is_none_or(|done| done.send(()).is_err()) {
                        self.tell_all(&core).await;
                    }
                    return;
                }
                Err(fault) => fault,
            };
            if !self.is_shut(id) {
                return;
            }
            if said.as_ref() != Some(&fault) {
                self.say_shut(id, &fault);
                said = Some(fault.clone());
            }
            drop(done.take());
            let knock = self.0.knock.notified();
            let _ = tokio::time::timeout(wait(&fault, tries), knock).await;
            tries += 1;
        }
    }

    /// The account's entry, however long the keyring asks its person for it: what they answer in the
    /// end counts. It is said when that takes long.
    async fn secret(&self, id: &str) -> Result<Secret, Denied> {
        let (secrets, entry) = (self.0.options.secrets.clone(), id.to_owned());
        let mut asking = tokio::task::spawn_blocking(move || secrets.read(&entry));
        let answer = match tokio::time::timeout(PATIENCE, &mut asking).await {
            Ok(answer) => answer,
            Err(_) => {
                self.say_shut(id, &Denied::Locked.into());
                asking.await
            }
        };
        answer.unwrap_or_else(|panic| Err(Denied::Broken(panic.to_string())))
    }

    fn say_shut(&self, id: &str, why: &Fault) {
        self.shut(id, why.clone());
        self.problem(Some(id), why);
        self.tell(vec![Change::Account { account: shut(id.to_owned(), why) }]);
    }

    fn is_shut(&self, id: &str) -> bool {
        matches!(self.0.places.lock().get(id), Some(Place::Shut(_)))
    }

    /// Tries again to open an account that could not be opened.
    pub async fn unlock(&self, id: &str) -> Result<Core> {
        if let Ok(core) = self.core(id) {
            return Ok(core);
        }
        let entry = id.to_owned();
        let secret = away(&self.0.options.secrets, move |secrets| secrets.read(&entry)).await;
        let opened = match secret {
            Ok(secret) => self.open_with(id, secret).await,
            Err(denied) => Err(denied.into()),
        };
        if let Err(fault) = &opened
            && self.is_shut(id)
        {
            self.shut(id, fault.clone());
        }
        opened
    }

    async fn open_with(&self, id: &str, secret: Secret) -> Result<Core> {
        let _turn = self.0.turn.lock().await;
        match self.core(id) {
            Ok(core) => Ok(core),
            // Erased meanwhile: what was read is of nothing any more.
            Err(_) if !self.is_shut(id) => Err(Fault::not_found("account")),
            Err(_) => self.open_core(id, secret, None).await,
        }
    }

    /// The same for a window: all the account holds is told to whoever watches.
    pub async fn try_again(&self, id: &str) -> Result<()> {
        let core = self.unlock(id).await?;
        self.tell(core.snapshot().await?);
        Ok(())
    }

    async fn tell_all(&self, core: &Core) {
        if let Ok(changes) = core.snapshot().await {
            self.tell(changes);
        }
    }
}

/// How long after so many attempts the next one is.
fn wait(fault: &Fault, tries: u32) -> Duration {
    let (least, most) = if fault.what() == Denied::Locked.code() { ASKED } else { AGAIN };
    least.saturating_mul(1 << tries.min(16)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_that_asks_its_person_is_asked_less_often() {
        let waits = |fault: &Fault| (0..8).map(|n| wait(fault, n).as_secs()).collect::<Vec<_>>();
        let away: Fault = Denied::NoService(String::new()).into();
        assert_eq!(waits(&away), [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(waits(&Denied::Locked.into()), [60, 120, 240, 480, 900, 900, 900, 900]);
        assert_eq!(wait(&away, u32::MAX), AGAIN.1);
    }
}
