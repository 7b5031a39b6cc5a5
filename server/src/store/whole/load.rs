//! Writing all of a database at once: everything is visible together, or nothing is.

use super::{Datum, Kind, Table, Use, Whole, connect, kept, row};
use crate::store::engine::EngineError;
use crate::store::{Place, Result, broken, migrate};
use hallway_protocol::ids::Millis;

/// Rows that go to the engine in one piece.
const ROWS: usize = 1_000;

/// A database that is being filled. Dropped before [`Load::commit`], nothing was done.
pub struct Load {
    conn: Box<dyn Whole>,
    tables: Vec<Table>,
}

impl Load {
    /// Begins in a database that must be empty, with a schema that has taken these steps.
    pub fn begin(place: &Place, steps: &[String], now: Millis) -> Result<Load> {
        let begun = || {
            let mut conn = connect(place, Use::Write)?;
            if !conn.is_empty()? {
                return Err(EngineError::Failed("the database is not empty".into()));
            }
            conn.begin()?;
            migrate::take(&mut *conn, steps, now)?;
            let tables = kept(&mut *conn)?;
            Ok(Load { conn, tables })
        };
        begun().map_err(broken)
    }

    /// Puts lines of JSON into a table, whose columns they hold in this order.
    pub fn lines<'a>(
        &mut self,
        name: &str,
        columns: &[String],
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<u64> {
        let wrong = |what: &str| broken(EngineError::Failed(format!("{name}: {what}")));
        let known = self.tables.iter().find(|table| table.name == name);
        let known = known.ok_or_else(|| wrong("no such table in this schema"))?;
        let mut all = Vec::new();
        for column in columns {
            let found = known.columns.iter().find(|known| known.name == *column);
            all.push(found.cloned().ok_or_else(|| wrong("no such column in this schema"))?);
        }
        let table = Table { name: name.to_owned(), columns: all };
        let kinds: Vec<Kind> = table.columns.iter().map(|column| column.kind).collect();
        let (mut rows, mut count): (Vec<Vec<Datum>>, u64) = (Vec::new(), 0);
        for line in lines {
            rows.push(row(line, &kinds).ok_or_else(|| wrong("a line is no row"))?);
            count += 1;
            if rows.len() == ROWS {
                self.conn.put(&table, &rows).map_err(broken)?;
                rows.clear();
            }
        }
        self.conn.put(&table, &rows).map_err(broken)?;
        Ok(count)
    }

    /// Ends it: a new epoch begins where each room stands, and all of it is there. The new epoch.
    pub fn commit(mut self) -> Result<String> {
        let mut end = || {
            let epoch = migrate::reborn(&mut *self.conn)?;
            self.conn.settle(&self.tables)?;
            self.conn.script("commit")?;
            // Off the log and into the file, which is moved alone.
            self.conn.end_log(true)?;
            Ok(epoch)
        };
        end().map_err(broken)
    }
}
