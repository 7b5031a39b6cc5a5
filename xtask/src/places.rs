//! Where things lie: the clone, its build output, the data of `run`.
//!
//! The server has a target folder of its own: built beside the core in one, Cargo would merge the
//! features of SQLite, and the server would get SQLCipher.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The folders of one checkout.
pub struct Places {
    /// The clone.
    pub root: PathBuf,
    /// Build output of everything but the server.
    pub target: PathBuf,
    /// Build output of the server.
    pub server_target: PathBuf,
    /// Programs the tests need, built once.
    pub tools: PathBuf,
}

impl Places {
    /// `HALLWAY_CACHE` (under `CI=true`: `~/.cache/hallway`) keeps what is built outside the clone;
    /// else it is `CARGO_TARGET_DIR` or `./target`, as with plain Cargo.
    pub fn find() -> Result<Places> {
        // Cargo says at run time which clone it is; two clones may share their build output.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = manifest
            .as_deref()
            .unwrap_or(Path::new(env!("CARGO_MANIFEST_DIR")))
            .parent()
            .context("xtask stands inside the clone")?
            .to_path_buf();
        let target = match std::env::var_os("HALLWAY_CACHE") {
            Some(cache) => std::path::absolute(cache)?,
            None if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                let home = std::env::home_dir().context("there is no home folder")?;
                home.join(".cache/hallway")
            }
            None => match std::env::var_os("CARGO_TARGET_DIR") {
                Some(dir) => std::path::absolute(dir)?,
                None => root.join("target"),
            },
        };
        let (server_target, tools) = (target.join("server"), target.join("tools"));
        Ok(Places { root, target, server_target, tools })
    }

    /// The server's program.
    pub fn server_binary(&self, profile: &str) -> PathBuf {
        self.server_target.join(profile).join(program("hallway-server"))
    }

    /// The app's program.
    pub fn app_binary(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join(program("hallway"))
    }

    /// What `run` keeps: the server's data, the people, the apps' stores.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }
}

fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}
