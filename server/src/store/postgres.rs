//! PostgreSQL 15 or newer, through the blocking client on the store's own threads (inside a tokio
//! task it would panic). A lane knows its transaction by number and by a word left in it, so when the
//! connection breaks inside a commit it can ask afterwards what became of it.

mod whole;

use super::engine::{Cell, Conn, EngineError, Fate, Mark, Outcome, Record, Value};
use hallway_protocol::ids::Millis;
use postgres::error::SqlState;
use postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut};
use postgres::{Client, Config, NoTls, SimpleQueryMessage, Statement};
use std::collections::HashMap;
use std::time::Duration;

type BoxError = Box<dyn std::error::Error + Sync + Send>;

/// How long a connection may take: longer than a restart of a small server is not waited for here.
const CONNECT: Duration = Duration::from_secs(5);
/// No statement of the store has more parameters.
const PARAMS: usize = 24;

/// What each connection says first. A plan made while a table was empty would stay a sequential
/// scan for the life of the statement; at the price that this puts on one that cannot be helped, the
/// server would compile it anew at each run, which took seconds for what takes milliseconds; locks
/// are taken in one order, so a deadlock is rare and should be found at once.
const SETTINGS: &str = "set enable_seqscan = off; set jit = off; set deadlock_timeout = '50ms';
    set synchronous_commit = on; set idle_in_transaction_session_timeout = 0;
    set client_min_messages = warning";
/// What a connection says that may not set `deadlock_timeout` (it takes a superuser or a grant).
const SETTINGS_PLAIN: &str = "set enable_seqscan = off; set jit = off;
    set synchronous_commit = on; set idle_in_transaction_session_timeout = 0;
    set client_min_messages = warning";

/// A connection to PostgreSQL.
pub struct Pg {
    /// Under this name its batches leave a word in `meta`.
    lane: String,
    config: Config,
    client: Client,
    /// Prepared statements by text; one literal has one address and length.
    statements: HashMap<(usize, usize), Statement>,
}

impl Pg {
    /// Connects.
    pub fn open(url: &str) -> Outcome<Self> {
        let mut config: Config = url.parse().map_err(error)?;
        config.connect_timeout(CONNECT).keepalives_idle(Duration::from_secs(30));
        let client = connect(&config)?;
        let lane = format!("lane:{:016x}", rand::random::<u64>());
        Ok(Pg { lane, config, client, statements: HashMap::new() })
    }

    /// The version of the other end.
    pub fn version(&mut self) -> Outcome<String> {
        let version = self.ask("show server_version")?.unwrap_or_default();
        Ok(version.split(' ').next().unwrap_or_default().to_owned())
    }

    fn statement(&mut self, sql: &'static str) -> Outcome<Statement> {
        let place = (sql.as_ptr().addr(), sql.len());
        if let Some(statement) = self.statements.get(&place) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).map_err(error)?;
        self.statements.insert(place, statement.clone());
        Ok(statement)
    }

    /// The answer of a statement without parameters, as text.
    fn ask(&mut self, sql: &str) -> Outcome<Option<String>> {
        let answer = self.client.simple_query(sql).map_err(error)?;
        Ok(answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    fn noted<T>(&mut self, answer: Result<T, postgres::Error>) -> Outcome<T> {
        answer.map_err(|e| {
            // The schema changed under a kept statement: the next use prepares it anew.
            if e.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) {
                self.statements.clear();
            }
            error(e)
        })
    }
}

fn connect(config: &Config) -> Outcome<Client> {
    let mut client = config.connect(NoTls).map_err(|e| EngineError::Lost(said(&e)))?;
    if let Err(refused) = client.batch_execute(SETTINGS) {
        if refused.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
            return Err(error(refused));
        }
        client.batch_execute(SETTINGS_PLAIN).map_err(error)?;
    }
    Ok(client)
}

impl Conn for Pg {
    fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Outcome<u64> {
        let statement = self.statement(sql)?;
        let answer = with(params, |params| self.client.execute(&statement, params));
        self.noted(answer)
    }

    fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&Record<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let statement = self.statement(sql)?;
        let answer = with(params, |params| self.client.query(&statement, params));
        for row in &self.noted(answer)? {
            each(&Record::Pg(row))?;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Outcome<()> {
        let answer = self.client.batch_execute(sql);
        self.noted(answer)
    }

    fn begin(&mut self) -> Outcome<()> {
        self.script("begin")
    }

    /// The number alone would not do: nothing writes it down before the first record of ours is on
    /// disk, and after a crash the next transaction gets the same one. So the batch leaves a word.
    fn begin_batch(&mut self, now: Millis) -> Outcome<Mark> {
        let word = format!("{now:013} {:016x}", rand::random::<u64>());
        let number = self.ask(&format!(
            "begin; insert into meta (name, value) values ('{}', '{word}')
             on conflict (name) do update set value = excluded.value
             returning pg_current_xact_id()::text",
            self.lane
        ))?;
        Ok(number.map(|number| format!("{number} {word}")))
    }

    fn begin_read(&mut self) -> Outcome<()> {
        self.script("begin isolation level repeatable read read only")
    }

    fn lock(&mut self, rooms: &[i64], people: &[i64]) -> Outcome<()> {
        if !rooms.is_empty() {
            self.exec(
                "select id from rooms where id in (select value from rarray($1))
                 order by id for no key update",
                &[Value::List(rooms)],
            )?;
        }
        if !people.is_empty() {
            self.exec(
                "select id from users where id in (select value from rarray($1))
                 order by id for no key update",
                &[Value::List(people)],
            )?;
        }
        Ok(())
    }

    fn is_postgres(&self) -> bool {
        true
    }

    fn reconnect(&mut self) -> Outcome<()> {
        self.statements.clear();
        self.client = connect(&self.config)?;
        Ok(())
    }

    fn fate(&mut self, mark: &Mark) -> Fate {
        let Some((number, word)) = mark.as_deref().and_then(|mark| mark.split_once(' ')) else {
            return Fate::Silence;
        };
        // The old connection may be in the middle of its commit still; then it is in progress.
        let status = self.ask(&format!("select pg_xact_status('{number}'::xid8)"));
        match status.ok().flatten().as_deref() {
            Some("aborted") => Fate::Aborted,
            Some("committed") => {
                let left =
                    self.ask(&format!("select value from meta where name = '{}'", self.lane));
                match left {
                    Ok(left) if left.as_deref() == Some(word) => Fate::Committed,
                    Ok(_) => Fate::Aborted,
                    Err(_) => Fate::Silence,
                }
            }
            _ => Fate::Silence,
        }
    }

    fn end_log(&mut self, _: bool) -> Outcome<()> {
        Ok(())
    }

    fn timeline(&mut self) -> Outcome<String> {
        let answer = self.ask("select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")?;
        answer.ok_or_else(|| EngineError::Failed("no timeline".into()))
    }

    fn is_empty(&mut self) -> Outcome<bool> {
        let sql = "select count(*) from pg_tables where schemaname = current_schema()";
        Ok(self.ask(sql)?.as_deref() == Some("0"))
    }
}

/// Lends the parameters in the shape the client wants, without an allocation.
fn with<'a, R>(params: &'a [Value<'a>], f: impl FnOnce(&[&'a (dyn ToSql + Sync)]) -> R) -> R {
    let mut lent: [&'a (dyn ToSql + Sync); PARAMS] = [&0i64; PARAMS];
    for (place, value) in lent.iter_mut().zip(params) {
        *place = value;
    }
    f(&lent[..params.len().min(PARAMS)])
}

fn error(e: postgres::Error) -> EngineError {
    if e.is_closed() {
        return EngineError::Lost(said(&e));
    }
    let Some(cause) = e.as_db_error() else {
        // No answer of the server: the socket broke, or a value did not fit its column.
        return if std::error::Error::source(&e).is_some_and(|s| s.is::<std::io::Error>()) {
            EngineError::Lost(said(&e))
        } else {
            EngineError::Failed(said(&e))
        };
    };
    let code = cause.code();
    if *code == SqlState::UNIQUE_VIOLATION {
        return EngineError::Unique(cause.constraint().unwrap_or_default().to_owned());
    }
    let again = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::DISK_FULL,
    ];
    let gone = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    if again.contains(code) {
        EngineError::Retry(said(&e))
    } else if gone.contains(code) {
        EngineError::Lost(said(&e))
    } else {
        EngineError::Failed(format!("{}: {}", code.code(), cause.message()))
    }
}

fn said(e: &postgres::Error) -> String {
    let source = std::error::Error::source(e).map(|s| format!(": {s}")).unwrap_or_default();
    format!("{e}{source}")
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match (*self, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(n), &Type::INT8) => n.to_sql(ty, out),
            (Value::Int(n), &Type::INT4) => i32::try_from(n)?.to_sql(ty, out),
            // No text of ours has U+0000, so none is found by it; PostgreSQL would refuse to look.
            (Value::Text(t), &Type::TEXT | &Type::VARCHAR) if t.contains('\0') => {
                t.replace('\0', "\u{fffd}").to_sql(ty, out)
            }
            (Value::Text(t), &Type::TEXT | &Type::VARCHAR) => t.to_sql(ty, out),
            (Value::Bytes(b), &Type::BYTEA) => b.to_sql(ty, out),
            (Value::List(list), &Type::INT8_ARRAY) => list.to_sql(ty, out),
            (value, ty) => Err(format!("{value:?} for a parameter of type {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

/// A column of a row.
pub fn cell(row: &postgres::Row, i: usize) -> Outcome<Cell<'_>> {
    row.try_get::<_, Cell<'_>>(i).map_err(error)
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(match *ty {
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Cell::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::INT2 => Cell::Int(i64::from(i16::from_sql(ty, raw)?)),
            Type::BOOL => Cell::Int(i64::from(bool::from_sql(ty, raw)?)),
            Type::BYTEA => Cell::Bytes(raw),
            Type::TEXT | Type::VARCHAR | Type::NAME => Cell::Text(<&str>::from_sql(ty, raw)?),
            _ => return Err(format!("cast it in the SQL: {ty}").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxError> {
        Ok(Cell::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
