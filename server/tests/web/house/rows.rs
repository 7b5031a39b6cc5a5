//! Everything that lies in the database, as text: what a call that was refused must not have
//! changed. What is done later by itself has been done first.

use super::PATIENCE;
use hallway_protocol::ids::NUMBER_MAX;
use hallway_server::app::App;
use hallway_server::params;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

/// Table and row, and how often there is such a one.
pub type Rows = BTreeMap<(String, String), usize>;

/// What is kept about calls themselves, whatever they are told: when a session was last seen, and
/// that somebody failed to sign in.
const BOOKKEEPING: [(&str, &str); 2] = [("sessions", "seen_at"), ("sessions", "used_hour")];
const FAILED: &str = "sign_in_failed";
/// On PostgreSQL each batch leaves a word, so that it knows whether its commit was done.
const LANE: &str = "lane:";

/// All there is, as it was in one moment.
pub async fn rows(app: &App) -> Rows {
    settled(app).await;
    let sql = question(app).await;
    let all = app.store.read(move |read| {
        read.all(sql, params![], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))
    });
    let mut rows = Rows::new();
    for (table, row) in all.await.expect("all rows") {
        let aside = match table.as_str() {
            "audit" => row.contains(FAILED),
            "meta" => row.starts_with(LANE),
            _ => false,
        };
        if !aside {
            *rows.entry((table, row)).or_default() += 1;
        }
    }
    rows
}

/// What is in one and not in the other, or more often.
pub fn changes(before: &Rows, after: &Rows) -> Vec<String> {
    let only = |sign: &str, these: &Rows, those: &Rows| -> Vec<String> {
        let more = these.iter().filter(|(row, count)| those.get(row).unwrap_or(&0) < count);
        more.map(|((table, row), _)| format!("{sign} {table}: {row}")).collect()
    };
    [only("gone", before, after), only("new", after, before)].concat()
}

/// The question for all rows of all tables. An engine's is made once: every house has the same
/// tables, and the store takes literals alone.
async fn question(app: &App) -> &'static str {
    static SQLITE: OnceCell<&str> = OnceCell::const_new();
    static POSTGRES: OnceCell<&str> = OnceCell::const_new();
    let postgres = app.config.database_url.is_some();
    let known = if postgres { &POSTGRES } else { &SQLITE };
    known.get_or_init(|| async { &*Box::leak(text(app, postgres).await.into_boxed_str()) }).await
}

async fn text(app: &App, postgres: bool) -> String {
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
            let column = match postgres {
                true => format!("coalesce(\"{column}\"::text, '-')"),
                false => format!("quote(\"{column}\")"),
            };
            tables.entry(table).or_default().push(column);
        }
    }
    let one = |(table, columns): (&String, &Vec<String>)| {
        format!("select '{table}', {} from \"{table}\"", columns.join(" || ',' || "))
    };
    tables.iter().map(one).collect::<Vec<_>>().join(" union all ")
}

/// Waits until no job is due.
async fn settled(app: &App) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let next = app.store.read(|read| {
            let sql = "select coalesce(min(case state when 'leased' then 0 else next_at end), $1)
                 from jobs where state in ('leased', 'pending')";
            read.number(sql, params![NUMBER_MAX])
        });
        // Asked what time it is afterwards: a job that puts itself back is due from that moment on.
        if next.await.expect("a number") > app.clock.now() {
            return;
        }
        assert!(Instant::now() < deadline, "jobs are never done");
        sleep(Duration::from_millis(5)).await;
    }
}
