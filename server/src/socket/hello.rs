//! The greeting. Nothing but `hello` is read, for ten seconds; then the connection joins the hub,
//! and only then the heads are read that stand in `welcome`. So an event is either under a head of
//! the welcome, or it waits in the line and follows: there is no third case.

use super::Socket;
use crate::app::App;
use crate::auth::{admit, armed};
use crate::bots;
use crate::error::{Refusal, Result};
use crate::extract::wrong_frame;
use crate::front::Caller;
use crate::hub::line::{Line, encode};
use crate::hub::told::Told;
use crate::store::{Me, Needs, keys, notices, sessions, sync};
use axum::http::{HeaderValue, StatusCode};
use futures_util::{SinkExt, StreamExt};
use hallway_protocol::VERSION;
use hallway_protocol::frames::{
    ClientFrame, Cursors, Hello, Presence, ServerFrame, Welcome, close,
};
use hallway_protocol::limits::{HELLO_BYTES, HELLO_ROOMS};
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{self, Message};

/// Who does not say hello in this time wants nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many frames that are no hello are too many.
const TRIES: usize = 3;

/// A close code, and what is said first.
pub type Goodbye = Box<(u16, Option<Refusal>)>;

/// A connection that is in the hub; dropping it takes it out.
pub struct Present {
    app: App,
    /// Whose it is.
    pub me: Me,
    /// What waits for it.
    pub line: Arc<Line>,
}

/// What the upgrade said of who comes.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// From where.
    pub caller: Caller,
    /// The page that opened the socket, where it was one.
    pub origin: Option<HeaderValue>,
    /// The person for whom a key acts; `hello` needs no token then.
    pub me: Option<Me>,
}

impl Present {
    /// Joins the hub with all rooms of a person.
    pub async fn join(app: &App, me: Me) -> Result<Present> {
        let line = app.hub.arrive(&me);
        let present = Present { app: app.clone(), me: me.clone(), line };
        // Suspended before we arrived is seen here; later, the line is ended.
        if app.settings.of(&app.store, me.tenant).await?.suspended {
            return Err(Refusal::SignedOut);
        }
        let here = app.store.read(move |read| sync::here(read, &me)).await?;
        let rooms: Vec<_> = here.iter().map(|here| (here.room, here.min_seq)).collect();
        app.hub.seat(&present.line, &rooms);
        for at in &here {
            app.hub.quiet(present.line.user, at.room, at.notify, at.muted_until);
        }
        app.presence.set(&present.line, Presence::Online);
        Ok(present)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let rooms = self.app.hub.rooms_at(&self.line);
        self.app.hub.depart(&self.line);
        self.app.presence.depart(&self.line, rooms);
    }
}

/// Reads `hello`, answers `welcome`.
pub async fn greet(
    app: &App,
    socket: &mut Socket,
    visitor: &Visitor,
) -> std::result::Result<(Present, Told), Goodbye> {
    let hello = match tokio::time::timeout(PATIENCE, read(socket)).await {
        Ok(hello) => hello?,
        Err(_) => return Err(Box::new((close::NO_HELLO, None))),
    };
    let (present, welcome, told) = welcome(app, hello, visitor).await.map_err(|refusal| {
        let code = match &refusal {
            Refusal::SignedOut | Refusal::Forbidden(_) => close::SIGNED_OUT,
            Refusal::Invalid { .. } => close::MALFORMED,
            _ => close::RESTARTING,
        };
        Box::new((code, Some(refusal)))
    })?;
    let sent = socket.send(Message::Text(encode(&ServerFrame::Welcome(welcome)))).await;
    sent.map_err(|_| Box::new((close::TOO_SLOW, None)))?;
    Ok((present, told))
}

async fn read(socket: &mut Socket) -> std::result::Result<Hello, Goodbye> {
    for _ in 0..TRIES {
        let text = loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(tungstenite::Error::Capacity(_))) => return Err(too_large()),
                _ => return Err(Box::new((close::MALFORMED, None))),
            }
        };
        if text.len() > HELLO_BYTES {
            return Err(too_large());
        }
        match parse(&text) {
            Ok(hello) => return Ok(hello),
            Err(refusal @ Refusal::Unsupported(..)) => {
                return Err(Box::new((close::VERSION, Some(refusal))));
            }
            Err(refusal) => super::talk::say_refused(socket, None, &refusal).await,
        }
    }
    Err(Box::new((close::MALFORMED, None)))
}

