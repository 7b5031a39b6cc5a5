//! A look at a database from outside, beside a server that may be running on it: nothing is made and
//! nothing is changed.

use super::engine::{Conn, Outcome};
use super::postgres::Pg;
use super::sqlite::{self, Lite, Use};
use super::{Place, Result, broken, migrate};

/// How a database is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// Engine and version.
    pub engine: String,
    /// PostgreSQL older than 15.
    pub too_old: bool,
    /// The last step of its schema; none: it is empty.
    pub schema: Option<String>,
    /// Steps that the next start takes.
    pub behind: Vec<&'static str>,
    /// Steps that this program does not know: a newer one took them.
    pub ahead: Vec<String>,
    /// What is wrong with its pages; none: nothing, or the engine does not tell.
    pub damage: Option<String>,
    /// The name of the data set.
    pub epoch: Option<String>,
    /// How many are signed in; what they hold was signed with the server's secret.
    pub sessions: i64,
}

/// Looks; none: there is no database yet. `full` reads every page and index of SQLite.
pub fn look(place: &Place, full: bool) -> Result<Option<Look>> {
    match place {
        Place::Sqlite(folder) if !folder.join(sqlite::FILE).exists() => Ok(None),
        Place::Sqlite(folder) => {
            let mut lite = Lite::open(folder, Use::Read).map_err(broken)?;
            let damage = lite.damage(full).map_err(broken)?;
            let engine = format!("SQLite {}", rusqlite::version());
            seen(&mut lite, engine, damage).map(Some).map_err(broken)
        }
        Place::Postgres(url) => {
            let mut pg = Pg::open(url).map_err(broken)?;
            let version = pg.version().map_err(broken)?;
            let mut look = seen(&mut pg, format!("PostgreSQL {version}"), None).map_err(broken)?;
            let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
            look.too_old = major.is_some_and(|major| major < 15);
            Ok(Some(look))
        }
    }
}

/// The sealed key for push services, where one was made.
pub fn vapid(place: &Place) -> Result<Option<String>> {
    let mut conn: Box<dyn Conn> = match place {
        Place::Sqlite(folder) if !folder.join(sqlite::FILE).exists() => return Ok(None),
        Place::Sqlite(folder) => Box::new(Lite::open(folder, Use::Read).map_err(broken)?),
        Place::Postgres(url) => Box::new(Pg::open(url).map_err(broken)?),
    };
    let known = |conn: &mut dyn Conn| {
        if migrate::steps(conn)?.is_empty() {
            return Ok(None);
        }
        migrate::known(conn, "vapid")
    };
    known(&mut *conn).map_err(broken)
}

fn seen(conn: &mut dyn Conn, engine: String, damage: Option<String>) -> Outcome<Look> {
    conn.begin_read()?;
    let steps = migrate::steps(conn)?;
    let known: Vec<&str> = migrate::names().collect();
    let mut sessions = 0;
    if !steps.is_empty() {
        conn.rows("select count(*) from sessions where ended_at is null", &[], &mut |row| {
            sessions = row.get(0)?;
            Ok(())
        })?;
    }
    let look = Look {
        engine,
        too_old: false,
        behind: known.iter().filter(|name| !steps.iter().any(|s| s == *name)).copied().collect(),
        ahead: steps.iter().filter(|step| !known.contains(&step.as_str())).cloned().collect(),
        damage,
        epoch: if steps.is_empty() { None } else { migrate::known_epoch(conn)? },
        schema: steps.into_iter().next_back(),
        sessions,
    };
    conn.script("rollback")?;
    Ok(look)
}
