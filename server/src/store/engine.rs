//! One connection trait, two engines. SQL is written once, in what both speak: `$1`-style
//! parameters in order of first use, flags as 0 and 1, lists as `in (select value from rarray($1))`.
//! The cost is that nothing dialect-only can be used outside `sqlite.rs` and `postgres.rs`.

use hallway_protocol::ids::Millis;
use hallway_protocol::ids::{Key, RoomId, TenantId, UserId};

/// Why a statement, a begin or a commit failed, sorted by what the lane does about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// A unique key is taken; who expects it asks with `on conflict` instead.
    #[error("unique key taken: {0}")]
    Unique(String),
    /// Busy, deadlock, serialisation: the same again may succeed.
    #[error("try again: {0}")]
    Retry(String),
    /// The statement is wrong, or the data is.
    #[error("{0}")]
    Failed(String),
    /// The connection is gone; whether a commit happened is not known.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The disk failed: nothing may be acknowledged any more.
    #[error("input/output error: {0}")]
    Io(String),
}

/// Answer of the engines.
pub type Outcome<T> = std::result::Result<T, EngineError>;

/// A parameter. Borrowed: no allocation per call.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// SQL null.
    Null,
    /// Numbers and flags.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list for `rarray`.
    List(&'a [i64]),
}

impl From<i64> for Value<'_> {
    fn from(v: i64) -> Self {
        Value::Int(v)
    }
}
impl From<bool> for Value<'_> {
    fn from(v: bool) -> Self {
        Value::Int(i64::from(v))
    }
}
impl From<TenantId> for Value<'_> {
    fn from(v: TenantId) -> Self {
        Value::Int(v.0)
    }
}
impl From<UserId> for Value<'_> {
    fn from(v: UserId) -> Self {
        Value::Int(v.0)
    }
}
impl From<RoomId> for Value<'_> {
    fn from(v: RoomId) -> Self {
        Value::Int(v.0)
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Value::Text(v)
    }
}
impl<'a> From<&'a String> for Value<'a> {
    fn from(v: &'a String) -> Self {
        Value::Text(v)
    }
}
impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(v: &'a [u8]) -> Self {
        Value::Bytes(v)
    }
}
impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(v: &'a [u8; N]) -> Self {
        Value::Bytes(v)
    }
}
impl<'a> From<&'a [i64]> for Value<'a> {
    fn from(v: &'a [i64]) -> Self {
        Value::List(v)
    }
}
impl<'a> From<&'a Vec<i64>> for Value<'a> {
    fn from(v: &'a Vec<i64>) -> Self {
        Value::List(v)
    }
}
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Null, Into::into)
    }
}

/// Parameters of a statement, in order.
#[macro_export]
macro_rules! params {
    ($($e:expr),* $(,)?) => { &[$($crate::store::engine::Value::from($e)),*][..] };
}

/// A column as either engine hands it out.
pub enum Cell<'a> {
    /// SQL null.
    Null,
    /// Numbers and flags.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// One row of an answer.
pub enum Record<'a> {
    /// From SQLite.
    Lite(&'a rusqlite::Row<'a>),
    /// From PostgreSQL.
    Pg(&'a postgres::Row),
}

impl Record<'_> {
    /// Column `i` as it is.
    pub fn cell(&self, i: usize) -> Outcome<Cell<'_>> {
        match self {
            Record::Lite(row) => super::sqlite::cell(row, i),
            Record::Pg(row) => super::postgres::cell(row, i),
        }
    }

    /// Column `i` as a `T`.
    pub fn get<T: Column>(&self, i: usize) -> Outcome<T> {
        let cell = self.cell(i)?;
        T::of(cell).ok_or_else(|| EngineError::Failed(format!("column {i}: wrong type")))
    }
}

/// What a column can be read as.
pub trait Column: Sized {
    /// The value, when the cell has this type.
    fn of(cell: Cell<'_>) -> Option<Self>;
}

impl Column for i64 {
    fn of(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Int(n) = cell { Some(n) } else { None }
    }
}
impl Column for bool {
    fn of(cell: Cell<'_>) -> Option<Self> {
        i64::of(cell).map(|n| n != 0)
    }
}
impl Column for TenantId {
    fn of(cell: Cell<'_>) -> Option<Self> {
        i64::of(cell).map(TenantId)
    }
}
impl Column for UserId {
    fn of(cell: Cell<'_>) -> Option<Self> {
        i64::of(cell).map(UserId)
    }
}
impl Column for RoomId {
    fn of(cell: Cell<'_>) -> Option<Self> {
        i64::of(cell).map(RoomId)
    }
}
impl Column for String {
    fn of(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Text(t) = cell { Some(t.to_owned()) } else { None }
    }
}
impl Column for Vec<u8> {
    fn of(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Bytes(b) = cell { Some(b.to_owned()) } else { None }
    }
}
impl<const N: usize> Column for [u8; N] {
    fn of(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Bytes(b) = cell { b.try_into().ok() } else { None }
    }
}
impl Column for Key {
    fn of(cell: Cell<'_>) -> Option<Self> {
        <[u8; 16]>::of(cell).map(Key::from_bytes)
    }
}
impl<T: Column> Column for Option<T> {
    fn of(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::of(cell).map(Some),
        }
    }
}

/// How a transaction is known again after the connection broke inside its commit.
pub type Mark = Option<String>;

/// What became of a transaction whose commit was not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is on disk.
    Committed,
    /// It is not, and will not be.
    Aborted,
    /// Nobody says so now; asked again, somebody may.
    Silence,
}

/// One connection. It belongs to one thread.
pub trait Conn: Send {
    /// Runs a statement; how many rows it touched.
    fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Outcome<u64>;
    /// Runs a statement and hands out each row.
    fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&Record<'_>) -> Outcome<()>,
    ) -> Outcome<()>;
    /// Statements without parameters: commit, savepoint, schema.
    fn script(&mut self, sql: &str) -> Outcome<()>;
    /// Begins a transaction that writes.
    fn begin(&mut self) -> Outcome<()>;
    /// The same for a batch of a lane, marked so that its [`Fate`] can be asked for.
    fn begin_batch(&mut self, now: Millis) -> Outcome<Mark>;
    /// Begins a transaction that sees one state throughout.
    fn begin_read(&mut self) -> Outcome<()>;
    /// Locks rooms, then people, each ascending, until commit.
    fn lock(&mut self, rooms: &[i64], people: &[i64]) -> Outcome<()>;
    /// Whether the engine needs no savepoint to go on after a refused job.
    fn is_postgres(&self) -> bool;
    /// Connects anew after [`EngineError::Lost`].
    fn reconnect(&mut self) -> Outcome<()>;
    /// What became of the marked transaction.
    fn fate(&mut self, mark: &Mark) -> Fate;
    /// Ends a log grown long (`restart`), or empties it (`truncate`), between two batches.
    fn end_log(&mut self, truncate: bool) -> Outcome<()>;
    /// What of the engine belongs to the name of the data set: a timeline, or nothing.
    fn timeline(&mut self) -> Outcome<String>;
    /// Whether nothing was ever made in this database.
    fn is_empty(&mut self) -> Outcome<bool>;
}
