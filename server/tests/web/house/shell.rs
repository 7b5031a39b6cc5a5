//! The operator's shell: subcommands of the program, on a data folder that a server may run on.

use super::PATIENCE;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// A shell whose commands are about one data folder.
#[derive(Clone)]
pub struct Shell {
    data: PathBuf,
    environment: Vec<(String, String)>,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn at(data: &Path) -> Shell {
        Shell { data: data.to_owned(), environment: Vec::new() }
    }

    /// With one variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Shell {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs a command and waits for it.
    pub async fn run(&self, words: &[&str]) -> Ended {
        self.told(words, "").await
    }

    /// The same with something on its stdin.
    pub async fn told(&self, words: &[&str], input: &str) -> Ended {
        let mut child = self.command(words).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("piped");
        // One that reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let ended = timeout(PATIENCE * 3, child.wait_with_output()).await;
        let ended = ended.expect("an end in time").expect("it ran");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&ended.stdout), text(&ended.stderr));
        Ended { code: ended.status.code().unwrap_or(-1), out, err }
    }

    /// The command itself, for who wants to end it early.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallway-server"));
        let near = self.data.parent().expect("a folder around the data");
        command
            .args(words)
            .arg("--data")
            .arg(&self.data)
            .current_dir(near)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

impl Ended {
    /// What it said as JSON, having done what it was asked.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What it said, having done what it was asked.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.out
    }

    /// Why it was refused.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert_eq!(self.code, 1, "{self:?}");
        assert!(!self.err.is_empty(), "a refusal says why: {self:?}");
        &self.err
    }
}
