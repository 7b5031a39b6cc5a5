//! What an operator does from a shell. Each subcommand says what it did in a person's words, or as
//! JSON with `--json`; it ends with 0, with 1 when it was refused, with 2 when it was used wrongly.

pub mod check;

use crate::config::{Config, Flags};
use std::fmt::Write;
use std::path::PathBuf;

/// The subcommands of an operator.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say what is configured, where each setting comes from, and whether all is well
    Check(Box<check::Ask>),
    /// Print the version
    Version(Form),
}

/// Where the server's data are, and how to answer.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Place {
    /// Folder of everything the server keeps [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file [default: hallway.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it")]
    pub form: Form,
}

/// How to answer.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Form {
    /// Answer as JSON, for programs
    #[arg(long)]
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
pub fn run(command: Command) -> anyhow::Result<Said> {
    match command {
        Command::Check(ask) => check::run(&ask),
        Command::Version(form) => Ok(version(form).into()),
    }
}

fn version(form: Form) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match form.json {
        true => serde_json::json!({ "version": version }).to_string(),
        false => format!("hallway-server {version}"),
    }
}

/// The configuration of these flags and of our environment.
fn configured(flags: &Flags) -> anyhow::Result<Config> {
    Config::load(flags, environment)
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
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
