//! A store that cannot be trusted: what can be read of its outbox and drafts is carried over, the
//! file is set aside for thirty days, and everything else is fetched again.
//!
//! This is for a store whose key is known and that SQLCipher refuses. A key that is missing or
//! locked is another thing: then nobody comes here, and the store stays untouched.

use super::{Sql, StoreKey, outbox, put_op, unlock};
use crate::error::{Fault, Result};
use crate::op::Op;
use crate::profile::make_private;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a store that was set aside is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// A file that lost its end is tried at so many times its length (the rest is a hole: it takes no
/// space).
const LONGER: u64 = 16;
/// The files of one SQLite database.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// What could be read.
#[derive(Debug, Default)]
pub struct Salvage {
    /// Operations, in order.
    pub ops: Vec<Op>,
    /// Rooms with unsent texts, so that these are shown somewhere before the sync: `(room, kind, name)`.
    pub rooms: Vec<(i64, String, String)>,
    /// The highest place ever given, so that none is given twice.
    pub last: i64,
}

/// Reads what can be read of a damaged store: nothing at all is an answer too. It fails only where
/// nobody could look, and then the store is not to be replaced.
pub fn salvage(path: &Path, key: &StoreKey) -> Result<Salvage> {
    match attempt(path, key) {
        Err(error) if !is_passing(&error) => attempt_longer(path, key),
        other => Ok(other?),
    }
}

/// Trouble of the machine and not of the store: it says nothing about what the store holds.
fn is_passing(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    matches!(
        error.sqlite_error_code(),
        Some(
            Code::SystemIoFailure
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::OutOfMemory
                | Code::CannotOpen
                | Code::DiskFull
                | Code::PermissionDenied
                | Code::AuthorizationForStatementDenied
        )
    )
}

/// SQLite refuses a file that lost its end, whatever its beginning still holds. A copy that is long
/// enough again is taken: what is missing shows as unreadable only where it is read.
fn attempt_longer(path: &Path, key: &StoreKey) -> Result<Salvage> {
    let copy = path.with_extension("salvage");
    let longer = || -> std::io::Result<()> {
        let length = std::fs::copy(path, &copy)?;
        std::fs::File::options().write(true).open(&copy)?.set_len(length * LONGER)
    };
    let saved = longer().map(|()| attempt(&copy, key));
    for suffix in SUFFIXES {
        // A part that was never made needs no removal.
        let _ = std::fs::remove_file(with_suffix(&copy, suffix));
    }
    match saved.map_err(|error| Fault::from_io(&error))? {
        Err(error) if !is_passing(&error) => Ok(Salvage::default()),
        other => Ok(other?),
    }
}

fn attempt(path: &Path, key: &StoreKey) -> Sql<Salvage> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    unlock(&conn, key)?;
    let mut ops = BTreeMap::new();
    // An unreadable page ends a walk: the other end may have more.
    for last_first in [false, true] {
        let mut statement = conn.prepare(&outbox::from_end(last_first))?;
        let mut rows = statement.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => ops.extend(outbox::read(row).map(|op| (op.op, op))),
                Err(error) if is_passing(&error) => return Err(error),
                Ok(None) | Err(_) => break,
            }
        }
    }
    let mut rooms = Vec::new();
    for room in ops.values().map(|op| op.room.0).collect::<std::collections::BTreeSet<_>>() {
        let found = conn.query_row("select kind, name from rooms where room = ?1", [room], |row| {
            Ok((room, row.get(0)?, row.get(1)?))
        });
        rooms.extend(found);
    }
    let last = outbox::last(&conn).unwrap_or_default();
    Ok(Salvage { ops: ops.into_values().collect(), rooms, last })
}

/// Reads the whole store: every page must be what SQLCipher wrote, every tree in order. Takes about
/// a second a hundred thousand messages, so it is for idle time.
pub fn is_whole(path: &Path, key: &StoreKey) -> bool {
    let check = || -> Sql<String> {
        let conn = super::reader(path, key)?;
        conn.query_row("pragma quick_check(1)", [], |row| row.get(0))
    };
    match check() {
        Ok(said) => said == "ok",
        // Anything else than damage (a lock, a missing descriptor) says nothing about the store.
        Err(error) => !super::is_damage(&error),
    }
}

/// Puts what was saved into a new store.
pub(super) fn restore(tx: &Connection, salvage: &Salvage) -> Sql<()> {
    for op in &salvage.ops {
        put_op(tx, op)?;
    }
    for (room, kind, name) in &salvage.rooms {
        tx.execute(
            "insert or ignore into rooms (room, kind, name) values (?1, ?2, ?3)",
            (room, kind, name),
        )?;
    }
    if salvage.last > 0 {
        let raised = tx.execute(
            "update sqlite_sequence set seq = max(seq, ?1) where name = 'outbox'",
            [salvage.last],
        )?;
        if raised == 0 {
            tx.execute(
                "insert into sqlite_sequence (name, seq) values ('outbox', ?1)",
                [salvage.last],
            )?;
        }
    }
    Ok(())
}

/// Moves the files of a store out of the way; answers where they are. Called again after it was cut
/// short, it moves the rest.
pub fn set_aside(path: &Path, stamp: i64) -> std::io::Result<PathBuf> {
    let folder = path.with_file_name("set-aside");
    make_private(&folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for suffix in SUFFIXES {
        let from = with_suffix(path, suffix);
        if from.exists() {
            std::fs::rename(&from, folder.join(format!("{stamp}-{name}{suffix}")))?;
        }
    }
    Ok(folder)
}

/// Deletes the files of a store.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in SUFFIXES {
        match std::fs::remove_file(with_suffix(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Deletes what was set aside more than thirty days ago.
pub fn sweep_aside(path: &Path) {
    let Ok(entries) = std::fs::read_dir(path.with_file_name("set-aside")) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).map(age);
        if age.is_ok_and(|age| age > KEPT) {
            // Best effort: it is tried again at the next start.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "file times are wall times, and only age a spare copy"
)]
fn age(modified: SystemTime) -> Duration {
    SystemTime::now().duration_since(modified).unwrap_or(Duration::ZERO)
}
