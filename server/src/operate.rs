//! What an operator does from a shell. Each subcommand says what it did in a person's words, or as
//! JSON with `--json`; it ends with 0, with 1 when it was refused, with 2 when it was used wrongly.

pub mod archive;
pub mod backup;
pub mod check;
pub mod export;
pub mod reach;
pub mod restore;
pub mod room;
pub mod tenant;
pub mod user;
pub mod vacuum;

use crate::config::{Config, Flags};
use anyhow::{Result, ensure};
use reach::Reach;
use serde_json::Value;
use std::env::VarsOs;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The subcommands of an operator.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say what is configured, where each setting comes from, and whether all is well
    Check(Box<check::Ask>),
    /// People: list, add, show, keep out, let in, give a role, set a password anew
    User(user::Ask),
    /// Tenants and the keys of their backends
    Tenant(tenant::Ask),
    /// Rooms: list, show, put away, give an owner, delete
    Room(room::Ask),
    /// Write everything of this moment into one file; the server may run
    Backup(backup::Ask),
    /// Put a backup into an empty data folder or database; the server must not run
    Restore(restore::Ask),
    /// Write what is a person's, a room's or everybody's into a file that people can read
    Export(Box<export::Ask>),
    /// Give back the room that deleted rows leave
    Vacuum(vacuum::Ask),
    /// Print the version
    Version(Form),
}

/// Where the server's data are, and how to answer.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Place {
    /// Folder of everything the server keeps [default: ./data]
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// Configuration file [default: hallway.toml, where there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it")]
    pub form: Form,
}

impl Place {
    fn flags(&self) -> Flags {
        let (data, config) = (self.data.clone(), self.config.clone());
        Flags { data, config, ..Flags::default() }
    }
}

/// How to answer.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Form {
    /// Answer as JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

/// What a subcommand has to say.
#[derive(Debug)]
pub struct Said {
    /// For stdout.
    pub text: String,
    /// Whether all is well.
    pub well: bool,
}

impl From<String> for Said {
    fn from(text: String) -> Said {
        Said { text, well: true }
    }
}

/// Does what an operator asks.
pub fn run(command: Command) -> Result<Said> {
    match command {
        Command::Check(ask) => check::run(&ask),
        Command::User(ask) => user::run(&ask),
        Command::Tenant(ask) => tenant::run(&ask),
        Command::Room(ask) => room::run(&ask),
        Command::Backup(ask) => backup::run(&ask),
        Command::Restore(ask) => restore::run(&ask),
        Command::Export(ask) => export::run(&ask),
        Command::Vacuum(ask) => vacuum::run(&ask),
        Command::Version(form) => Ok(version(form).into()),
    }
}

/// Does something with the data, beside a running server or without one.
fn on(place: &Place, act: impl AsyncFnOnce(&Reach) -> Result<String>) -> Result<Said> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let reach = Reach::open(place).await?;
        let done = act(&reach).await;
        reach.close().await;
        done.map(Said::from)
    })
}

fn version(form: Form) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match form.json {
        true => serde_json::json!({ "version": version }).to_string(),
        false => format!("hallway-server {version}"),
    }
}

/// The configuration of these flags and of our environment.
fn configured(flags: &Flags) -> Result<Config> {
    Config::load(flags, environment)
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Variables of the environment that are text.
pub fn readable(all: VarsOs) -> impl Iterator<Item = (String, String)> {
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Refuses to write over what is there, unless that is wanted.
fn fresh(to: &Path, force: bool) -> Result<()> {
    let free = force || std::fs::symlink_metadata(to).is_err();
    let place = to.display();
    ensure!(free, "{place} is there already: name another file, or write over it with --force");
    Ok(())
}

/// Columns, as wide as what stands in them; the last one runs free.
fn columns(rows: &[Vec<String>]) -> String {
    let width =
        |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|s| s.chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let wide = if i + 1 == row.len() { 0 } else { width(i).unwrap_or(0) + 2 };
            let _ = write!(line, "{cell:wide$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A value as a person reads it.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time as a person reads it: `2026-11-21 19:03`, of Greenwich.
fn when(ms: i64) -> String {
    let minutes = ms.div_euclid(60_000);
    let (days, minute) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
    // Years begin in March here, so that the odd day comes last; 400 of them repeat.
    let (days, mut year) = (days + 719_468, 0);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    year += of_era + era * 400;
    let day = day - (365 * of_era + of_era / 4 - of_era / 100);
    let march = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * march + 2) / 5 + 1, (march + 2) % 12 + 1);
    let year = if month <= 2 { year + 1 } else { year };
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        for (ms, said) in [
            (0, "1970-01-01 00:00"),
            (951_782_399_000, "2000-02-28 23:59"),
            (951_782_400_000, "2000-02-29 00:00"),
            (1_795_165_680_123, "2026-11-20 09:08"),
            (4_107_542_400_000, "2100-03-01 00:00"),
            (-1, "1969-12-31 23:59"),
        ] {
            assert_eq!(when(ms), said, "{ms}");
        }
    }
}
