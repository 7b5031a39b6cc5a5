//! SQLite: WAL, `synchronous=full` on the writer, statements kept, the log ended by the writer.
//!
//! A thread of its own moves the log into the database (PASSIVE every 100 ms), for a checkpoint in
//! the writer's way costs its p99. PASSIVE never *ends* a log whose writer does not pause, and a
//! thread that asks for RESTART starves, so the thread only tells the writer when it is time.

mod whole;

use super::engine::{Cell, Conn, EngineError, Fate, Mark, Outcome, Record, Value};
use super::queue::{Chore, Queue};
use hallway_protocol::ids::Millis;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ffi};
use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Older libraries carry a bug that can corrupt a database when a log is reset.
const OLDEST_LIBRARY: i32 = 3_053_000;
/// More texts than the store has: the default of 16 halves the throughput.
const STATEMENTS: usize = 256;
/// A log of this many bytes is ended by the writer.
const LOG_LIMIT: i64 = 16 * 1024 * 1024;
/// A log that did not grow for this many passes is emptied, so that deleted text leaves the files.
const QUIET_PASSES: u32 = 10;
/// How often the thread moves the log.
const PASS: Duration = Duration::from_millis(100);

/// Another connection's lock is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// And so long where it would hold up everybody: a page is read in less.
const BRIEFLY: Duration = Duration::from_millis(10);

/// The name of the database in the data folder.
pub const FILE: &str = "hallway.db";

/// A connection to SQLite.
pub struct Lite {
    conn: Connection,
    /// Texts whose parameters were checked, by address: a text is one literal.
    checked: HashSet<usize>,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The one that writes.
    Write,
    /// One of those that read.
    Read,
    /// Checkpoints alone.
    Checkpoint,
}

impl Lite {
    /// Opens the database in `folder`, made with 0600 when it is not there.
    pub fn open(folder: &Path, purpose: Use) -> Outcome<Self> {
        if rusqlite::version_number() < OLDEST_LIBRARY {
            return Err(EngineError::Failed(format!(
                "SQLite {} is too old (3.53 is needed)",
                rusqlite::version()
            )));
        }
        let path = folder.join(FILE);
        if purpose == Use::Write {
            private(&path)?;
        }
        let conn = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(error)?;
        conn.busy_timeout(PATIENCE).map_err(error)?;
        // A kept statement is run as it was planned: without this it is planned anew whenever a
        // value is bound that the plan might depend on.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(error)?;
        conn.execute_batch(
            "pragma journal_mode=wal; pragma synchronous=full; pragma wal_autocheckpoint=0;
             pragma foreign_keys=on; pragma secure_delete=on; pragma cache_size=-32768;
             pragma temp_store=memory; pragma trusted_schema=off;",
        )
        .map_err(error)?;
        if purpose == Use::Read {
            conn.execute_batch("pragma query_only=on").map_err(error)?;
        }
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        rusqlite::vtab::array::load_module(&conn).map_err(error)?;
        Ok(Lite { conn, checked: HashSet::new() })
    }

    /// What is wrong with its pages, if anything; `full` holds the indexes against the tables too.
    pub fn damage(&self, full: bool) -> Outcome<Option<String>> {
        let how = if full { "pragma integrity_check(1)" } else { "pragma quick_check(1)" };
        let answer: String = self.conn.query_row(how, [], |row| row.get(0)).map_err(error)?;
        Ok(Some(answer).filter(|answer| answer != "ok"))
    }

    fn bind<'c>(
        conn: &'c Connection,
        checked: &mut HashSet<usize>,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Outcome<CachedStatement<'c>> {
        let mut statement = conn.prepare_cached(sql).map_err(error)?;
        // SQLite numbers `$n` by first appearance: out of order they would bind swapped, silently.
        if !checked.contains(&sql.as_ptr().addr()) {
            for i in 1..=statement.parameter_count() {
                if statement.parameter_name(i) != Some(&format!("${i}")) {
                    return Err(EngineError::Failed(format!("parameter {i} out of order: {sql}")));
                }
            }
            checked.insert(sql.as_ptr().addr());
        }
        if statement.parameter_count() != params.len() {
            return Err(EngineError::Failed(format!("{} parameters given: {sql}", params.len())));
        }
        for (i, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(i + 1, value).map_err(error)?;
        }
        Ok(statement)
    }
}

impl Conn for Lite {
    fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Outcome<u64> {
        let mut statement = Self::bind(&self.conn, &mut self.checked, sql, params)?;
        statement.raw_execute().map(|n| n as u64).map_err(error)
    }

    fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&Record<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut statement = Self::bind(&self.conn, &mut self.checked, sql, params)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(error)? {
            each(&Record::Lite(row))?;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Outcome<()> {
        if sql.len() < 32 && !sql.contains(';') {
            let mut statement = self.conn.prepare_cached(sql).map_err(error)?;
            return statement.raw_execute().map(|_| ()).map_err(error);
        }
        self.conn.execute_batch(sql).map_err(error)
    }

    fn begin(&mut self) -> Outcome<()> {
        self.script("begin immediate")
    }

    fn begin_batch(&mut self, _: Millis) -> Outcome<Mark> {
        self.begin().map(|()| None)
    }

    fn begin_read(&mut self) -> Outcome<()> {
        self.script("begin")
    }

    /// One writer: whoever runs holds every lock.
    fn lock(&mut self, _: &[i64], _: &[i64]) -> Outcome<()> {
        Ok(())
    }

    fn is_postgres(&self) -> bool {
        false
    }

    fn reconnect(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn fate(&mut self, _: &Mark) -> Fate {
        Fate::Silence
    }

    /// Readers that hold the log are not waited for long: a backup reads for minutes, and nobody
    /// writes meanwhile. Asked again, it is ended when they are done.
    fn end_log(&mut self, truncate: bool) -> Outcome<()> {
        self.conn.busy_timeout(BRIEFLY).map_err(error)?;
        let done = checkpoint(&self.conn, if truncate { "truncate" } else { "restart" });
        self.conn.busy_timeout(PATIENCE).map_err(error)?;
        done.map(|_| ())
    }

    fn timeline(&mut self) -> Outcome<String> {
        Ok(String::new())
    }

    fn is_empty(&mut self) -> Outcome<bool> {
        let sql = "select count(*) from sqlite_master where type = 'table'";
        self.conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|n| n == 0).map_err(error)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match *self {
            Value::Null => ValueRef::Null,
            Value::Int(n) => ValueRef::Integer(n),
            Value::Text(t) => ValueRef::Text(t.as_bytes()),
            Value::Bytes(b) => ValueRef::Blob(b),
            Value::List(list) => {
                let list = list.iter().map(|n| rusqlite::types::Value::Integer(*n)).collect();
                let list: rusqlite::vtab::array::Array = Rc::new(list);
                return Ok(ToSqlOutput::from_rc(list, c"rarray"));
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

/// A column of a row.
pub fn cell<'a>(row: &'a rusqlite::Row<'_>, i: usize) -> Outcome<Cell<'a>> {
    Ok(match row.get_ref(i).map_err(error)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Int(n),
        ValueRef::Text(t) => Cell::Text(
            std::str::from_utf8(t).map_err(|e| EngineError::Failed(format!("column {i}: {e}")))?,
        ),
        ValueRef::Blob(b) => Cell::Bytes(b),
        ValueRef::Real(_) => return Err(EngineError::Failed(format!("column {i}: a real"))),
    })
}

fn error(e: rusqlite::Error) -> EngineError {
    let Some(cause) = e.sqlite_error() else { return EngineError::Failed(e.to_string()) };
    match (cause.extended_code & 0xff, cause.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            EngineError::Unique(e.to_string())
        }
        (ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_FULL, _) => {
            EngineError::Retry(e.to_string())
        }
        (ffi::SQLITE_IOERR | ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB, _) => {
            EngineError::Io(e.to_string())
        }
        _ => EngineError::Failed(e.to_string()),
    }
}

/// Runs a checkpoint; pages in the log and pages of it moved.
fn checkpoint(conn: &Connection, mode: &str) -> Outcome<(i64, i64)> {
    conn.query_row(&format!("pragma wal_checkpoint({mode})"), [], |row| {
        Ok((row.get(1)?, row.get(2)?))
    })
    .map_err(error)
}

/// Empties the log of a database that no thread of ours has open any more.
pub fn end_log(folder: &Path) -> Outcome<()> {
    checkpoint(&Lite::open(folder, Use::Checkpoint)?.conn, "truncate").map(|_| ())
}

/// Makes the file readable by its owner alone before SQLite opens it; log and index follow it.
fn private(path: &Path) -> Outcome<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ()).map_err(|e| EngineError::Io(format!("{}: {e}", path.display())))
}

/// Moves the log into the database until the queue closes, and tells the writer when to end it.
pub fn keep_log_short(folder: &Path, queue: &Arc<Queue>) {
    let lite = match Lite::open(folder, Use::Checkpoint) {
        Ok(lite) => lite,
        Err(error) => return tracing::error!(%error, "no checkpoints"),
    };
    let page: i64 = lite.conn.query_row("pragma page_size", [], |row| row.get(0)).unwrap_or(4096);
    let (mut last, mut quiet) = (0, 0);
    while queue.wait_open(PASS) {
        let (log, moved) = match checkpoint(&lite.conn, "passive") {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(%error, "checkpoint");
                continue;
            }
        };
        quiet = if log == last { quiet + 1 } else { 0 };
        last = log;
        if log * page > LOG_LIMIT {
            queue.chore(Chore::Restart);
        } else if log > 0 && log == moved && quiet > 0 && quiet % QUIET_PASSES == 0 {
            queue.chore(Chore::Truncate);
        }
    }
}
