//! Brings a database up to date at start: migrations forward, each in a transaction, and the epoch.
//! The epoch names the data set; where numbers may have been lost (a restore, another timeline of
//! PostgreSQL) a new one begins, and each room remembers its head of that moment as `base`, also for
//! the epochs before: a device may have slept through several.

use super::engine::{Conn, EngineError, Outcome, Value};
use super::search;
use super::sqlite::Lite;
use hallway_protocol::ids::{ID_BITS, Millis};
use std::path::Path;

/// In the data folder after a disk failed: the next start checks every page.
pub const CHECK: &str = "check-before-use";

/// So long the word of a lane is kept: longer than any commit is waited for.
const LANE_MS: Millis = 30 * 24 * 3_600_000;

/// One step of the schema, in the words of both engines.
struct Migration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/server/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/server/postgres/", $name, ".sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!("0001_people"),
    migration!("0002_rooms"),
    migration!("0003_messages"),
    migration!("0004_jobs"),
    migration!("0005_epochs"),
    migration!("0006_mail"),
    migration!("0007_guests"),
    migration!("0010_keys"),
    migration!("0011_audit"),
    migration!("0012_tenants"),
    migration!("0020_settings"),
    migration!("0021_moderation"),
    migration!("0030_media"),
    migration!("0031_strays"),
    migration!("0040_search"),
    migration!("0041_told"),
    migration!("0050_webhooks"),
    migration!("0051_bots"),
    migration!("0052_commands"),
    migration!("0053_previews"),
    migration!("0054_preview_pictures"),
    migration!("0055_asks"),
    migration!("0060_later"),
    migration!("0061_notices"),
    migration!("0062_push"),
    migration!("0063_scheduled"),
    migration!("0070_totp"),
    migration!("0071_oidc"),
    migration!("0072_delivery_errors"),
    migration!("0080_disabled"),
];

/// Migrates, makes the default tenant, and answers the epoch.
pub fn prepare(conn: &mut dyn Conn, now: Millis) -> Outcome<String> {
    conn.begin()?;
    if conn.is_postgres() {
        // Nodes that start together take turns.
        conn.script("select pg_advisory_xact_lock(7340)")?;
    }
    migrate(conn, now)?;
    search::prepare(conn)?;
    let epoch = epoch(conn)?;
    forget_lanes(conn, now)?;
    tenant(conn, now)?;
    conn.script("commit")?;
    Ok(epoch)
}

/// The steps that this program knows, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|migration| migration.name)
}

/// The steps that a database has taken, in order; none of an empty one.
pub fn steps(conn: &mut dyn Conn) -> Outcome<Vec<String>> {
    let mut steps = Vec::new();
    if conn.is_empty()? {
        return Ok(steps);
    }
    conn.rows("select name from migrations order by name", &[], &mut |row| {
        steps.push(row.get(0)?);
        Ok(())
    })?;
    Ok(steps)
}

/// The epoch as it stands in a database.
pub fn known_epoch(conn: &mut dyn Conn) -> Outcome<Option<String>> {
    known(conn, "epoch")
}

/// What a database knows under a name.
pub fn known(conn: &mut dyn Conn, name: &str) -> Outcome<Option<String>> {
    text(conn, "select value from meta where name = $1", name)
}

fn migrate(conn: &mut dyn Conn, now: Millis) -> Outcome<()> {
    let all: Vec<String> = names().map(str::to_owned).collect();
    take(conn, &all, now)
}

/// Takes those of `wanted` that were not taken yet.
pub fn take(conn: &mut dyn Conn, wanted: &[String], now: Millis) -> Outcome<()> {
    // `int8` is 64 bits wide in both, but a strict table of SQLite would not know the word.
    conn.script("create table if not exists migrations (name text primary key, at int8 not null)")?;
    let taken = steps(conn)?;
    let ahead = taken.iter().chain(wanted).find(|step| !names().any(|name| name == **step));
    if let Some(step) = ahead {
        return Err(EngineError::Failed(format!(
            "the data were used by a newer version (it took the step {step}); this one would harm them"
        )));
    }
    for migration in MIGRATIONS {
        let is = |step: &String| step == migration.name;
        if wanted.iter().any(is) && !taken.iter().any(is) {
            conn.script(if conn.is_postgres() { migration.postgres } else { migration.sqlite })?;
            let row = [Value::Text(migration.name), Value::Int(now)];
            conn.exec("insert into migrations (name, at) values ($1, $2)", &row)?;
        }
    }
    Ok(())
}

