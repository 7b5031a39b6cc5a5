//! Who asks. Beyond the signature of a token every request asks a cached answer of "does this session
//! still live?", which a revocation overwrites the moment it is committed.

use crate::app::App;
use crate::bots;
use crate::error::{Refusal, Result};
use crate::front;
use crate::keys;
use crate::routes;
use crate::store::sessions::{self, Whois};
use crate::store::{Me, Needs, Store, Tx, totp};
use crate::tokens::{ACCESS_MS, Access, Tokens};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use hallway_kit::Clock;
use hallway_protocol::frames::close;
use hallway_protocol::ids::UserId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// After this an answer about a session is asked for anew, in case a revocation got lost.
const CACHED_MS: i64 = 60_000;
/// Sessions remembered; beyond it all are asked for anew.
const CACHE: usize = 50_000;

/// The cached answers about sessions.
#[derive(Debug)]
pub struct Sessions {
    clock: Clock,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
enum Known {
    /// Lives; the highest generation proven used, and when we asked.
    Alive(Me, i64, i64),
    /// Ended, then.
    Ended(i64),
}

impl Sessions {
    /// Nothing is known yet.
    pub fn new(clock: Clock) -> Self {
        Sessions { clock, known: Mutex::default() }
    }

    /// These are over. Remembered longer than any access token lives, so that an older answer from
    /// the store cannot bring one back.
    pub fn ended(&self, sessions: &[String]) {
        let now = self.clock.ticks();
        let mut known = self.known.lock();
        for session in sessions {
            known.insert(session.clone(), Known::Ended(now));
        }
    }

    /// Somebody's role or account changed: what we know of their sessions is old.
    pub fn changed(&self, user: UserId) {
        self.known.lock().retain(|_, k| !matches!(k, Known::Alive(me, ..) if me.user == user));
    }

    /// The person of an access token, if its session lives. The first sight of a token made with a
    /// new refresh token proves that the new one arrived: from then on the old one is dead.
    pub async fn me(&self, store: &Store, tokens: &Arc<Tokens>, access: &Access) -> Result<Me> {
        if let Some((me, proven)) = self.cached(&access.session)?
            && access.generation <= proven
        {
            return same(me, access);
        }
        let id = access.session.clone();
        let found = store.read(move |read| sessions::whois(read, &id)).await?;
        let Whois { me, generation: proven } = found.ok_or(Refusal::SignedOut)?;
        if access.generation > proven {
            let (who, generation, tokens) = (me.clone(), access.generation, tokens.clone());
            let proves = move |tx: &mut Tx<'_>| {
                sessions::used(tx, &who, generation, &|family, at| tokens.hash(family, at))
            };
            store.write(Needs::person(me.user), proves).await?;
        }
        self.remember(me.clone(), proven.max(access.generation))?;
        same(me, access)
    }

    fn cached(&self, session: &str) -> Result<Option<(Me, i64)>> {
        let now = self.clock.ticks();
        match self.known.lock().get(session) {
            Some(Known::Ended(_)) => Err(Refusal::SignedOut),
            Some(Known::Alive(me, proven, at)) if now - at < CACHED_MS => {
                Ok(Some((me.clone(), *proven)))
            }
            _ => Ok(None),
        }
    }

    fn remember(&self, me: Me, proven: i64) -> Result<()> {
        let now = self.clock.ticks();
        let mut known = self.known.lock();
        if known.len() >= CACHE {
            known.retain(|_, k| matches!(k, Known::Ended(at) if now - *at < 2 * ACCESS_MS));
        }
        if let Some(Known::Ended(_)) = known.get(&me.session) {
            return Err(Refusal::SignedOut);
        }
        known.insert(me.session.clone(), Known::Alive(me, proven, now));
        Ok(())
    }
}

/// The token and the session must agree on whose they are.
fn same(me: Me, access: &Access) -> Result<Me> {
    if me.user == access.user && me.tenant == access.tenant {
        Ok(me)
    } else {
        Err(Refusal::SignedOut)
    }
}

/// The signed-in caller of a request.
#[derive(Clone, Debug)]
pub struct Session(pub Me);

impl FromRequestParts<App> for Session {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // A `call` over a socket carries its caller with it.
        if let Some(session) = parts.extensions.get::<Session>() {
            return Ok(session.clone());
        }
        if let Some(me) = keys::caller(app, &parts.headers, routes::rule(parts)).await? {
            return Ok(Session(me));
        }
        let token = bearer(&parts.headers).ok_or(Refusal::SignedOut)?;
        let bot = bots::caller(app, token).await?;
        let person = bot.is_none();
        let me = match bot {
            Some(bot) => bot,
            None => {
                let access = app.tokens.read(token)?;
                app.sessions.me(&app.store, &app.tokens, &access).await?
            }
        };
        let caller = parts.extensions.get::<front::Caller>().map(|caller| caller.address);
        admit(app, &me, caller, parts.headers.get(header::ORIGIN)).await?;
        if person && !routes::sets_up(parts) {
            armed(app, &me).await?;
        }
        Ok(Session(me))
    }
}

/// The token of a request.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

/// Whether the tenant of a caller lets them call now: it is not suspended, nobody barred where they
/// come from, the page they call from is one of its own or the server's, and there is room for a
/// call of it.
pub async fn admit(
    app: &App,
    me: &Me,
    from: Option<IpAddr>,
    origin: Option<&HeaderValue>,
) -> Result<()> {
    let tenant = app.settings.of(&app.store, me.tenant).await?;
    if tenant.suspended {
        return Err(Refusal::SignedOut);
    }
    if let Some(from) = from {
        app.barred.admit(me, from, app.clock.now())?;
    }
    if origin.is_some_and(|origin| !front::may_call_in(app, origin, &tenant)) {
        return Err(Refusal::Forbidden("this origin may not call"));
    }
    app.rates.person(&tenant, me.user)
}

/// Whether the tenant of a person asks for a second factor that they do not have.
pub async fn lacks_factor(app: &App, me: &Me) -> Result<bool> {
    let tenant = app.settings.of(&app.store, me.tenant).await?;
    if !tenant.config.second_factor || me.guest {
        return Ok(false);
    }
    let user = me.user;
    Ok(!app.store.read(move |read| totp::is_on(read, user)).await?)
}

/// Refuses who lacks a second factor.
pub async fn armed(app: &App, me: &Me) -> Result<()> {
    match lacks_factor(app, me).await? {
        true => Err(Refusal::Forbidden("set up a second factor first")),
        false => Ok(()),
    }
}

/// Somebody's second factor is gone: where one is asked for, their connections end, and come back
/// when they have another.
pub fn disarmed(app: &App, user: UserId) {
    app.hub.end_where(close::RESTARTING, |line| {
        let tenant = app.settings.known(line.tenant);
        line.user == user && tenant.is_some_and(|tenant| tenant.config.second_factor)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::ids::TenantId;

    #[test]
    fn an_ended_session_does_not_come_back_by_an_older_answer() {
        let sessions = Sessions::new(Clock::system());
        let me = Me {
            tenant: TenantId(1),
            user: UserId(3),
            role: Default::default(),
            guest: false,
            session: "s".into(),
        };
        sessions.remember(me.clone(), 0).unwrap();
        assert!(sessions.cached("s").unwrap().is_some());
        sessions.ended(&["s".into()]);
        assert!(sessions.remember(me, 0).is_err());
        assert!(sessions.cached("s").is_err());
    }
}
