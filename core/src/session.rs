//! The tokens of one account. An access token lives ten minutes by the monotonic clock; a refresh
//! token is durable in the keyring before its access token is used, so that a crash between the two
//! leaves a token the server still takes (the successor counts as used only then).

use crate::api::Api;
use crate::error::{Fault, Result};
use crate::secrets::{Secret, Secrets, away};
use hallway_kit::Clock;
use hallway_protocol::error::Code;
use hallway_protocol::rest;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// An access token is renewed this long before it ends, milliseconds.
const EARLY: i64 = 30_000;

#[derive(Debug)]
struct Tokens {
    secret: Secret,
    access: Option<(String, i64)>,
    /// The session is over: nothing is asked until the person signs in.
    over: bool,
}

/// The writes of one entry: one at a time, and none after a later one. (A keyring may ask its person
/// for longer than anybody waits; what it then writes must not be an older token.)
#[derive(Debug, Default)]
struct Writes {
    turn: parking_lot::Mutex<()>,
    newest: AtomicU64,
}

/// The session of an account.
#[derive(Debug)]
pub struct Session {
    id: String,
    secrets: Arc<dyn Secrets>,
    clock: Clock,
    tokens: Mutex<Tokens>,
    writes: Arc<Writes>,
}

impl Session {
    /// The session whose secret was read, with the access token of a sign-in that just was. (Were
    /// it given later, the link might have refreshed in between, and the older token would win.)
    pub(crate) fn new(
        id: &str,
        secrets: Arc<dyn Secrets>,
        clock: Clock,
        secret: Secret,
        fresh: Option<rest::Session>,
    ) -> Self {
        let access = fresh.map(|fresh| (fresh.access_token, clock.ticks() + fresh.expires_in_ms));
        let tokens = Mutex::new(Tokens { secret, access, over: false });
        Session { id: id.to_owned(), secrets, clock, tokens, writes: Arc::default() }
    }

    /// Takes the tokens of a new sign-in or refresh; they count once they are durable.
    pub(crate) async fn take(&self, session: rest::Session) -> Result<()> {
        let mut tokens = self.tokens.lock().await;
        self.keep(&mut tokens, session).await
    }

    async fn keep(&self, tokens: &mut Tokens, session: rest::Session) -> Result<()> {
        let asked = self.clock.ticks();
        let secret = Secret { refresh_token: session.refresh_token, ..tokens.secret.clone() };
        let (id, entry) = (self.id.clone(), secret.clone());
        let number = self.writes.newest.fetch_add(1, Ordering::SeqCst) + 1;
        let writes = self.writes.clone();
        away(&self.secrets, move |secrets| {
            let _turn = writes.turn.lock();
            let overtaken = writes.newest.load(Ordering::SeqCst) != number;
            if overtaken { Ok(()) } else { secrets.write(&id, &entry) }
        })
        .await?;
        tokens.secret = secret;
        tokens.access = Some((session.access_token, asked + session.expires_in_ms));
        tokens.over = false;
        Ok(())
    }

    /// A token that is good for a while.
    pub(crate) async fn access(&self, api: &Api) -> Result<String> {
        let mut tokens = self.tokens.lock().await;
        if let Some((token, until)) = &tokens.access
            && self.clock.ticks() + EARLY < *until
        {
            return Ok(token.clone());
        }
        self.refresh(&mut tokens, api).await
    }

    /// A new token, whatever the old one says of itself.
    pub(crate) async fn renew(&self, api: &Api) -> Result<()> {
        let mut tokens = self.tokens.lock().await;
        self.refresh(&mut tokens, api).await.map(drop)
    }

    async fn refresh(&self, tokens: &mut Tokens, api: &Api) -> Result<String> {
        if tokens.over {
            return Err(Fault::SignedOut);
        }
        tokens.access = None;
        match api.refresh(tokens.secret.refresh_token.clone()).await {
            Ok(refreshed) => {
                self.keep(tokens, refreshed.session).await?;
                tokens.access.as_ref().map(|(token, _)| token.clone()).ok_or(Fault::SignedOut)
            }
            Err(Fault::Refused(refused))
                if matches!(refused.code, Code::SignedOut | Code::WrongCredentials) =>
            {
                tokens.over = true;
                Err(Fault::SignedOut)
            }
            Err(fault) => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Denied;
    use hallway_protocol::ids::UserId;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::mpsc;
    use std::task::Poll;

    /// A keyring whose first write waits to be let go.
    #[derive(Debug)]
    struct Slow {
        kept: parking_lot::Mutex<Vec<String>>,
        begun: mpsc::Sender<()>,
        go: parking_lot::Mutex<mpsc::Receiver<()>>,
    }

    impl Secrets for Slow {
        fn read(&self, _: &str) -> Result<Secret, Denied> {
            Err(Denied::Missing)
        }

        fn write(&self, _: &str, secret: &Secret) -> Result<(), Denied> {
            if secret.refresh_token == "first" {
                self.begun.send(()).unwrap();
                self.go.lock().recv().unwrap();
            }
            self.kept.lock().push(secret.refresh_token.clone());
            Ok(())
        }

        fn delete(&self, _: &str) -> Result<(), Denied> {
            Ok(())
        }
    }

    fn tokens(refresh_token: &str) -> rest::Session {
        rest::Session {
            id: "s".into(),
            access_token: "a".into(),
            expires_in_ms: 1,
            now: 1,
            refresh_token: refresh_token.into(),
        }
    }

    /// Goes on with it as far as it goes.
    async fn is_waiting<T>(mut work: Pin<&mut impl Future<Output = T>>) -> bool {
        poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_write_that_was_given_up_does_not_undo_a_later_one() {
        let ((begun, begins), (go, goes)) = (mpsc::channel(), mpsc::channel());
        let slow = Slow { kept: Default::default(), begun, go: parking_lot::Mutex::new(goes) };
        let secrets = Arc::new(slow);
        let secret = Secret {
            key: String::new(),
            refresh_token: String::new(),
            server: String::new(),
            name: String::new(),
            user: UserId(3),
        };
        let session = Session::new("a", secrets.clone(), Clock::system(), secret, None);
        {
            let mut first = std::pin::pin!(session.take(tokens("first")));
            assert!(is_waiting(first.as_mut()).await);
            begins.recv().unwrap();
            // Nobody waits for it any more.
        }
        let mut second = std::pin::pin!(session.take(tokens("second")));
        assert!(is_waiting(second.as_mut()).await);
        go.send(()).unwrap();
        second.await.unwrap();
        assert_eq!(*secrets.kept.lock(), ["first", "second"]);
    }
}