fn too_large() -> Goodbye {
    Box::new((close::TOO_LARGE, Some(Refusal::TooLarge(HELLO_BYTES))))
}

/// Looks at the version before the shape: a later version may have another.
fn parse(text: &str) -> Result<Hello> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| Refusal::invalid("frame", error))?;
    let hello = value["type"] == "hello";
    if hello && value["v"].is_u64() && value["v"] != VERSION {
        let status = StatusCode::UPGRADE_REQUIRED;
        return Err(Refusal::Unsupported(status, "this server speaks version 1"));
    }
    match serde_json::from_value(value.clone()) {
        Ok(ClientFrame::Hello(hello)) => Ok(hello),
        Ok(_) => Err(Refusal::invalid("type", "must be hello first")),
        Err(error) => Err(wrong_frame::<ClientFrame>(&value, &error.to_string())),
    }
}

/// Who comes, as the upgrade said or by their token, and whether it is by a session of their own.
async fn who(app: &App, hello: &Hello, visitor: &Visitor) -> Result<(Me, bool)> {
    if let Some(me) = &visitor.me {
        return Ok((me.clone(), false));
    }
    let token = hello.token.as_deref().ok_or(Refusal::SignedOut)?;
    if let Some(bot) = bots::caller(app, token).await? {
        return Ok((bot, false));
    }
    let access = app.tokens.read(token)?;
    Ok((app.sessions.me(&app.store, &app.tokens, &access).await?, true))
}

async fn welcome(app: &App, hello: Hello, visitor: &Visitor) -> Result<(Present, Welcome, Told)> {
    if matches!(&hello.rooms, Cursors::List(rooms) if rooms.len() > HELLO_ROOMS) {
        return Err(Refusal::invalid("rooms", format!("are more than {HELLO_ROOMS}")));
    }
    let (me, person) = who(app, &hello, visitor).await?;
    let from = visitor.caller.address;
    admit(app, &me, Some(from), visitor.origin.as_ref()).await?;
    let present = Present::join(app, me.clone()).await?;
    // Barred before we were known by our address is seen here; later, the line is ended.
    present.line.comes_from(from);
    app.barred.admit(&me, from, app.clock.now())?;
    if person {
        // Asked when we have joined, so that a tenant that begins to ask for one ends the line.
        armed(app, &me).await?;
    }
    app.hub.focus(&present.line, hello.focus);
    let asked = me.clone();
    let other = hello.epoch.filter(|epoch| *epoch != app.store.epoch());
    // Who comes from another epoch begins its own log anew.
    let own = if other.is_none() { hello.own } else { 0 };
    let cursors = match hello.rooms {
        Cursors::List(rooms) => Some(rooms),
        Cursors::Word(_) => None,
    };
    let last = hello.notices;
    let standing = app.store.read(move |read| {
        // A revocation from before we joined the hub is seen here, a later one by the line.
        if sessions::whois(read, &asked.session)?.is_none() && !keys::acts(read, &asked)? {
            return Err(crate::store::StoreError::SignedOut);
        }
        let heads = sync::heads(read, &asked, cursors.as_deref(), other.as_deref())?;
        Ok((heads, notices::missed(read, &asked, last.as_deref())?))
    });
    let (standing, missed) = standing.await?;
    // One that comes at this moment may come twice; its id says so.
    present.line.missed(missed.into_iter().map(ServerFrame::Notice));
    present.line.set_own_head(standing.own);
    let told = Told::new(standing.heads, standing.own, own);
    // Only for display: nobody waits for it.
    drop(app.store.write(Needs::person(me.user), move |tx| sessions::seen(tx, &me)));
    let tenant = app.settings.of(&app.store, present.me.tenant).await?;
    let welcome = Welcome {
        v: VERSION,
        connection: present.line.id.to_string(),
        epoch: app.store.epoch(),
        now: app.clock.now(),
        heartbeat_ms: i64::try_from(app.config.heartbeat.as_millis()).unwrap_or(i64::MAX),
        own_head: standing.own,
        rooms: standing.rooms,
        gone: standing.gone,
        limits: app.limits_of(&tenant),
    };
    Ok((present, welcome, told))
}
