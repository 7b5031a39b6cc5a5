//! All of a SQLite database.

use super::{Lite, error};
use crate::store::engine::{Conn, EngineError, Outcome, Record};
use crate::store::whole::{Column, Datum, Kind, Table, Whole, listed, quoted};
use rusqlite::types::ValueRef;

impl Whole for Lite {
    /// Virtual tables and what lies under them are left out: they are indexes.
    fn tables(&mut self) -> Outcome<Vec<Table>> {
        let sql = "select name from pragma_table_list
             where schema = 'main' and type = 'table' and name not like 'sqlite_%'";
        let mut statement = self.conn.prepare(sql).map_err(error)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(error)?;
        let names = names.collect::<Result<Vec<_>, _>>().map_err(error)?;
        names.into_iter().map(|name| table(self, name)).collect()
    }

    fn references(&mut self) -> Outcome<Vec<(String, String)>> {
        let sql = "select t.name, f.\"table\" from pragma_table_list t
             join pragma_foreign_key_list(t.name) f where t.schema = 'main' and t.type = 'table'";
        let mut statement = self.conn.prepare(sql).map_err(error)?;
        let pairs = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(error)?;
        pairs.collect::<Result<Vec<_>, _>>().map_err(error)
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(&Record<'_>) -> Outcome<()>) -> Outcome<()> {
        let mut statement = self.conn.prepare(sql).map_err(error)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(error)? {
            take(&Record::Lite(row))?;
        }
        Ok(())
    }

    fn put(&mut self, table: &Table, rows: &[Vec<Datum>]) -> Outcome<()> {
        let places = (1..=table.columns.len()).map(|i| format!("?{i}"));
        let places = places.collect::<Vec<_>>().join(", ");
        let name = quoted(&table.name);
        let sql = format!("insert into {name} ({}) values ({places})", listed(table));
        let mut statement = self.conn.prepare_cached(&sql).map_err(error)?;
        for row in rows {
            for (i, datum) in row.iter().enumerate() {
                let value = match datum {
                    Datum::Null => ValueRef::Null,
                    Datum::Int(n) => ValueRef::Integer(*n),
                    Datum::Text(text) => ValueRef::Text(text.as_bytes()),
                    Datum::Bytes(bytes) => ValueRef::Blob(bytes),
                };
                let value = rusqlite::types::ToSqlOutput::Borrowed(value);
                statement.raw_bind_parameter(i + 1, value).map_err(error)?;
            }
            statement.raw_execute().map_err(error)?;
        }
        Ok(())
    }

    fn settle(&mut self, _: &[Table]) -> Outcome<()> {
        let sql = "select count(*) from pragma_foreign_key_check";
        let lost: i64 = self.conn.query_row(sql, [], |row| row.get(0)).map_err(error)?;
        match lost {
            0 => Ok(()),
            lost => Err(EngineError::Failed(format!("{lost} rows refer to what is not there"))),
        }
    }

    fn bytes(&mut self) -> Outcome<u64> {
        self.end_log(true)?;
        let sql = "select page_count * page_size from pragma_page_count, pragma_page_size";
        let bytes: i64 = self.conn.query_row(sql, [], |row| row.get(0)).map_err(error)?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    fn shrink(&mut self) -> Outcome<()> {
        let sql =
            "select name from sqlite_master where sql like 'create virtual table%using fts5%'";
        let indexes = {
            let mut statement = self.conn.prepare(sql).map_err(error)?;
            let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(error)?;
            names.collect::<Result<Vec<_>, _>>().map_err(error)?
        };
        for name in indexes.iter().map(|name| quoted(name)) {
            let sql = format!("insert into {name}({name}) values ('optimize')");
            self.conn.execute_batch(&sql).map_err(error)?;
        }
        self.conn.execute_batch("vacuum; pragma optimize = 0x10002").map_err(error)?;
        self.end_log(true)
    }
}

fn table(lite: &Lite, name: String) -> Outcome<Table> {
    let sql = "select name, type from pragma_table_info($1) order by cid";
    let mut statement = lite.conn.prepare(sql).map_err(error)?;
    let columns = statement
        .query_map([&name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .map_err(error)?;
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(error)?;
    let column = |(column, kind): (String, String)| {
        let kind = match kind.to_lowercase().as_str() {
            "integer" | "int" | "int8" => Kind::Int,
            "text" => Kind::Text,
            "blob" => Kind::Bytes,
            other => {
                return Err(EngineError::Failed(format!("{name}.{column} is of kind {other}")));
            }
        };
        Ok(Column { name: column, kind })
    };
    let columns = columns.into_iter().map(column).collect::<Outcome<Vec<_>>>()?;
    Ok(Table { name, columns })
}
