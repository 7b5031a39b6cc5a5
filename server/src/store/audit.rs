//! The record of who did what. [`note`] is the one way into it, called in the transaction of the
//! deed: what was rolled back was not done. A line names things by their ids and ages by the hours
//! the server has run, like everything that is forgotten.

use super::engine::{Outcome, Record};
use super::{Me, Place, Read, Result, Tx, chores, whole};
use crate::params;
use hallway_protocol::ids::{Millis, TenantId, UserId};
use hallway_protocol::rest::{self, Audited};
use std::fmt;
use std::net::IpAddr;

/// How long a line is kept, in hours the server runs.
pub const KEPT: i64 = 400 * 24;

/// Who did something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Nobody we know: a sign-in that failed.
    Nobody,
    /// A person.
    Person(UserId),
    /// A tenant's backend by this key.
    Key(String),
    /// Whoever holds the operator token, or the server itself.
    Operator,
}

impl Actor {
    /// As stored, and as `?actor=` names it.
    pub fn text(&self) -> Option<String> {
        match self {
            Actor::Nobody => None,
            Actor::Person(user) => Some(user.to_string()),
            Actor::Key(id) => Some(format!("key:{id}")),
            Actor::Operator => Some("operator".into()),
        }
    }
}

/// A line in the making: `Note::by(&me, "member_muted").on(format_args!("user:{user}"))`.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    tenant: Option<TenantId>,
    act: &'static str,
    actor: Actor,
    target: Option<String>,
    address: Option<IpAddr>,
    detail: serde_json::Map<String, serde_json::Value>,
}

impl Note {
    /// Something a person did, in their tenant.
    pub fn by(me: &Me, act: &'static str) -> Note {
        Note::of(Some(me.tenant), Actor::Person(me.user), act)
    }

    /// Something anybody did, in a tenant or to the server itself.
    pub fn of(tenant: Option<TenantId>, actor: Actor, act: &'static str) -> Note {
        let (target, address, detail) = (None, None, serde_json::Map::new());
        Note { tenant, act, actor, target, address, detail }
    }

    /// To what: `user:7`, `room:7`, `message:7/812`, `session:…`.
    #[must_use]
    pub fn on(mut self, target: impl fmt::Display) -> Note {
        self.target = Some(target.to_string());
        self
    }

    /// From which address.
    #[must_use]
    pub fn from(mut self, address: impl Into<Option<IpAddr>>) -> Note {
        self.address = address.into();
        self
    }

    /// One thing more to know; never a secret, never what somebody said.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Note {
        self.detail.insert(name.into(), value.into());
        self
    }
}

/// Writes a line.
pub fn note(tx: &mut Tx<'_>, note: &Note) -> Result<()> {
    let (now, hour) = (tx.now(), chores::hours(tx)?);
    let address = note.address.map(|address| address.to_canonical().to_string());
    let detail = serde_json::Value::Object(note.detail.clone()).to_string();
    tx.exec(
        "insert into audit (tenant, at, act, actor, target, address, detail, made_hour)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            note.tenant,
            now,
            note.act,
            note.actor.text().as_deref(),
            note.target.as_deref(),
            address.as_deref(),
            &detail,
            hour
        ],
    )?;
    Ok(())
}

/// Writes a line beside a server that may be running: nobody is told of it, and nothing else that a
/// server holds in memory depends on it. Blocks; never inside a runtime.
pub fn beside(place: &Place, now: Millis, line: &Note) -> Result<()> {
    whole::apart(place, now, |tx| note(tx, line))
}

/// Which lines to show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Find {
    /// Of this tenant; none: of all, and the server's own.
    pub tenant: Option<TenantId>,
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this kind.
    pub act: Option<String>,
    /// Before this line.
    pub before: Option<i64>,
    /// How many.
    pub limit: usize,
}

/// The lines, newest first. Who may ask is the caller's to have decided: `tenant` is theirs.
pub fn list(read: &mut Read<'_>, find: &Find) -> Result<Vec<Audited>> {
    let limit = i64::try_from(find.limit).unwrap_or(i64::MAX);
    let before = find.before.unwrap_or(i64::MAX);
    let (actor, act) = (find.actor.as_deref(), find.act.as_deref());
    match find.tenant {
        Some(tenant) => read.all(
            "select id, at, act, actor, target, address, detail from audit
             where tenant = $1 and id < $2 and (cast($3 as text) is null or actor = $3)
                and (cast($4 as text) is null or act = $4)
             order by id desc limit $5",
            params![tenant, before, actor, act, limit],
            line,
        ),
        None => read.all(
            "select id, at, act, actor, target, address, detail from audit
             where id < $1 and (cast($2 as text) is null or actor = $2)
                and (cast($3 as text) is null or act = $3)
             order by id desc limit $4",
            params![before, actor, act, limit],
            line,
        ),
    }
}

/// Forgets what has had its time, at most `most` lines; how many.
pub(super) fn forget(tx: &mut Tx<'_>, hour: i64, most: i64) -> Result<u64> {
    tx.exec(
        "delete from audit where id in
            (select id from audit where made_hour < $1 order by made_hour limit $2)",
        params![hour - KEPT, most],
    )
}

fn line(row: &Record<'_>) -> Outcome<Audited> {
    let actor = row.get::<Option<String>>(3)?;
    Ok(Audited {
        id: row.get::<i64>(0)?.to_string(),
        at: row.get(1)?,
        act: row.get(2)?,
        actor: actor.map(|actor| match actor.parse() {
            Ok(user) => rest::Actor::Person(user),
            Err(_) => rest::Actor::Other(actor),
        }),
        target: row.get(4)?,
        address: row.get(5)?,
        detail: serde_json::from_str(&row.get::<String>(6)?).unwrap_or_default(),
    })
}
