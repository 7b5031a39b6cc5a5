//! Objects among the files that no file knows: a crash, a lost job or a restored database leaves them.
//! They are looked for page by page, in the order of their names. What is first seen is only noted;
//! what is still nobody's after a week that the server ran is thrown away. So nothing goes that is only
//! a moment ahead of its row, and whoever starts the server with the wrong database has a week to see it.

use super::jobs::{self, Kind};
use super::{Read, Result, Tx, chores};
use crate::params;

/// Hours that something is nobody's before it goes: a week.
pub const SAFE_HOURS: i64 = 7 * 24;
/// How far the look is, in `meta`.
const CURSOR: &str = "strays";

/// Behind which place the next page begins; empty: it is the first.
pub fn cursor(read: &mut Read<'_>) -> Result<String> {
    let sql = "select value from meta where name = $1";
    Ok(read.one(sql, params![CURSOR], |row| row.get(0))?.unwrap_or_default())
}

/// Looks at all places between two (none: up to the end), which are in order; how many are nobody's.
pub fn look(tx: &mut Tx<'_>, after: &str, to: Option<&str>, places: &[String]) -> Result<usize> {
    let hour = chores::hours(tx)?;
    let mut strays = 0;
    for place in places {
        let sql = "select count(*) from media where place = $1 and state <> 'gone'";
        if tx.number(sql, params![place])? > 0 {
            continue;
        }
        strays += 1;
        tx.exec(
            "insert into strays (place, seen_hour) values ($1, $2) on conflict (place) do nothing",
            params![place, hour],
        )?;
        let old = "delete from strays where place = $1 and seen_hour <= $2";
        if tx.exec(old, params![place, hour - SAFE_HOURS])? == 1 {
            jobs::enqueue(tx, None, Kind::Discard, place, None)?;
        }
    }
    forget(tx, after, to, places)?;
    tx.exec(
        "insert into meta (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value",
        params![CURSOR, to.unwrap_or_default()],
    )?;
    Ok(strays)
}

/// What is not there any more, or somebody's after all, is noted no longer.
fn forget(tx: &mut Tx<'_>, after: &str, to: Option<&str>, places: &[String]) -> Result<()> {
    let noted = tx.all(
        "select s.place, (select count(*) from media m where m.place = s.place
            and m.state <> 'gone')
         from strays s where s.place > $1 and s.place <= $2 order by s.place",
        // Places are digits and small letters.
        params![after, to.unwrap_or("~")],
        |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)),
    )?;
    for (place, files) in noted {
        if files > 0 || places.binary_search(&place).is_err() {
            tx.exec("delete from strays where place = $1", params![&place])?;
        }
    }
    Ok(())
}
