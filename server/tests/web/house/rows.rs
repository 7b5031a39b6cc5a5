//! Everything that lies in the database, as text: what a call that was refused must not have
//! changed. What is done later by itself has been done first.

use super::PATIENCE;
use hallway_server::app::App;
use hallway_server::params;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The rows of each table.
pub type Rows = BTreeMap<String, Vec<String>>;

/// What is kept about calls themselves, whatever they are told: when a session was last seen, and
/// that somebody failed to sign in.
const BOOKKEEPING: [(&str, &str); 2] = [("sessions", "seen_at"), ("sessions", "used_hour")];
const FAILED: &str = "sign_in_failed";

/// All there is.
pub async fn rows(app: &App) -> Rows {
    settled(app).await;
    let postgres = app.config.database_url.is_some();
    let columns = app.store.read(move |read| {
        let sql = if postgres {
            "select table_name::text, column_name::text from information_schema.columns
             where table_schema = current_schema() order by 1, 2"
        } else {
            "select m.name, c.name from sqlite_schema m join pragma_table_info(m.name) c
             where m.type = 'table' and m.name not like 'sqlite_%' order by 1, 2"
        };
        read.all(sql, params![], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))
    });
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in columns.await.expect("the schema") {
        // The index of the search is made of the rest, a moment later.
        let index = ["search_", "words_search"].iter().any(|of| table.starts_with(of));
        if !index && !BOOKKEEPING.contains(&(table.as_str(), column.as_str())) {
            tables.entry(table).or_default().push(column);
        }
    }
    let texts: Vec<_> =
        tables.into_iter().map(|(name, columns)| (text(&name, &columns, postgres), name)).collect();
    let all = app.store.read(move |read| {
        let mut all = Rows::new();
        for (sql, table) in texts {
            let mut rows = read.all(sql, params![], |row| row.get::<String>(0))?;
            rows.retain(|row| table != "audit" || !row.contains(FAILED));
            rows.sort_unstable();
            all.insert(table, rows);
        }
        Ok(all)
    });
    all.await.expect("all rows")
}

/// What is in one and not in the other.
pub fn changes(before: &Rows, after: &Rows) -> Vec<String> {
    let mut changes = Vec::new();
    for (table, rows) in after {
        let old = before.get(table).map_or(&[][..], Vec::as_slice);
        let said = |sign: &str, row: &String| format!("{sign} {table}: {row}");
        changes.extend(old.iter().filter(|row| !rows.contains(row)).map(|row| said("gone", row)));
        changes.extend(rows.iter().filter(|row| !old.contains(row)).map(|row| said("new", row)));
    }
    changes
}

/// The question for all rows of a table. The store takes literals alone; a table's is made once.
fn text(table: &str, columns: &[String], postgres: bool) -> &'static str {
    static KNOWN: Mutex<Option<HashMap<String, &'static str>>> = Mutex::new(None);
    let quoted = |column: &String| {
        let column = format!("\"{column}\"");
        if postgres { format!("coalesce({column}::text, '-')") } else { format!("quote({column})") }
    };
    let columns: Vec<_> = columns.iter().map(quoted).collect();
    let sql = format!("select {} from \"{table}\"", columns.join(" || ',' || "));
    let mut known = KNOWN.lock();
    let known = known.get_or_insert_default();
    known.entry(sql).or_insert_with_key(|sql| Box::leak(sql.clone().into_boxed_str()))
}

/// Waits until no job is due.
async fn settled(app: &App) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = app.clock.now();
        let due = app.store.read(move |read| {
            let sql = "select count(*) from jobs
                 where state = 'leased' or (state = 'pending' and next_at <= $1)";
            read.number(sql, params![now])
        });
        if due.await.expect("a number") == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "jobs are never done");
        sleep(Duration::from_millis(5)).await;
    }
}
