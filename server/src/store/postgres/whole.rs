//! All of a PostgreSQL database.

use super::{Pg, error};
use crate::store::engine::{EngineError, Outcome, Record};
use crate::store::whole::{Column, Datum, Kind, Table, Whole, is_derived, listed, quoted};
use postgres::fallible_iterator::FallibleIterator;
use std::fmt::Write as _;
use std::io::Write as _;

impl Whole for Pg {
    fn tables(&mut self) -> Outcome<Vec<Table>> {
        let found = self.client.query(
            "select c.table_name::text, c.column_name::text, c.data_type::text
             from information_schema.columns c join information_schema.tables t
                on t.table_schema = c.table_schema and t.table_name = c.table_name
             where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'
                and c.is_generated = 'NEVER'
             order by c.table_name, c.ordinal_position",
            &[],
        );
        let mut tables: Vec<Table> = Vec::new();
        for row in found.map_err(error)? {
            let (name, column): (String, String) = (row.get(0), row.get(1));
            let kind = match row.get::<_, String>(2).as_str() {
                "bigint" | "integer" => Kind::Int,
                "text" => Kind::Text,
                "bytea" => Kind::Bytes,
                // An index of its own; one that is kept must have kinds that both engines know.
                _ if is_derived(&name) => continue,
                other => {
                    return Err(EngineError::Failed(format!("{name}.{column} is of kind {other}")));
                }
            };
            let column = Column { name: column, kind };
            match tables.last_mut().filter(|last| last.name == name) {
                Some(last) => last.columns.push(column),
                None => tables.push(Table { name, columns: vec![column] }),
            }
        }
        Ok(tables)
    }

    fn references(&mut self) -> Outcome<Vec<(String, String)>> {
        let found = self.client.query(
            "select a.relname::text, b.relname::text from pg_constraint k
                join pg_class a on a.oid = k.conrelid join pg_class b on b.oid = k.confrelid
             where k.contype = 'f' and k.connamespace = current_schema()::regnamespace",
            &[],
        );
        Ok(found.map_err(error)?.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(&Record<'_>) -> Outcome<()>) -> Outcome<()> {
        let none: [&i64; 0] = [];
        let mut rows = self.client.query_raw(sql, none).map_err(error)?;
        while let Some(row) = rows.next().map_err(error)? {
            take(&Record::Pg(&row))?;
        }
        Ok(())
    }

    fn put(&mut self, table: &Table, rows: &[Vec<Datum>]) -> Outcome<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!("copy {} ({}) from stdin", quoted(&table.name), listed(table));
        let mut to = self.client.copy_in(&sql).map_err(error)?;
        for row in rows {
            let mut line = row.iter().map(copied).collect::<Vec<_>>().join("\t");
            line.push('\n');
            to.write_all(line.as_bytes()).map_err(|e| EngineError::Failed(e.to_string()))?;
        }
        to.finish().map(|_| ()).map_err(error)
    }

    fn settle(&mut self, tables: &[Table]) -> Outcome<()> {
        let given = self.client.query(
            "select table_name::text, column_name::text from information_schema.columns
             where table_schema = current_schema() and is_identity = 'YES'",
            &[],
        );
        for row in given.map_err(error)? {
            let (name, column): (String, String) = (row.get(0), row.get(1));
            if tables.iter().any(|table| table.name == name) {
                let (table, column) = (quoted(&name), quoted(&column));
                let sql = format!(
                    "select setval(pg_get_serial_sequence('{table}', '{name}'),
                        coalesce(max({column}), 0) + 1, false) from {table}",
                    name = column.trim_matches('"')
                );
                self.client.batch_execute(&sql).map_err(error)?;
            }
        }
        Ok(())
    }

    fn bytes(&mut self) -> Outcome<u64> {
        let sql = "select pg_database_size(current_database())::text";
        Ok(self.ask(sql)?.and_then(|bytes| bytes.parse().ok()).unwrap_or(0))
    }

    fn shrink(&mut self) -> Outcome<()> {
        self.client.batch_execute("vacuum (analyze)").map_err(error)
    }
}

/// As `copy` reads it.
fn copied(datum: &Datum) -> String {
    match datum {
        Datum::Null => "\\N".into(),
        Datum::Int(n) => n.to_string(),
        Datum::Bytes(bytes) => format!("\\\\x{}", hex::encode(bytes)),
        Datum::Text(text) => {
            let mut out = String::with_capacity(text.len());
            for c in text.chars() {
                let _ = match c {
                    '\\' => out.write_str("\\\\"),
                    '\n' => out.write_str("\\n"),
                    '\r' => out.write_str("\\r"),
                    '\t' => out.write_str("\\t"),
                    c => out.write_char(c),
                };
            }
            out
        }
    }
}
