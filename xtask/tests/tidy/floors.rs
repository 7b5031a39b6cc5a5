//! Each floor does its one thing: the protocol has no I/O, one file turns rows into state, each
//! module says what it is.

use crate::tree::{File, clean, files, root, rust};

/// Crates that compute and touch nothing outside the process.
const PURE: &[&str] =
    &["caseless", "serde", "serde_json", "thiserror", "unicode-normalization", "uuid"];

/// Ways of std to the outside.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::io",
    "std::process",
    "std::env",
    "std::thread",
    "std::os",
    "SystemTime",
    "Instant::now",
    "println!",
    "eprintln!",
];

fn protocol_sources(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in code(&file.text) {
            if let Some(word) = OUTSIDE.iter().find(|word| line.contains(**word)) {
                found.push(format!("{}:{number}: {word} in the protocol", file.path));
            }
        }
    }
    found
}

fn protocol_crates(manifest: &str) -> Vec<String> {
    section(manifest, "[dependencies]")
        .filter(|name| !PURE.contains(name))
        .map(|name| format!("protocol depends on {name}, which is not known to be without I/O"))
        .collect()
}

#[test]
fn the_protocol_has_no_io() {
    clean(protocol_sources(&files("protocol/src", &[".rs"])));
    let manifest = std::fs::read_to_string(root().join("protocol/Cargo.toml"));
    clean(protocol_crates(&manifest.expect("the protocol has a manifest")));
}

#[test]
fn io_in_the_protocol_is_found() {
    let file = File::new("protocol/src/x.rs", "use std::fs;\n// std::net is only named here\n");
    assert_eq!(protocol_sources(&[file]).len(), 1);
    assert_eq!(protocol_crates("[dependencies]\ntokio.workspace = true\nserde = \"1\"\n").len(), 1);
}

/// Rows of rooms and people enter the local store in one place.
fn other_doors(files: &[File]) -> Vec<String> {
    const TABLES: &[&str] =
        &["into messages (", "into reactions (", "into members (", "into users ("];
    let mut found = Vec::new();
    for file in files.iter().filter(|f| f.path != "core/src/apply.rs" && !is_test(&f.path)) {
        for (number, line) in code(without_tests(&file.text)) {
            if let Some(table) = TABLES.iter().find(|table| line.contains(**table)) {
                found.push(format!("{}:{number}: {table} … belongs into apply.rs", file.path));
            }
        }
    }
    found
}

#[test]
fn only_apply_turns_events_into_rows() {
    clean(other_doors(&files("core/src", &[".rs"])));
}

#[test]
fn a_second_door_for_rows_is_found() {
    let file = File::new("core/src/feed.rs", "tx.execute(\n    \"insert into users (user)\"\n");
    assert_eq!(other_doors(&[file]).len(), 1);
}

/// What a module is stands on its first line.
fn without_a_head(files: &[File]) -> Vec<String> {
    let headless = |file: &&File| {
        let first = file.text.lines().find(|line| !line.trim().is_empty());
        !first.is_some_and(|line| line.starts_with("//!") || line.starts_with("#!["))
    };
    files.iter().filter(headless).map(|f| format!("{}: no //! at its head", f.path)).collect()
}

#[test]
fn each_module_says_what_it_is() {
    clean(without_a_head(&rust()));
    assert_eq!(without_a_head(&[File::new("x.rs", "use std::fs;\n")]).len(), 1);
}

/// An `allow` stays for ever; an `expect` goes when its reason does.
fn allowed(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in code(&file.text) {
            let line = line.trim_start();
            if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
                found.push(format!("{}:{number}: #[expect], not #[allow]", file.path));
            }
        }
    }
    found
}

#[test]
fn lints_are_expected_and_not_allowed() {
    clean(allowed(&rust()));
    assert_eq!(allowed(&[File::new("x.rs", "    #[allow(dead_code)]\n")]).len(), 1);
}

/// Lines of code with their numbers: comments on lines of their own are left out.
pub fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The text up to its `#[cfg(test)] mod`, which stands last in a file.
pub fn without_tests(text: &str) -> &str {
    let at = ["\n#[cfg(test)]\nmod ", "\n#[cfg(all(test"].iter().filter_map(|mark| text.find(mark));
    at.min().map_or(text, |at| &text[..=at])
}

/// A file of tests as a whole.
pub fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with(".test.js")
}

/// The names of one section of a manifest.
pub fn section<'a>(manifest: &'a str, head: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = manifest.lines().skip_while(move |line| line.trim() != head).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
}
