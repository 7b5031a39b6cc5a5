//! Reading all of a database as it is at one moment, beside whoever writes.

use super::{Table, Use, Whole, connect, kept, line, listed, quoted, steps};
use crate::store::engine::EngineError;
use crate::store::{Place, Result, StoreError, broken, migrate};

/// A database at one moment. Writers go on; SQLite's log grows until this is dropped.
pub struct Snapshot {
    conn: Box<dyn Whole>,
    /// The steps of its schema.
    pub steps: Vec<String>,
    /// The name of the data set.
    pub epoch: String,
    /// The tables, those that others refer to before the others.
    pub tables: Vec<Table>,
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
}

impl Snapshot {
    /// Takes it. Blocks; never inside a runtime.
    pub fn take(place: &Place) -> Result<Snapshot> {
        let taken = || {
            let mut conn = connect(place, Use::Read)?;
            conn.begin_read()?;
            let steps = steps(&mut *conn)?;
            if steps.is_empty() {
                return Err(EngineError::Failed("the database is empty".into()));
            }
            let epoch = migrate::known_epoch(&mut *conn)?.unwrap_or_default();
            let tables = kept(&mut *conn)?;
            let engine = if conn.is_postgres() { "postgres" } else { "sqlite" };
            Ok(Snapshot { conn, steps, epoch, tables, engine })
        };
        taken().map_err(broken)
    }

    /// Hands out each row of a table as a line of JSON, without its end; what `take` fails with
    /// ends it.
    pub fn each(
        &mut self,
        table: &Table,
        take: &mut dyn FnMut(&str) -> anyhow::Result<()>,
    ) -> Result<u64> {
        // What a lane left of itself belongs to the process that runs.
        let rest = if table.name == "meta" { " where name not like 'lane:%'" } else { "" };
        let sql = format!("select {} from {}{rest}", listed(table), quoted(&table.name));
        self.query(&sql, table.columns.len(), take)
    }

    /// The same of a query with so many columns.
    pub fn query(
        &mut self,
        sql: &str,
        columns: usize,
        take: &mut dyn FnMut(&str) -> anyhow::Result<()>,
    ) -> Result<u64> {
        let mut count = 0;
        let mut failed = None;
        let done = self.conn.each(sql, &mut |record| {
            let line = line(record, columns)?;
            count += 1;
            take(&line).map_err(|error| {
                failed = Some(error);
                EngineError::Failed("stopped".into())
            })
        });
        match (failed, done) {
            (Some(error), _) => Err(StoreError::Broken(error)),
            (None, done) => done.map(|()| count).map_err(broken),
        }
    }

    /// One column of one table, for what has to be looked up: where files lie.
    pub fn texts(&mut self, sql: &str) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        let done = self.conn.each(sql, &mut |record| {
            texts.push(record.get(0)?);
            Ok(())
        });
        done.map(|()| texts).map_err(broken)
    }
}
