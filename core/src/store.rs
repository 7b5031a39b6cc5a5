//! The local store of one account: SQLCipher under a raw key, disposable but for its outbox.
//!
//! One connection writes (the core's thread), others read. Steps that touch the outbox commit with
//! `synchronous=FULL`: the person saw them as taken. Server data commits with `NORMAL`: a power cut
//! loses it, and it is pulled again.

mod damage;
mod load;
mod outbox;
mod replace;
pub(crate) mod rewind;
mod room_views;
pub(crate) mod rooms;
mod unread;
pub(crate) mod views;

pub use damage::{Salvage, is_whole, salvage, set_aside};
pub use load::Loaded;
pub(crate) use outbox::{put as put_op, remove as remove_op};
pub use replace::Place;

use crate::apply::{Touched, Write, apply};
use hallway_protocol::ids::{Millis, UserId};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::Path;

/// A result of SQLite.
pub type Sql<T> = rusqlite::Result<T>;

/// The 256-bit key of a store.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKey(pub [u8; 32]);

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// Each migration once, in order; `user_version` counts them.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/client/0001_start.sql"),
    include_str!("../../migrations/client/0002_search.sql"),
    include_str!("../../migrations/client/0003_threads.sql"),
];

/// How long a statement waits for another connection's lock, milliseconds.
const BUSY: u32 = 5_000;

/// The writing connection.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    me: UserId,
    account: String,
    full: bool,
}

impl Store {
    /// A store in memory, for tests and simulations.
    pub fn memory(me: UserId) -> Sql<Store> {
        Store::over(Connection::open_in_memory()?, me)
    }

    /// The same over a connection that stands already.
    pub fn over(conn: Connection, me: UserId) -> Sql<Store> {
        prepare(&conn)?;
        Store::with(conn, Some(me), "memory")
    }

    /// Opens or makes the store at `path`; `me` is named once, when it is made. The file is its
    /// owner's alone, and SQLite gives those beside it the same rights.
    pub fn open(path: &Path, key: &StoreKey, account: &str, me: Option<UserId>) -> Sql<Store> {
        // What cannot be made here SQLite refuses next, with a reason.
        let _ = crate::profile::private_file(path);
        let conn = Connection::open(path)?;
        unlock(&conn, key)?;
        prepare(&conn)?;
        Store::with(conn, me, account)
    }

    fn with(mut conn: Connection, me: Option<UserId>, account: &str) -> Sql<Store> {
        migrate(&mut conn)?;
        let mut store = Store { conn, me: UserId(0), account: account.to_owned(), full: false };
        if let Some(me) = me {
            store.set("user", &me.to_string())?;
        }
        let user = store.fact("user")?.and_then(|user| user.parse().ok());
        store.me = user.unwrap_or_default();
        store.conn.execute_batch("pragma synchronous = normal")?;
        Ok(store)
    }

    /// Who this store belongs to.
    pub fn me(&self) -> UserId {
        self.me
    }

    /// The account's id on this device.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The connection, to read from.
    pub fn connection(&self) -> &Connection {
        &self.conn
    }

    /// The connection, to make it fail.
    #[cfg(test)]
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }

    /// One fact of the whole store.
    pub fn fact(&self, name: &str) -> Sql<Option<String>> {
        fact(&self.conn, name)
    }

    /// Sets one fact of the whole store.
    pub fn set(&mut self, name: &str, value: &str) -> Sql<()> {
        set(&self.conn, name, value)
    }

    /// Writes all of a step in one transaction, and says what it touched.
    pub fn commit(&mut self, writes: &[Write], server_now: Millis) -> Sql<Touched> {
        self.durability(writes.iter().any(Write::is_promise))?;
        let me = self.me;
        let tx = self.transaction()?;
        let touched = apply(&tx, me, writes, server_now)?;
        crate::search::settle(&tx)?;
        tx.commit()?;
        Ok(touched)
    }

    fn transaction(&mut self) -> Sql<Transaction<'_>> {
        self.conn.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    fn durability(&mut self, full: bool) -> Sql<()> {
        if full != self.full {
            let level = if full { "full" } else { "normal" };
            self.conn.execute_batch(&format!("pragma synchronous = {level}"))?;
            self.full = full;
        }
        Ok(())
    }

    /// Everything the engine must know.
    pub fn load(&self) -> Sql<Loaded> {
        Ok(Loaded { account: self.account.clone(), ..load::load(&self.conn)? })
    }

    /// Puts what could be saved of a damaged store's outbox into this one.
    pub fn restore(&mut self, salvage: &Salvage) -> Sql<()> {
        self.durability(true)?;
        let tx = self.transaction()?;
        damage::restore(&tx, salvage)?;
        tx.commit()
    }

    /// Moves what the log holds into the store, so that nothing deleted lingers there.
    pub fn tidy(&self) -> Sql<()> {
        self.conn.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
    }
}

/// A connection that only reads, beside the writing one.
pub fn reader(path: &Path, key: &StoreKey) -> Sql<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    unlock(&conn, key)?;
    conn.execute_batch(&format!("pragma busy_timeout = {BUSY}; pragma cache_size = -8000;"))?;
    keep_plans(&conn)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Gives SQLCipher the raw key: nothing is derived, so opening costs nothing. The statement is the
/// first on the connection; a wrong key shows at the first read.
pub(crate) fn unlock(conn: &Connection, key: &StoreKey) -> Sql<()> {
    conn.execute_batch(&format!("pragma key = \"x'{}'\"", hex::encode(key.0)))
}

fn prepare(conn: &Connection) -> Sql<()> {
    conn.execute_batch(&format!(
        "pragma busy_timeout = {BUSY};
         pragma journal_mode = wal;
         pragma secure_delete = on;
         pragma foreign_keys = on;
         pragma temp_store = memory;
         pragma cache_size = -8000;"
    ))?;
    keep_plans(conn)?;
    conn.set_prepared_statement_cache_capacity(128);
    crate::search::prepare(conn)
}

/// A kept statement is run as it was planned. Without this SQLite plans one anew whenever a value is
/// bound that the plan might depend on (a limit, a bound of a range): a seventh of all the time of the
/// simulation went into that, for the unread count alone.
fn keep_plans(conn: &Connection) -> Sql<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn migrate(conn: &mut Connection) -> Sql<()> {
    let done: i64 = conn.query_row("pragma user_version", [], |row| row.get(0))?;
    for (version, text) in (1_i64..).zip(MIGRATIONS).skip_while(|(version, _)| *version <= done) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(text)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    crate::search::rebuild_if_old(conn)
}

pub(crate) fn fact(conn: &Connection, name: &str) -> Sql<Option<String>> {
    use rusqlite::OptionalExtension;
    conn.prepare_cached("select v from sync where k = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(crate) fn set(conn: &Connection, name: &str, value: &str) -> Sql<()> {
    conn.prepare_cached(
        "insert into sync (k, v) values (?1, ?2) on conflict (k) do update set v = ?2",
    )?
    .execute([name, value])
    .map(drop)
}

/// Whether the store itself is at fault, not the disk or a lock.
pub fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        // A schema that lost a table, or a column that holds what its `strict` type forbids.
        || matches!(error, rusqlite::Error::InvalidColumnType(..))
        || matches!(
            error,
            rusqlite::Error::SqlInputError { msg, .. }
            | rusqlite::Error::SqliteFailure(_, Some(msg)) if msg.contains("no such")
        )
}

#[cfg(test)]
mod tests;
