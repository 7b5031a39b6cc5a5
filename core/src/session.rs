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

/// The session of an account.
#[derive(Debug)]
pub struct Session {
    id: String,
    secrets: Arc<dyn Secrets>,
    clock: Clock,
    tokens: Mutex<Tokens>,
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
        Session { id: id.to_owned(), secrets, clock, tokens }
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
        away(&self.secrets, move |secrets| secrets.write(&id, &entry)).await?;
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