/// The data are a copy of earlier ones: they get a name of their own, and each room a new beginning.
pub fn reborn(conn: &mut dyn Conn) -> Outcome<String> {
    conn.exec("delete from meta where name like $1", &[Value::Text("lane:%")])?;
    keep(conn, "dataset", &format!("{:08x}", rand::random::<u32>()))?;
    epoch(conn)
}

/// Lanes of processes that ended long ago left a word each; a lane that lives leaves a new one.
fn forget_lanes(conn: &mut dyn Conn, now: Millis) -> Outcome<()> {
    let old = format!("{:013}", now - LANE_MS);
    let range = [Value::Text("lane:%"), Value::Text(&old)];
    conn.exec("delete from meta where name like $1 and value < $2", &range)?;
    Ok(())
}

/// The epoch of this moment; a new one when the timeline is another than at the last start.
pub fn epoch(conn: &mut dyn Conn) -> Outcome<String> {
    if conn.is_postgres() {
        // Lanes and nodes that find a new timeline at once take turns: one of them begins it.
        conn.script("select pg_advisory_xact_lock(7340)")?;
    }
    let known = "select value from meta where name = $1";
    let dataset = match text(conn, known, "dataset")? {
        Some(dataset) => dataset,
        None => {
            let dataset = format!("{:08x}", rand::random::<u32>());
            keep(conn, "dataset", &dataset)?;
            dataset
        }
    };
    let timeline = conn.timeline()?;
    let now = if timeline.is_empty() { dataset } else { format!("{dataset}.{timeline}") };
    match text(conn, known, "epoch")? {
        Some(last) if last == now => {}
        last => {
            begin(conn, last.as_deref())?;
            keep(conn, "epoch", &now)?;
        }
    }
    Ok(now)
}

/// An epoch begins where each room's log stands. Whoever comes from an older one may keep what lies
/// under the lowest beginning since.
fn begin(conn: &mut dyn Conn, last: Option<&str>) -> Outcome<()> {
    conn.exec("update rooms set base = head where base <> head", &[])?;
    conn.exec(
        "update bases set base = (select r.base from rooms r where r.id = bases.room)
         where base > (select r.base from rooms r where r.id = bases.room)",
        &[],
    )?;
    if let Some(last) = last {
        conn.exec(
            "insert into bases (room, epoch, base) select id, $1, base from rooms where base > 0
             on conflict (room, epoch) do nothing",
            &[Value::Text(last)],
        )?;
    }
    Ok(())
}

fn tenant(conn: &mut dyn Conn, now: Millis) -> Outcome<()> {
    if text(conn, "select name from tenants where name = $1", "default")?.is_some() {
        return Ok(());
    }
    let id = rand::random_range(1..1i64 << ID_BITS);
    conn.exec(
        "insert into tenants (id, name, title, registration, owner_hash, suspended, created_at)
         values ($1, 'default', 'Hallway', null, null, 0, $2)",
        &[Value::Int(id), Value::Int(now)],
    )?;
    Ok(())
}

fn keep(conn: &mut dyn Conn, name: &str, value: &str) -> Outcome<()> {
    conn.exec(
        "insert into meta (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value",
        &[Value::Text(name), Value::Text(value)],
    )?;
    Ok(())
}

fn text(conn: &mut dyn Conn, sql: &'static str, name: &str) -> Outcome<Option<String>> {
    let mut out = None;
    conn.rows(sql, &[Value::Text(name)], &mut |row| {
        out = Some(row.get(0)?);
        Ok(())
    })?;
    Ok(out)
}

/// After a disk failed nothing is acknowledged until every page was found sound.
pub fn check_after_failure(folder: &Path, lite: &Lite) -> Outcome<()> {
    let mark = folder.join(CHECK);
    if !mark.exists() {
        return Ok(());
    }
    if lite.damage(true)?.is_some() {
        return Err(EngineError::Io("the database is damaged; restore a backup".into()));
    }
    std::fs::remove_file(&mark).map_err(|e| EngineError::Io(format!("{}: {e}", mark.display())))
}
