//! The whole of a database, table by table, in a form that both engines write and read: what a
//! backup is made of. Which tables and columns there are is asked of the database itself, so a new
//! one cannot be forgotten; what can be made again from the rest is left out by name.

pub mod dump;
pub mod load;
pub mod tidy;

use super::engine::{Cell, Conn, EngineError, Outcome, Record};
use super::postgres::Pg;
use super::sqlite::{Lite, Use};
use super::tx::Guard;
use super::{Needs, Place, Result, Tx, broken, migrate};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hallway_protocol::ids::Millis;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Tables that are made again from others: the index of the search, filled by its own jobs, and the
/// steps of the schema, which a backup names in its manifest.
const DERIVED: [&str; 4] = ["migrations", "search_", "words_search", "words_search_"];

/// A table with the columns that are stored in it, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds; the engines know no more in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// 64 bits.
    Int,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// What stands in a column of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Datum {
    /// SQL null.
    Null,
    /// A number or a flag.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// What only reading or writing a whole database needs.
pub trait Whole: Conn {
    /// The tables, in any order; with `true` the ones that can be made again too.
    fn tables(&mut self) -> Outcome<Vec<Table>>;
    /// Which table refers to which.
    fn references(&mut self) -> Outcome<Vec<(String, String)>>;
    /// Hands out each row of a query as it comes, without holding them all.
    fn each(&mut self, sql: &str, take: &mut dyn FnMut(&Record<'_>) -> Outcome<()>) -> Outcome<()>;
    /// Puts rows into a table.
    fn put(&mut self, table: &Table, rows: &[Vec<Datum>]) -> Outcome<()>;
    /// After the last row, before the commit: numbers that the engine gives go on after those that
    /// are there, and every reference leads somewhere.
    fn settle(&mut self, tables: &[Table]) -> Outcome<()>;
    /// How much of the disk it takes.
    fn bytes(&mut self) -> Outcome<u64>;
    /// Takes no more of it than is needed, and learns how the data lie.
    fn shrink(&mut self) -> Outcome<()>;
}

/// A connection that reads, or writes, all of it.
fn connect(place: &Place, purpose: Use) -> Outcome<Box<dyn Whole>> {
    Ok(match place {
        Place::Sqlite(folder) => Box::new(Lite::open(folder, purpose)?),
        Place::Postgres(url) => Box::new(Pg::open(url)?),
    })
}

/// One small write by a connection of its own.
pub(super) fn apart(
    place: &Place,
    now: Millis,
    job: impl FnOnce(&mut Tx<'_>) -> Result<()>,
) -> Result<()> {
    let mut conn = connect(place, Use::Write).map_err(broken)?;
    conn.begin().map_err(broken)?;
    let (mut events, held) = (Vec::new(), Needs::default());
    let mut tx = Tx::new(&mut *conn, now, &mut events, &held, Guard::None).map_err(broken)?;
    let done = job(&mut tx);
    let failed = tx.left().failure;
    match (done, failed) {
        (Ok(()), None) => conn.script("commit").map_err(broken),
        (done, failed) => {
            let _ = conn.script("rollback");
            done.and(failed.map_or(Ok(()), |error| Err(broken(error))))
        }
    }
}

/// The tables that are kept, those that others refer to before the others.
fn kept(conn: &mut dyn Whole) -> Outcome<Vec<Table>> {
    let mut left: BTreeMap<String, Table> = conn
        .tables()?
        .into_iter()
        .filter(|table| !is_derived(&table.name))
        .map(|table| (table.name.clone(), table))
        .collect();
    let references = conn.references()?;
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in references.iter().filter(|(from, to)| from != to) {
        needs.entry(from).or_default().insert(to);
    }
    let mut order = Vec::new();
    while !left.is_empty() {
        let waits = |name: &str| {
            needs.get(name).is_some_and(|to| to.iter().any(|to| left.contains_key(*to)))
        };
        let next = left.keys().find(|name| !waits(name)).cloned();
        let next = next.ok_or_else(|| EngineError::Failed("tables refer in a circle".into()))?;
        order.extend(left.remove(&next));
    }
    Ok(order)
}

/// Whether a table is made again from others.
pub(super) fn is_derived(name: &str) -> bool {
    DERIVED
        .iter()
        .any(|derived| name == *derived || (derived.ends_with('_') && name.starts_with(derived)))
}

/// A name as it stands in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The names of a table's columns as they stand in SQL.
pub(super) fn listed(table: &Table) -> String {
    table.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

/// A row as a line of JSON.
fn line(record: &Record<'_>, columns: usize) -> Outcome<String> {
    let value = |i| {
        Ok(match record.cell(i)? {
            Cell::Null => Value::Null,
            Cell::Int(n) => n.into(),
            Cell::Text(text) => text.into(),
            Cell::Bytes(bytes) => json!({ "base64": BASE64_STANDARD.encode(bytes) }),
        })
    };
    let row = (0..columns).map(value).collect::<Outcome<Vec<_>>>()?;
    Ok(Value::from(row).to_string())
}

/// The row that a line is, if it is one of this table.
fn row(line: &str, kinds: &[Kind]) -> Option<Vec<Datum>> {
    let Value::Array(values) = serde_json::from_str(line).ok()? else { return None };
    if values.len() != kinds.len() {
        return None;
    }
    let datum = |(value, kind): (Value, &Kind)| match (value, kind) {
        (Value::Null, _) => Some(Datum::Null),
        (Value::Number(n), Kind::Int) => n.as_i64().map(Datum::Int),
        (Value::String(text), Kind::Text) => Some(Datum::Text(text)),
        (Value::Object(of), Kind::Bytes) => {
            let text = of.get("base64")?.as_str()?;
            BASE64_STANDARD.decode(text).ok().map(Datum::Bytes)
        }
        _ => None,
    };
    values.into_iter().zip(kinds).map(datum).collect()
}

/// The steps that a schema has taken.
fn steps(conn: &mut dyn Whole) -> Outcome<Vec<String>> {
    migrate::steps(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_what_its_table_holds_or_not_at_all() {
        let kinds = [Kind::Int, Kind::Text, Kind::Bytes];
        let read = row(r#"[9007199254740993,"tea\n\"?\"",{"base64":"AAH/"}]"#, &kinds);
        let datums = vec![
            Datum::Int(9_007_199_254_740_993),
            Datum::Text("tea\n\"?\"".into()),
            Datum::Bytes(vec![0, 1, 255]),
        ];
        assert_eq!(read, Some(datums));
        assert_eq!(row("[null,null,null]", &kinds), Some(vec![Datum::Null; 3]));
        for wrong in [
            "",
            "[1,\"a\"]",
            "[1,\"a\",{\"base64\":\"AAH/\"},1]",
            "[\"1\",\"a\",null]",
            "[1.5,\"a\",null]",
            "[1,2,null]",
            "[1,\"a\",\"AAH/\"]",
            "[1,\"a\",{\"base64\":\"?\"}]",
            "{\"a\":1}",
        ] {
            assert_eq!(row(wrong, &kinds), None, "{wrong}");
        }
    }
}
