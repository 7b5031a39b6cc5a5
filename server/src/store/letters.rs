//! Dead letters: jobs that were given up. Whoever runs a tenant sees those of its own; what is the
//! server's own is the operator's.

use super::audit::{self, Note};
use super::engine::{Outcome, Record};
use super::{Event, Once, Read, Result, StoreError, Tx, deeds, deliveries};
use crate::access::{self, Admin, AdminAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, TenantId};
use hallway_protocol::rest::{DeadLetter, Stats};

/// Which of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Find {
    /// Of this kind.
    pub kind: Option<String>,
    /// After this one: when it was given up, and its id.
    pub after: Option<(Millis, String)>,
    /// How many.
    pub limit: usize,
}

/// Those given up last first.
pub fn list(read: &mut Read<'_>, admin: &Admin, find: &Find) -> Result<Vec<DeadLetter>> {
    access::may_run(admin, AdminAct::Watch, None)?;
    let limit = i64::try_from(find.limit).unwrap_or(i64::MAX);
    let (at, id) = find.after.clone().unwrap_or((i64::MAX, String::new()));
    read.all(
        "select id, kind, attempts, last_error, created_at, dead_at from jobs
         where state = 'dead' and (cast($1 as bigint) is null or tenant = $1)
            and (cast($2 as text) is null or kind = $2)
            and (dead_at < $3 or (dead_at = $3 and id > $4))
         order by dead_at desc, id limit $5",
        params![admin.tenant, find.kind.as_deref(), at, &id, limit],
        letter,
    )
}

/// Tries one again, from the beginning.
pub fn retry(tx: &mut Tx<'_>, admin: &Admin, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    if deeds::first(tx, admin, key, "letter-retry", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let tenant = whose(tx, admin, id)?;
    let now = tx.now();
    tx.exec(
        "update jobs set state = 'pending', attempts = 0, next_at = $1, dead_at = null
         where id = $2 and state = 'dead'",
        params![now, id],
    )?;
    deliveries::revive(tx, id)?;
    tx.emit(Event::Jobs);
    noted(tx, admin, tenant, "job_retried", id)?;
    deeds::keep(tx, admin, key, "letter-retry", id, "")?;
    Ok(Once { again: false, answer: () })
}

/// Drops one for good.
pub fn destroy(tx: &mut Tx<'_>, admin: &Admin, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    if deeds::first(tx, admin, key, "letter-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let tenant = whose(tx, admin, id)?;
    tx.exec("delete from jobs where id = $1 and state = 'dead'", params![id])?;
    noted(tx, admin, tenant, "job_dropped", id)?;
    deeds::keep(tx, admin, key, "letter-end", id, "")?;
    Ok(Once { again: false, answer: () })
}

/// Whose dead letter it is, if this asker may know of it.
fn whose(read: &mut Read<'_>, admin: &Admin, id: &str) -> Result<Option<TenantId>> {
    let found =
        read.one("select tenant from jobs where id = $1 and state = 'dead'", params![id], |row| {
            row.get::<Option<TenantId>>(0)
        })?;
    match found {
        Some(tenant) if admin.tenant.is_none() || admin.tenant == tenant => {
            access::may_run(admin, AdminAct::Watch, tenant)?;
            Ok(tenant)
        }
        _ => Err(StoreError::NotFound("dead letter")),
    }
}

fn noted(
    tx: &mut Tx<'_>,
    admin: &Admin,
    tenant: Option<TenantId>,
    act: &'static str,
    id: &str,
) -> Result<()> {
    let note = Note::of(tenant, admin.actor.clone(), act).from(admin.address);
    audit::note(tx, &note.on(format_args!("job:{id}")))
}

/// Counts of what the asker runs; what this node alone knows is the caller's to fill in.
pub fn stats(read: &mut Read<'_>, admin: &Admin) -> Result<Stats> {
    access::may_run(admin, AdminAct::Watch, None)?;
    let of = admin.tenant;
    let mut count = |sql| read.number(sql, params![of]);
    Ok(Stats {
        tenants: count(
            "select count(*) from tenants
             where erased_at is null and (cast($1 as bigint) is null or id = $1)",
        )?,
        users: count(
            "select count(*) from users where guest = 0 and bot = 0 and deleted_at is null
                and (cast($1 as bigint) is null or tenant = $1)",
        )?,
        guests: count(
            "select count(*) from users where guest = 1 and deleted_at is null
                and (cast($1 as bigint) is null or tenant = $1)",
        )?,
        bots: count(
            "select count(*) from users where bot = 1 and deleted_at is null
                and (cast($1 as bigint) is null or tenant = $1)",
        )?,
        sessions: count(
            "select count(*) from sessions s join users u on u.id = s.person
             where s.ended_at is null and (cast($1 as bigint) is null or u.tenant = $1)",
        )?,
        rooms: count(
            "select count(*) from rooms
             where deleted_at is null and (cast($1 as bigint) is null or tenant = $1)",
        )?,
        messages: count(
            "select cast(coalesce(sum(last_n), 0) as bigint) from rooms
             where deleted_at is null and (cast($1 as bigint) is null or tenant = $1)",
        )?,
        jobs: count(
            "select count(*) from jobs
             where state <> 'dead' and (cast($1 as bigint) is null or tenant = $1)",
        )?,
        dead_letters: count(
            "select count(*) from jobs
             where state = 'dead' and (cast($1 as bigint) is null or tenant = $1)",
        )?,
        connections: 0,
        uptime_ms: 0,
    })
}

fn letter(row: &Record<'_>) -> Outcome<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        kind: row.get(1)?,
        attempts: row.get(2)?,
        last_error: row.get(3)?,
        created_at: row.get(4)?,
        dead_at: row.get::<Option<Millis>>(5)?.unwrap_or_default(),
    })
}
