//! Migrations: the same files for both engines, the same tables and columns in them, and a comment
//! for every column, because the schema is what an operator reads first.

use crate::tree::{File, clean, files};
use std::collections::{BTreeMap, BTreeSet};

/// A column's line of a `create table`, or one added later.
struct Column<'a> {
    table: String,
    name: &'a str,
    commented: bool,
    line: usize,
}

/// Words a line of a table can begin with that are no column.
const NO_COLUMN: &[&str] =
    &["primary", "unique", "check", "foreign", "constraint", "references", "on", "exclude"];

/// A comment counts on the line itself, or on the line of its own above it.
fn columns(text: &str) -> Vec<Column<'_>> {
    let (mut all, mut table, mut depth, mut above) = (Vec::new(), None, 0i32, false);
    for (at, raw) in text.lines().enumerate() {
        let (code, comment) = raw.split_once("--").map_or((raw, None), |(c, n)| (c, Some(n)));
        let words: Vec<&str> = code.split([' ', '(', ',', ';']).filter(|w| !w.is_empty()).collect();
        let commented = above || comment.is_some_and(|note| !note.trim().is_empty());
        above = words.is_empty() && comment.is_some_and(|note| !note.trim().is_empty());
        if depth == 0 {
            match words.first().copied() {
                Some("create") if words.contains(&"table") && !words.contains(&"virtual") => {
                    let name = words.iter().skip_while(|word| **word != "table").skip(1);
                    let mut name = name.filter(|word| !matches!(**word, "if" | "not" | "exists"));
                    table = name.next().map(|name| (*name).to_owned());
                }
                Some("alter") => {
                    let name = words.iter().position(|word| *word == "column");
                    if let (Some(name), Some(table)) = (name, words.get(2)) {
                        let name = words.get(name + 1).copied().unwrap_or_default();
                        let table = (*table).to_owned();
                        all.push(Column { table, name, commented, line: at + 1 });
                    }
                }
                _ => {}
            }
        } else if let (1, Some(table), Some(name)) = (depth, &table, words.first()) {
            let starts = code.trim_start().starts_with(|c: char| c.is_alphabetic() || c == '"');
            if starts && !NO_COLUMN.contains(name) {
                all.push(Column { table: table.clone(), name, commented, line: at + 1 });
            }
        }
        depth += code.chars().map(|c| i32::from(c == '(') - i32::from(c == ')')).sum::<i32>();
        if depth == 0 && code.contains(';') {
            table = None;
        }
    }
    all
}

fn uncommented(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for column in columns(&file.text).iter().filter(|column| !column.commented) {
            let Column { table, name, line, .. } = column;
            found.push(format!("{}:{line}: {table}.{name} has no comment", file.path));
        }
    }
    found
}

#[test]
fn every_column_has_a_comment() {
    let all = files("migrations", &[".sql"]);
    clean(uncommented(&all));
    let columns: usize = all.iter().map(|file| columns(&file.text).len()).sum();
    assert!(all.is_empty() || columns > 0, "the rule sees no column in {} files", all.len());
}

#[test]
fn a_column_without_a_comment_is_found() {
    let text = "create table rooms (\n  id bigint primary key,  -- random\n  -- as people see it\n  \
                name text not null,\n  head bigint not null default (0),\n  primary key (id)\n) strict;\n\
                alter table rooms add column topic text;\n";
    let found = uncommented(&[File::new("0001.sql", text)]);
    assert_eq!(
        found,
        ["0001.sql:5: rooms.head has no comment", "0001.sql:8: rooms.topic has no comment"]
    );
}

type Tables = BTreeMap<String, BTreeSet<String>>;

fn tables(files: &[File]) -> Tables {
    let mut tables = Tables::new();
    for file in files {
        for column in columns(&file.text) {
            tables.entry(column.table).or_default().insert(column.name.to_owned());
        }
    }
    tables
}

fn disagreements(one: &[File], other: &[File]) -> Vec<String> {
    let names = |files: &[File]| files.iter().map(|f| f.name().to_owned()).collect::<Vec<_>>();
    let mut found = Vec::new();
    if names(one) != names(other) {
        found.push(format!("different files: {:?} and {:?}", names(one), names(other)));
    }
    let (one, other) = (tables(one), tables(other));
    for table in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
        let (a, b) = (one.get(table), other.get(table));
        // Full text search is each engine's own (architecture.md): a table of one engine is named so.
        let own = table.ends_with("_fts") || table.contains("_search");
        if a != b && !own {
            found.push(format!("table {table}: {a:?} and {b:?}"));
        }
    }
    found
}

#[test]
fn both_engines_have_the_same_migrations() {
    let (sqlite, postgres) = (
        files("migrations/server/sqlite", &[".sql"]),
        files("migrations/server/postgres", &[".sql"]),
    );
    clean(disagreements(&sqlite, &postgres));
}

#[test]
fn migrations_that_disagree_are_found() {
    let one = [File::new("sqlite/0001.sql", "create table a (\n  id bigint,\n  x text\n);\n")];
    let other = [File::new("postgres/0001.sql", "create table a (\n  id bigint\n);\n")];
    assert_eq!(disagreements(&one, &one), Vec::<String>::new());
    assert_eq!(disagreements(&one, &other).len(), 1);
    assert_eq!(disagreements(&one, &[]).len(), 2);
}
